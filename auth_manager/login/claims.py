"""What an identity provider says of somebody, made into an identity. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath


class SignInRefused(Exception):
    """Nobody is signed in. The text tells the person what is wrong and whom it needs; it holds no secrets."""


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


def read_identity(id_token: Mapping[str, Any], userinfo: Mapping[str, Any], groups_claim: str) -> Identity:
    """
    Read the claims of an id token, whose signature and times have been checked, and of userinfo.

    :param groups_claim: a JMESPath over both
    :raises SignInRefused: something that is needed is missing
    """
    if userinfo and userinfo.get("sub") != id_token.get("sub"):
        # OpenID Connect Core, 5.3.2: then userinfo must not be used.
        raise SignInRefused("The identity provider's userinfo is about somebody else than its id token.")
    claims = {**userinfo, **id_token}
    issuer, subject = _text(claims, "iss"), _text(claims, "sub")
    username = _text(claims, "preferred_username") or _text(claims, "email")
    if not (issuer and subject and username):
        missing = "iss, sub or preferred_username"
        raise SignInRefused(f"The identity provider did not say who you are: a claim is missing ({missing}).")
    return Identity(
        issuer,
        subject,
        username,
        _text(claims, "given_name"),
        _text(claims, "family_name"),
        _text(claims, "email"),
        _groups(claims, groups_claim),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""


def _groups(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Absent is not empty: a provider that does not send groups must not look like one that took them away."""
    found = jmespath.search(path, dict(claims))
    if found is None:
        raise SignInRefused(
            f"The identity provider named no groups at {path!r}. Ask an administrator to have it send them, or to "
            "mend [team_rbac] groups_claim or oidc_scope."
        )
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(group, str) for group in found):
        raise SignInRefused(f"What the identity provider sent at {path!r} is not a list of group names.")
    return frozenset(found)
