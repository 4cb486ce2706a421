"""Signing in, in the whole app: what is right, and each way in which a provider can be wrong."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from joserfc import jwk, jwt

from .conftest import nothing_came_of_it, rows, told
from .provider import Provider, signed_by_the_public_key, unsigned

NOW = int(time.time())


def strange_key(provider: Provider) -> None:
    mine = jwk.RSAKey.generate_key(2048, {"kid": "1"})
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, mine)


def claims(**changed: Any):
    return lambda provider: provider.claims.update(changed)


def instead(path: str, answer: Any):
    return lambda provider: provider.instead.update({path: answer})


def slowly(provider: Provider) -> None:
    def wait() -> None:
        provider.go_on.wait(30)

    provider.instead["/token"] = wait


WRONG: dict[str, tuple[Any, int, str]] = {
    "wrong issuer": (claims(iss="https://elsewhere.example.com"), 502, "claim 'iss' is wrong"),
    "no issuer": (claims(iss=...), 502, "claim 'iss' is missing"),
    "wrong audience": (claims(aud="another-app"), 502, "claim 'a(ud|zp)' is (wrong|missing)"),
    "another's, by us": (claims(aud="another-app", azp="airflow"), 502, "claim 'aud' is wrong"),
    "ours and another's, by another": (claims(aud=["airflow", "another"], azp="another"), 502, "claim 'azp' is wrong"),
    "ours and another's, by nobody": (claims(aud=["airflow", "another"]), 502, "claim 'azp' is missing"),
    "expired": (claims(exp=NOW - 600, iat=NOW - 900), 502, "expired"),
    "no end": (claims(exp=...), 502, "claim 'exp' is missing"),
    "not yet valid": (claims(nbf=NOW + 3600), 502, "'nbf'|invalid token"),
    "made tomorrow": (claims(iat=NOW + 86400), 502, "'iat'|invalid token"),
    "wrong nonce": (claims(nonce="another"), 502, "claim 'nonce' is wrong"),
    "no nonce": (claims(nonce=...), 502, "claim 'nonce' is missing"),
    "nobody": (claims(sub=...), 502, "claim 'sub' is missing"),
    "wrong hash of the access token": (claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), 502, "claim 'at_hash' is wrong"),
    "unsigned": (lambda provider: setattr(provider, "sign", unsigned), 502, "algorithm"),
    "signed by the public key": (
        lambda provider: setattr(provider, "sign", signed_by_the_public_key(provider)),
        502,
        "algorithm",
    ),
    "signed by a secret that it publishes": (
        lambda provider: (
            provider.metadata.update({"id_token_signing_alg_values_supported": ["HS256"]}),
            setattr(provider, "sign", signed_by_the_public_key(provider)),
        ),
        502,
        "algorithm",
    ),
    "signed by a strange key": (strange_key, 502, "bad signature"),
    "no keys": (lambda provider: setattr(provider, "keys", []), 502, "does not answer as one should|not to be trusted"),
    "no id token": (instead("/token", (200, {"access_token": "x", "token_type": "Bearer"})), 403, "sent no id token"),
    "no groups": (claims(groups=...), 403, "named no groups at 'groups'.*groups_claim"),
    "groups are null": (claims(groups=None), 403, "named no groups"),
    "groups are a number": (claims(groups=7), 403, "not a list of group names"),
    "nested groups": (claims(groups=[{"name": "sales-dev"}]), 403, r"not a list of group names.*groups\[\].name"),
    "groups in groups": (claims(groups=[["sales-dev"]]), 403, "not a list of group names"),
    "overage": (claims(groups=..., _claim_names={"groups": "src1"}), 403, "more groups than.*groups_claim = roles"),
    "overage, implicit": (claims(groups=..., hasgroups=True), 403, "more groups than"),
    "too many groups": (claims(groups=[f"g{n}" for n in range(10_001)]), 403, "more than"),
    "a long group": (claims(groups=["g" * 1001]), 403, "longer than"),
    "a long name": (claims(family_name="x" * 300), 403, "'family_name' is too long"),
    "a long username": (claims(preferred_username="x" * 600), 403, "too long"),
    "oversized claims": (claims(picture="x" * 200_000), 502, "exceeded size"),
    "no username": (claims(preferred_username=..., email=...), 403, "did not say who you are.*username_claim"),
    "a username that cannot be shown": (claims(preferred_username="ana\nroot"), 403, "cannot be shown"),
    "an unverified address for a username": (
        claims(preferred_username=..., email_verified=False),
        403,
        "not verified",
    ),
    "userinfo of somebody else": (
        lambda provider: setattr(provider, "userinfo", {"sub": "s-eve", "groups": ["finance-dev"]}),
        403,
        "somebody else",
    ),
    "token endpoint down": (instead("/token", (500, b"oops")), 502, "does not answer"),
    "token endpoint says no": (instead("/token", (400, {"error": "invalid_client"})), 403, "invalid_client"),
    "token endpoint talks nonsense": (instead("/token", (200, b"<html>")), 502, "does not answer as one should"),
    "token endpoint slow": (slowly, 502, "does not answer .*Timeout"),
    "keys down": (instead("/jwks", (503, b"")), 502, "does not answer"),
    "keys are nonsense": (instead("/jwks", (200, b"[]")), 502, "does not answer as one should|not to be trusted"),
    "userinfo down": (instead("/userinfo", (500, b"")), 502, "does not answer"),
    "userinfo is nonsense": (instead("/userinfo", (200, b"nonsense")), 502, "does not answer as one should"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_provider_that_is_wrong_signs_nobody_in(window, provider, world, said, monkeypatch, oidc_app, wrong):
    monkeypatch.setitem(
        oidc_app.state.auth_manager.security_manager.oauth_remotes["oidc"].client_kwargs, "default_timeout", 1
    )
    arrange, status, why = WRONG[wrong]
    begun = window.begin()
    arrange(provider)
    before = {**rows(), "session": []}
    answer = window.come_back(begun)
    assert answer.status_code == status, answer.text
    assert re.search(why, told(answer)), told(answer)
    nothing_came_of_it(answer, before, window, said)


DOWN = {
    "500": (500, b"oops"),
    "not found": (404, b""),
    "nonsense": (200, b"<html>"),
    "a list": (200, []),
    "another issuer": (200, {"issuer": "https://elsewhere.example.com"}),
}


@pytest.mark.parametrize("how", DOWN)
def test_a_provider_that_is_down_is_said_to_be(window, provider, world, said, how):
    provider.instead["/.well-known/openid-configuration"] = DOWN[how]
    before = rows()
    answer = window.begin()
    assert answer.status_code == 502
    assert "sign-in" in answer.text or "elsewhere" in answer.text
    nothing_came_of_it(answer, before, window, said)
    provider.instead.clear()
    assert window.begin().status_code == 302  # nothing bad is remembered
