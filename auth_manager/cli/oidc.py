"""``airflow team-rbac oidc check``: what the provider offers, what is missing, and what a token would give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jmespath
import requests
from airflow.exceptions import AirflowConfigException
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError
from sqlalchemy import func, select

from ..login.claims import Identity, SignInRefused, read_identity
from ..login.provider import (
    PROVIDER,
    SIGNED_WITH,
    OidcClient,
    answering,
    claim_paths,
    redirect_uri,
    refusal,
    remote_app,
    signed_out_uri,
)
from ..policy.evaluate import Person
from ..store.people import People, utcnow


@dataclass(frozen=True)
class Finding:
    """Something that was looked at. ``detail`` says what was found, or what to do."""

    what: str
    good: bool
    detail: str


def look(token: str | None = None) -> Iterator[Finding]:
    """
    Yield what is found, one thing after the other, until there is nothing more to look at.

    :param token: an id token, or the JSON that a token endpoint answered
    """
    try:
        client = OidcClient(None, PROVIDER, **remote_app())
        paths = claim_paths()
    except AirflowConfigException as error:
        yield Finding("configuration", False, str(error))
        return
    secret = "with a secret" if client.client_secret else "without a secret (PKCE alone protects the sign-in)"
    yield Finding("configuration", True, f"client {client.client_id!r}, {secret}")
    yield Finding("register as redirect URI", True, redirect_uri())
    yield Finding("register for after signing out", True, signed_out_uri())
    try:
        metadata = client.load_server_metadata()
    except SignInRefused as error:
        yield Finding("metadata", False, f"{client._server_metadata_url}: {error}")
        return
    yield Finding("metadata", True, f"issuer {metadata['issuer']}")
    yield from _endpoints(metadata)
    yield _keys(client)
    yield from _offers(client, metadata, paths.groups)
    if token is not None:
        yield from _gives(client, token.strip())


def _endpoints(metadata: dict[str, Any]) -> Iterator[Finding]:
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        url = metadata.get(name)
        where = urlsplit(str(url or ""))
        secure = where.scheme == "https" or where.hostname in ("localhost", "127.0.0.1")
        yield Finding(name, secure, f"{url}" + ("" if secure or not url else ": not https") if url else "missing")
    ends = metadata.get("end_session_endpoint")
    yield Finding("end_session_endpoint", True, ends or "not offered: signing out ends Airflow's session alone")


def _keys(client: OidcClient) -> Finding:
    try:
        with answering():
            keys = client.fetch_jwk_set(force=True)["keys"]
            usable = [key for key in keys if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"]
    except SignInRefused as error:
        return Finding("keys", False, str(error))
    return Finding("keys", bool(usable), f"{len(usable)} that sign, of {len(keys)}")


def _offers(client: OidcClient, metadata: dict[str, Any], groups: str) -> Iterator[Finding]:
    algorithms = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    usable = sorted(SIGNED_WITH.intersection(algorithms))
    yield Finding("signatures", bool(usable), ", ".join(usable) or f"none that shows who signed: {algorithms}")
    methods = metadata.get("code_challenge_methods_supported")
    yield Finding(
        "PKCE",
        methods is None or "S256" in methods,
        "S256" if methods and "S256" in methods else f"does not say S256, which is used: {methods}",
    )
    scopes = metadata.get("scopes_supported")
    missing = [scope for scope in client.client_kwargs["scope"].split() if scopes is not None and scope not in scopes]
    yield Finding(
        "scopes",
        not missing,
        f"not offered: {', '.join(missing)}. Mend [team_rbac] oidc_scope" if missing else client.client_kwargs["scope"],
    )
    claims = metadata.get("claims_supported") or ()
    offered = not claims or any(jmespath.search(groups, {claim: [claim]}) is not None for claim in claims)
    yield Finding(
        "groups claim",
        True,
        f"{groups}"
        + ("" if offered else f": not among the claims that it says it has ({', '.join(claims)}). Look with --token"),
    )


def _gives(client: OidcClient, text: str) -> Iterator[Finding]:
    try:
        token = json.loads(text) if text.startswith("{") else {"id_token": text}
        id_token = client.parse_id_token(token, None, claims_cls=CodeIDToken)
        if id_token is None:
            raise SignInRefused("There is no id_token in it.")
        more = client.userinfo(token=token) if "access_token" in token else {}
        identity = read_identity(id_token, more, claim_paths())
    except (SignInRefused, JoseError, ValueError, KeyError, requests.RequestException) as error:
        yield Finding("token", False, str(refusal(error)))
        return
    yield Finding("token", True, f"{identity.username!r}, subject {identity.subject!r}")
    yield Finding("groups", True, ", ".join(sorted(identity.groups)) or "none")
    yield from _roles(identity)


def _roles(identity: Identity) -> Iterator[Finding]:
    """What the policy makes of the groups, with the FAB roles of whoever has that username already."""
    people = People()
    evaluator = people.evaluator()
    with create_session() as session:
        known = session.scalar(select(User).where(func.lower(User.username) == identity.username.lower()))
        held = tuple(role.name for role in known.roles) if known is not None else ()
        person = Person(identity.username, identity.groups, held)
        principal = evaluator.principal(person, people.roles.using(session), utcnow())
    if principal.superuser:
        yield Finding("deployment", True, "a superuser: may do everything")
    elif principal.everywhere.held:
        yield Finding("deployment", True, str(principal.everywhere))
    for team, standing in sorted(principal.teams.items()):
        yield Finding(f"team {team}", True, str(standing))
    if not principal.teams and not principal.superuser:
        yield Finding("teams", True, "none: no binding names them or one of their groups")
