"""What an identity provider says of somebody, made into an identity. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath

MOST_GROUPS = 10_000
"""Of one person. More is taken for a mistake of the provider's."""
_LONGEST = {"groups": 1000, "subject": 255, "username": 512, "email": 512, "first_name": 256, "last_name": 256}
"""How many characters our columns and FAB's hold."""


class SignInRefused(Exception):
    """Nobody is signed in. The text tells the person what is wrong and what to do; it holds no secrets."""

    status = 403
    """Of the page that says so."""


@dataclass(frozen=True)
class Identity:
    """Somebody, as their provider knows them: the issuer and the subject say who, the rest is about them."""

    issuer: str
    subject: str
    username: str
    first_name: str
    last_name: str
    email: str
    groups: frozenset[str]


@dataclass(frozen=True)
class ClaimPaths:
    """
    Where to look in the claims of the id token and of userinfo, each a JMESPath.

    :raises ValueError: one of them is none; the text says which
    """

    groups: str = "groups"
    username: str = "preferred_username || email"
    first_name: str = "given_name"
    last_name: str = "family_name"
    email: str = "email"

    def __post_init__(self) -> None:
        for name, path in vars(self).items():
            try:
                jmespath.compile(path)
            except jmespath.exceptions.JMESPathError as error:
                raise ValueError(f"{name}_claim = {path!r} is not a JMESPath: {error}") from None


def read_identity(id_token: Mapping[str, Any], userinfo: Mapping[str, Any], paths: ClaimPaths) -> Identity:
    """
    Read the claims of an id token, whose signature and times have been checked, and of userinfo.

    :raises SignInRefused: something that is needed is missing, or is not what it should be
    """
    if userinfo and userinfo.get("sub") != id_token.get("sub"):
        # OpenID Connect Core, 5.3.2: then userinfo must not be used.
        raise SignInRefused("The identity provider's userinfo is about somebody else than its id token.")
    claims = {**userinfo, **id_token}
    username, email = _text(claims, "username", paths.username), _text(claims, "email", paths.email)
    if not username:
        raise SignInRefused(
            f"The identity provider did not say who you are: there is nothing at {paths.username!r}. Ask an "
            "administrator to have it send that, or to mend [team_rbac] username_claim or oidc_scope."
        )
    if not username.isprintable():
        raise SignInRefused("Your username at the identity provider has characters that cannot be shown.")
    if username == email and claims.get("email_verified") is False:
        raise SignInRefused("Your username is your e-mail address, which the identity provider has not verified.")
    return Identity(
        issuer_of(_text(claims, "issuer", "iss")),
        _text(claims, "subject", "sub"),
        username,
        _text(claims, "first_name", paths.first_name),
        _text(claims, "last_name", paths.last_name),
        email,
        _groups(claims, paths.groups),
    )


def issuer_of(url: str) -> str:
    """Return how an issuer is kept: some end in a slash, and people who write them down leave it out."""
    return url.rstrip("/")


def _text(claims: Mapping[str, Any], what: str, path: str) -> str:
    value = jmespath.search(path, dict(claims))
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > _LONGEST.get(what, 500):
        raise SignInRefused(f"What the identity provider sent at {path!r} is too long: {len(text)} characters.")
    return text


def _groups(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Absent is not empty: a provider that does not send groups must not look like one that took them away."""
    found = jmespath.search(path, dict(claims))
    if found is None and _left_out(claims):
        raise SignInRefused(
            "You are in more groups than the identity provider puts into a token, so it named none (overage). Ask an "
            "administrator to have it send only the groups that are assigned to this application, or to use app "
            "roles and [team_rbac] groups_claim = roles."
        )
    if found is None:
        raise SignInRefused(
            f"The identity provider named no groups at {path!r}. Ask an administrator to have it send them, or to "
            "mend [team_rbac] groups_claim or oidc_scope."
        )
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(group, str) for group in found):
        raise SignInRefused(
            f"What the identity provider sent at {path!r} is not a list of group names. Ask an administrator to mend "
            "[team_rbac] groups_claim: for a list of objects, groups[].name takes the names out of them."
        )
    if len(found) > MOST_GROUPS or any(len(group) > _LONGEST["groups"] for group in found):
        raise SignInRefused(
            f"The identity provider sent more than {MOST_GROUPS} groups, or one whose name is longer than "
            f"{_LONGEST['groups']} characters. Ask an administrator to have it send fewer."
        )
    return frozenset(group for group in found if group)


def _left_out(claims: Mapping[str, Any]) -> bool:
    """Whether the provider says that there are groups elsewhere: Entra ID's overage, OpenID Connect Core 5.6.2."""
    names = claims.get("_claim_names")
    return claims.get("hasgroups") in (True, "true") or (isinstance(names, Mapping) and "groups" in names)
