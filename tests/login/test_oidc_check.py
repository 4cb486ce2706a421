"""``airflow team-rbac oidc check``, against providers of all kinds."""

from __future__ import annotations

import json

import pytest

from .provider import CLIENT_ID, unsigned
from .test_people import command


@pytest.fixture
def configured(provider, sales, monkeypatch):
    for name, value in {
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": "a secret that is not shown",
    }.items():
        monkeypatch.setenv(f"AIRFLOW__TEAM_RBAC__{name}", value)
    return provider


def check(*words: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    status, said = command("oidc", "check", "-o", "json", *words)
    assert "a secret that is not shown" not in said
    found = {one["check"]: (one["result"] == "ok", one["detail"]) for one in json.loads(said)}
    assert status == (0 if all(good for good, _ in found.values()) else 1)
    return status, found


def wrong(found: dict[str, tuple[bool, str]]) -> dict[str, str]:
    return {what: detail for what, (good, detail) in found.items() if not good}


def test_a_good_provider(configured):
    status, found = check()
    assert (status, wrong(found)) == (0, {})
    assert found["register as redirect URI"][1] == "http://testserver/auth/oauth-authorized/oidc"
    assert found["register for after signing out"][1] == "http://testserver/auth/login/"
    assert found["keys"][1] == "1 that sign, of 1"
    assert found["PKCE"][1] == "S256"
    assert found["signatures"][1] == "RS256"
    assert found["groups claim"][1] == "groups"


@pytest.mark.parametrize(
    ("metadata", "what", "detail"),
    [
        ({"issuer": "https://elsewhere.example.com"}, "metadata", "calls itself 'https://elsewhere"),
        ({"token_endpoint": None}, "token_endpoint", "missing"),
        ({"authorization_endpoint": "http://idp.example.com/authorize"}, "authorization_endpoint", "not https"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "signatures", "none that shows who signed"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE", "does not say S256"),
        ({"scopes_supported": ["openid"]}, "scopes", "not offered: profile, email"),
    ],
)
def test_a_provider_that_lacks_something(configured, metadata, what, detail):
    configured.metadata = metadata
    status, found = check()
    assert (status, list(wrong(found))) == (1, [what])
    assert detail in found[what][1]


def test_a_provider_that_does_not_say_that_it_has_groups(configured):
    configured.metadata = {"claims_supported": ["sub", "email"], "end_session_endpoint": None}
    status, found = check()
    assert status == 0  # many do not say, and have them
    assert "not among the claims" in found["groups claim"][1]
    assert "not offered" in found["end_session_endpoint"][1]


@pytest.mark.parametrize(
    "answer", [(200, {"keys": []}), (200, []), (200, {"keys": [{"kty": "oct", "k": "AA"}]}), (500, b"")]
)
def test_a_provider_without_keys(configured, answer):
    configured.instead["/jwks"] = answer
    assert list(wrong(check()[1])) == ["keys"]


def test_a_provider_that_cannot_be_reached(configured, monkeypatch):
    monkeypatch.setenv("AIRFLOW__TEAM_RBAC__OIDC_ISSUER", "http://127.0.0.1:1")
    status, found = check()
    assert status == 1
    assert "http://127.0.0.1:1/.well-known/openid-configuration: " in wrong(found)["metadata"]
    assert "does not answer" in wrong(found)["metadata"]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("OIDC_ISSUER", "", "[team_rbac] oidc_issuer is empty"),
        ("OIDC_CLIENT_ID", "", "[team_rbac] oidc_client_id is empty"),
        ("OIDC_SCOPE", "profile email", "needs openid"),
        ("GROUPS_CLAIM", "a claim", "groups_claim = 'a claim' is not a JMESPath"),
    ],
)
def test_a_configuration_that_is_wrong(configured, monkeypatch, option, value, told):
    monkeypatch.setenv(f"AIRFLOW__TEAM_RBAC__{option}", value)
    status, found = check()
    assert (status, list(wrong(found))) == (1, ["configuration"])
    assert told in found["configuration"][1]


def token(provider, **claims) -> dict:
    provider.begun["code"] = {}
    provider.claims = claims
    return provider.token("code")


def given(tmp_path, text: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    file = tmp_path / "token"
    file.write_text(text)
    return check("--token", str(file))


def test_what_a_token_would_give(configured, sales, tmp_path):
    sales.person("ana", roles=["Viewer"])
    status, found = given(tmp_path, token(configured)["id_token"])
    assert status == 0
    assert found["token"][1] == "'ana', subject 's-ana'"
    assert found["groups"][1] == "sales-dev"
    assert found["team sales"][1] == "Op (group sales-dev)"
    assert found["deployment"][1] == "Viewer (FAB)" or "Viewer" in found["deployment"][1]


def test_what_userinfo_adds(configured, tmp_path):
    del configured.person["groups"]
    configured.userinfo = {"sub": "s-ana", "groups": ["finance-dev"]}
    whole = token(configured)
    assert given(tmp_path, json.dumps(whole))[1]["team finance"][0]
    assert "named no groups" in wrong(given(tmp_path, whole["id_token"])[1])["token"]


def test_somebody_in_no_team(configured, tmp_path):
    found = given(tmp_path, token(configured, groups=["marketing"])["id_token"])[1]
    assert found["teams"][1].startswith("none")


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": 1}, "expired"),
        ({"aud": "another"}, "'a"),
        ({"groups": 7}, "not a list"),
        ({"iss": "x"}, "'iss' is wrong"),
    ],
)
def test_a_token_that_is_wrong(configured, tmp_path, claims, told):
    status, found = given(tmp_path, token(configured, **claims)["id_token"])
    assert (status, list(wrong(found))) == (1, ["token"])
    assert told in found["token"][1]


def test_what_is_no_token(configured, tmp_path):
    configured.sign = unsigned
    for text in (token(configured)["id_token"], "nonsense", "{", "{}", ""):
        status, found = given(tmp_path, text)
        assert (status, list(wrong(found))) == (1, ["token"])
