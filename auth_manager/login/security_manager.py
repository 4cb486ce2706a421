"""FAB's login pages, pointed at the provider of ``[team_rbac] oidc_issuer``."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.exceptions import AirflowConfigException
from airflow.providers.fab.auth_manager.models import User
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from airflow.providers.fab.auth_manager.views.user import CustomUserOAuthModelView
from flask import current_app, flash
from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

from ..store.identities import sign_in
from .claims import Identity, SignInRefused, read_identity

log = logging.getLogger(__name__)

PROVIDER = "oidc"
"""The provider's name in FAB, and so in the redirect URI: ``<base_url>/auth/oauth-authorized/oidc``."""


def oidc_is_configured() -> bool:
    """Whether people sign in at ``[team_rbac] oidc_issuer``."""
    return bool(conf.get("team_rbac", "oidc_issuer", fallback="").strip())


def _provider() -> dict[str, Any]:
    """Return what FAB and Authlib need to know of the provider. Raises AirflowConfigException."""
    needed = {name: conf.get("team_rbac", name, fallback="").strip() for name in ("oidc_issuer", "oidc_client_id")}
    for name, value in needed.items():
        if not value:
            raise AirflowConfigException(f"[team_rbac] {name} is empty; oidc_issuer needs it")
    return {
        "name": PROVIDER,
        "icon": "fa-sign-in",
        "token_key": "access_token",
        "remote_app": {
            "client_id": needed["oidc_client_id"],
            "client_secret": conf.get("team_rbac", "oidc_client_secret", fallback=""),
            "server_metadata_url": f"{needed['oidc_issuer'].rstrip('/')}/.well-known/openid-configuration",
            "client_kwargs": {
                "scope": conf.get("team_rbac", "oidc_scope"),
                "code_challenge_method": "S256",
                "timeout": 10,
            },
        },
    }


class _UserView(CustomUserOAuthModelView):
    """FAB's page of users, which otherwise saves nobody without a role: here a role may come from a binding."""

    validators_columns: ClassVar[dict[str, Any]] = {}


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """FAB's security manager, for people whose provider says who they are and which groups they are in."""

    useroauthmodelview = _UserView

    def __init__(self, appbuilder: Any) -> None:
        config = current_app.config
        if config.get("AUTH_TYPE", AUTH_DB) != AUTH_DB:
            raise AirflowConfigException(
                "webserver_config.py sets AUTH_TYPE, and airflow.cfg sets [team_rbac] oidc_issuer: two ways to "
                "sign in. Remove one of them."
            )
        config["AUTH_TYPE"] = AUTH_OAUTH
        config["OAUTH_PROVIDERS"] = [_provider()]
        super().__init__(appbuilder)

    def set_oauth_session(self, provider: str, oauth_response: dict[str, Any]) -> None:
        """Keep none of the provider's tokens: nothing needs them after sign-in."""

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """
        Return who signed in, for ``auth_user_oauth``.

        Authlib has checked the id token already (signature, iss, aud, exp, nonce): ``resp["userinfo"]``.
        """
        remote = self.oauth_remotes[provider]
        try:
            id_token = resp.get("userinfo")
            if not id_token:
                raise SignInRefused("The identity provider sent no id token. Is 'openid' in [team_rbac] oidc_scope?")
            more = remote.userinfo(token=resp) if remote.load_server_metadata().get("userinfo_endpoint") else {}
            return {"identity": read_identity(id_token, more, conf.get("team_rbac", "groups_claim"))}
        except SignInRefused as refusal:
            flash(str(refusal), "danger")
            raise

    def auth_user_oauth(self, userinfo: dict[str, Any], rotate_session_id: bool = True) -> User | None:
        """Return the FAB user of who signed in, made if need be, with their groups as told now."""
        identity: Identity = userinfo["identity"]
        try:
            user = sign_in(identity, self.session)
        except SignInRefused as refusal:
            self.session.rollback()
            log.warning("Refused the sign-in of %r: %s", identity.username, refusal)
            flash(str(refusal), "danger")
            return None
        if rotate_session_id:
            self._rotate_session_id()
        self.update_user_auth_stat(user)
        return user
