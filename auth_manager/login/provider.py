"""The provider of ``[team_rbac] oidc_issuer``: Authlib's client, held to what it leaves to its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import requests
from airflow.configuration import conf
from airflow.exceptions import AirflowConfigException
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import MismatchingStateError, OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App
from flask import has_request_context, request
from joserfc.errors import InvalidClaimError, JoseError, MissingClaimError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from .claims import ClaimPaths, SignInRefused, issuer_of

PROVIDER = "oidc"
"""The provider's name in FAB, and so in the redirect URI: ``<base_url>/auth/oauth-authorized/oidc``."""
SECONDS_TO_ANSWER = 10
LEEWAY = 60
"""How many seconds the provider's clock and ours may differ."""
SIGNED_WITH = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""A provider may offer ``none`` and HMACs as well. Neither shows that a token is the provider's."""


class ProviderFails(SignInRefused):
    """The provider does not answer, or not as one should."""

    status = 502


class AirflowFails(SignInRefused):
    """It is nobody's fault but ours, or our database's."""

    status = 500


class NotBegunHere(SignInRefused):
    """An answer of the provider's to a question that this browser did not ask."""

    status = 400


def oidc_is_configured() -> bool:
    """Whether people sign in at ``[team_rbac] oidc_issuer``."""
    return bool(conf.get("team_rbac", "oidc_issuer", fallback="").strip())


def claim_paths() -> ClaimPaths:
    """Return where the claims are. Raises AirflowConfigException."""
    names = ("groups", "username", "first_name", "last_name", "email")
    try:
        return ClaimPaths(**{name: conf.get("team_rbac", f"{name}_claim") for name in names})
    except ValueError as error:
        raise AirflowConfigException(f"[team_rbac] {error}") from None


def redirect_uri() -> str:
    """Return what has to be registered at the provider, and where it sends people back to."""
    return urljoin(_airflow(), f"auth/oauth-authorized/{PROVIDER}")


def signed_out_uri() -> str:
    """Return where the provider sends people once they are signed out, which some want registered too."""
    return urljoin(_airflow(), "auth/login/")


def sign_in_link_uri() -> str:
    """Return the page that takes the code of a link."""
    return urljoin(_airflow(), "auth/sign-in/")


def _airflow() -> str:
    here = request.host_url if has_request_context() else "http://localhost:8080"
    return str(conf.get("api", "base_url", fallback="") or here).rstrip("/") + "/"


def remote_app() -> dict[str, Any]:
    """Return what Authlib needs to know of the provider. Raises AirflowConfigException."""
    scope = conf.get("team_rbac", "oidc_scope")
    if "openid" not in scope.split():
        raise AirflowConfigException(f"[team_rbac] oidc_scope = {scope!r} needs openid: without it, nobody is named")
    return {
        "client_id": _needed("oidc_client_id"),
        "client_secret": conf.get("team_rbac", "oidc_client_secret", fallback=""),
        # OpenID Connect Discovery 1.0, section 4.
        "server_metadata_url": f"{_needed('oidc_issuer').rstrip('/')}/.well-known/openid-configuration",
        "client_kwargs": {"scope": scope, "code_challenge_method": "S256", "default_timeout": SECONDS_TO_ANSWER},
    }


def _needed(name: str) -> str:
    value: str = conf.get("team_rbac", name, fallback="").strip()
    if not value:
        raise AirflowConfigException(f"[team_rbac] {name} is empty; signing in by OpenID Connect needs it")
    return value


