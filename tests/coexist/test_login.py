"""Signing in stays what ``webserver_config.py`` says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.store.deployments import Deployment, Deployments

from .login import WALKS
from .test_same_answers import differences, is_expected

pytestmark = pytest.mark.parametrize("deployments", ["sqlite"], indirect=True, scope="session")

OAUTH = """
import os

from flask_appbuilder.const import AUTH_OAUTH

AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Viewer"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {"ops": ["Op"], "admins": ["Admin", "Viewer"], "analysts": ["Analyst"]}
OAUTH_PROVIDERS = [
    {
        "name": name,
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": f"airflow-at-{name}",
            "client_secret": "secret",
            "api_base_url": os.environ[f"{name}_URL"],
            "access_token_url": os.environ[f"{name}_URL"] + "token",
            "authorize_url": os.environ[f"{name}_URL"] + "authorize",
            "client_kwargs": {"scope": "profile email"},
        },
    }
    for name in ("okta", "keycloak")
]
"""

PASSWORDS = """
from flask_appbuilder.const import AUTH_DB

AUTH_TYPE = AUTH_DB
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
"""

# The file, and other settings.
CONFIGURATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "two OAuth providers": (OAUTH, {}),
    "passwords, and a role for the public": (PASSWORDS, {"AIRFLOW__FAB__AUTH_ROLE_PUBLIC": "Viewer"}),
}


@dataclass
class SignedIn:
    stock: dict
    ours: dict


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def signed_in(
    request: pytest.FixtureRequest, deployments: Deployments, existing: Deployment, changed: Deployment
) -> SignedIn:
    text, settings = CONFIGURATIONS[request.param]
    stock, ours = deployments.copy(existing), deployments.copy(changed)
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(run, deployment, text, settings) for deployment in (stock, ours)]
        return SignedIn(*(each.result() for each in runs))


def run(deployment: Deployment, text: str, settings: dict[str, str]) -> dict:
    (deployment.home / "webserver_config.py").write_text(text)
    return deployment.using(deployment.auth_manager, **settings).script("tests.coexist.login")


def test_it_is_signed_in(signed_in: SignedIn):
    assert signed_in.stock["login page"][0] == 200
    assert "FabAirflowSecurityManagerOverride" in signed_in.stock["classes"]
    assert "FabAirflowSecurityManagerOverride" in signed_in.ours["classes"]
    assert "viewer: /dags" in signed_in.stock


def without_groups(found: dict) -> dict:
    return {call: answer for call, answer in found.items() if call != "groups"}


def test_everything_is_the_same(signed_in: SignedIn):
    found = {
        call: answers
        for call, answers in differences(signed_in.stock, without_groups(signed_in.ours)).items()
        if call != "classes" and not is_expected(call.replace(": /", ": GET /"), *answers)
    }
    if signed_in.stock["a stranger: /ui/auth/me"][0] == 500:  # FAB's public user has no id, and the route needs one
        assert found.pop("a stranger: /ui/auth/me")[1] == [200, '{"id":"0","username":"Anonymous"}']
    assert found == {}


def test_the_whole_way_is_walked(signed_in: SignedIn):
    if "providers" not in signed_in.ours:
        return
    walked = {call: answer for call, answer in signed_in.ours.items() if call.startswith("walk")}
    assert walked == {call: answer for call, answer in signed_in.stock.items() if call.startswith("walk")}
    assert len(walked) == 2 * len(WALKS)
    assert {answer[0] for answer in walked.values()} == {200, 302}
    roles = {username: names for username, *_, names in signed_in.ours["accounts"]}
    assert roles["okta_s-walker"] == ["Op", "Viewer"]
    assert roles["walker"] == ["Analyst", "Viewer"]  # as told last


def test_the_groups_that_fab_hears_are_kept(signed_in: SignedIn):
    assert "groups" not in signed_in.stock
    groups = signed_in.ours["groups"]
    if "providers" not in signed_in.ours:
        assert groups == {}
        return
    assert groups["okta_s-walker"] == ["ops"]
    assert groups["walker"] == ["analysts"]
    assert groups["newer"] == ["analysts", "nobody-knows", "ops"]
    assert not {"without_groups", "nobody", "disabled"} & groups.keys()


def test_providers_and_role_mapping_are_used(signed_in: SignedIn):
    if "providers" not in signed_in.ours:
        assert "okta" not in signed_in.ours["login page"][1]
        return
    assert [name for name, *_ in signed_in.ours["providers"]] == ["okta", "keycloak"]
    roles = {username: names for username, *_, names in signed_in.ours["accounts"]}
    assert roles["new"] == ["Op"]
    assert roles["newer"] == ["Analyst", "Op"]
    assert roles["only-an-address@example.com"] == ["Admin", "Viewer"]
    assert roles["viewer"] == ["Op", "Viewer"]