class OidcClient(FlaskOAuth2App):  # type: ignore[misc]  # Authlib has no types
    """Checks what OpenID Connect asks of a client and Authlib does not, or only where it is told to."""

    def load_server_metadata(self) -> dict[str, Any]:
        """Return what the provider says of itself. Raises ProviderFails."""
        with answering():
            metadata: dict[str, Any] = super().load_server_metadata()
        # OpenID Connect Discovery 1.0, section 4.3: else somebody else's keys could sign.
        wanted = _needed("oidc_issuer")
        if issuer_of(str(metadata.get("issuer", ""))) != issuer_of(wanted):
            raise ProviderFails(
                f"The identity provider calls itself {metadata.get('issuer')!r}, and [team_rbac] oidc_issuer is "
                f"{wanted!r}. An administrator has to mend that."
            )
        return metadata

    def create_authorization_url(self, redirect_uri: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """
        Return where to send somebody. The provider is asked each time what it is: whoever is sent to one that is down
        is told nothing there.

        :raises ProviderFails: it is down
        """
        self.server_metadata.pop("_loaded_at", None)
        found: dict[str, Any] = super().create_authorization_url(redirect_uri, **kwargs)
        return found

    def parse_id_token(
        self,
        token: dict[str, Any],
        nonce: str | None,
        claims_options: Any = None,
        claims_cls: Any = None,
        leeway: int = LEEWAY,
    ) -> Any:
        """
        Return the claims of the id token, once it is sure that they are the provider's, for us and for now.

        The keys are asked for each time: one that was withdrawn signs nobody in.

        :raises JoseError: they are not
        :raises ProviderFails: the provider does not tell its keys
        """
        metadata = self.load_server_metadata()
        # By the token itself: what the provider offers is asked anew meanwhile, for others who sign in.
        if "id_token" in token and _algorithm(token["id_token"]) not in SIGNED_WITH:
            raise UnsupportedAlgorithmError
        with answering():
            KeySet.import_key_set(self.fetch_jwk_set(force=True))
        ours = {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": self.client_id},
            "sub": {"essential": True},
        }
        return super().parse_id_token(token, nonce, ours, claims_cls, LEEWAY)

    def check_issuer(self, issuer: str | None) -> None:
        """Refuse another provider's answer, where the answer says whose it is (RFC 9207). Raises ProviderFails."""
        if issuer is not None and issuer != self.load_server_metadata()["issuer"]:
            raise NotBegunHere("This is the answer of another identity provider than the one that was asked.")

    def userinfo(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the provider says of a token's bearer. Raises ProviderFails."""
        with answering():
            found: dict[str, Any] = super().userinfo(**kwargs)
        return found


def _algorithm(id_token: str) -> object:
    return extract_compact(id_token.encode()).headers().get("alg")


@contextmanager
def answering() -> Iterator[None]:
    """Raise ProviderFails where the provider does not answer, or nonsense."""
    try:
        yield
    except (requests.RequestException, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise ProviderFails(_silent(error)) from error


def refusal(error: Exception) -> SignInRefused:
    """Return what to tell the person, of whatever went wrong while they signed in. It holds nothing secret."""
    if isinstance(error, SignInRefused):
        return error
    if isinstance(error, MismatchingStateError):
        return NotBegunHere("This sign-in was not begun in this browser, or more than an hour ago. Begin it anew.")
    if isinstance(error, OAuthError):
        code = error.error if str(error.error).replace("_", "").isalnum() else "an error"
        return SignInRefused(f"The identity provider did not sign you in: {code}.")
    if isinstance(error, JoseError):
        return ProviderFails(
            f"The identity provider's token is not to be trusted: {_fault(error)}. Nothing was done. Tell an "
            "administrator, who can look with: airflow team-rbac oidc check."
        )
    if isinstance(error, requests.RequestException | AuthlibBaseError | ValueError):
        return ProviderFails(_silent(error))
    return AirflowFails(f"Airflow could not sign you in ({type(error).__name__}). Nothing was done. Its log says why.")


def _fault(error: JoseError) -> str:
    if isinstance(error, MissingClaimError | InvalidClaimError):
        return f"its claim {error.claim!r} is {'missing' if isinstance(error, MissingClaimError) else 'wrong'}"
    return str(error.error).replace("_", " ")


def _silent(error: Exception) -> str:
    # What is no JSON is both.
    answers = not isinstance(error, requests.RequestException) or isinstance(error, ValueError)
    what = "does not answer as one should" if answers else "does not answer"
    return (
        f"The identity provider {what} ({type(error).__name__}). Whoever is signed in can go on. Try again; where it "
        "lasts, an administrator can let you in by a link: airflow team-rbac sign-in."
    )
