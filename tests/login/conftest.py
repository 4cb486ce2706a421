"""An Airflow whose people sign in at a provider that does as it is told."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from airflow import settings
from airflow_team_rbac.auth_manager.store import identities, people, sign_in_links
from fastapi.testclient import TestClient

from ..world import World
from .provider import CLIENT_ID, CLIENT_SECRET, Provider

POLICY = """
[teams.sales]
[teams.finance]
[[bindings]]
group = "sales-dev"
team = "sales"
role = "Op"
[[bindings]]
group = "finance-dev"
team = "finance"
role = "Op"
"""


@pytest.fixture(scope="package")
def standing_provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture(scope="package")
def oidc_app(app: Any, standing_provider: Provider) -> Iterator[Any]:
    """Airflow's app once more, with ``[team_rbac] oidc_issuer``. The other one goes on afterwards."""
    from airflow.api_fastapi.app import _AuthManagerState, create_app

    before, _AuthManagerState.instance = _AuthManagerState.instance, None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "OIDC_ISSUER": standing_provider.issuer,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }.items():
            patch.setenv(f"AIRFLOW__TEAM_RBAC__{name}", value)
        yield create_app(apps="core")
    _AuthManagerState.instance = before


@pytest.fixture
def provider(standing_provider: Provider, oidc_app: Any) -> Iterator[Provider]:
    standing_provider.reset()
    yield standing_provider
    standing_provider.go_on.set()


@pytest.fixture
def sales(world: World) -> World:
    world.apply(POLICY)
    for team in ("sales", "finance"):
        world.dag(f"{team}__etl")
    return world


class Window:
    """A browser's window."""

    def __init__(self, app: Any, provider: Provider) -> None:
        self.client = TestClient(app, base_url="http://testserver", follow_redirects=False)
        self.provider = provider

    def begin(self, page: str = "http://testserver/dags/sales__etl") -> Any:
        return self.client.get("/auth/login/", params={"next": page})

    def come_back(self, begun: Any, **changed: str) -> Any:
        where = self.provider.authorize(begun.headers["location"]) | changed
        return self.client.get("/auth/oauth-authorized/oidc", params=where)

    def sign_in(self, page: str = "http://testserver/dags/sales__etl", **changed: str) -> Any:
        begun = self.begin(page)
        return begun if begun.status_code != 302 else self.come_back(begun, **changed)

    def dags(self) -> set[str] | None:
        """The Dags that are listed; None for whoever is not let in."""
        answer = self.client.get("/api/v2/dags")
        assert answer.status_code in (200, 401, 403)
        return {dag["dag_id"] for dag in answer.json()["dags"]} if answer.status_code == 200 else None

    @property
    def cookies(self) -> set[str]:
        return {cookie.name for cookie in self.client.cookies.jar}


@pytest.fixture
def window(oidc_app: Any, provider: Provider) -> Iterator[Window]:
    window = Window(oidc_app, provider)
    with window.client:
        yield window


@pytest.fixture
def another(oidc_app: Any, provider: Provider) -> Window:
    return Window(oidc_app, provider)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.INFO)
    return caplog


def client_of(app: Any) -> Any:
    """Authlib's client, as the app has it."""
    return app.state.auth_manager.security_manager.oauth_remotes["oidc"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time of all that holds a time against another, but the tokens' own."""

    class Clock:
        now = people.utcnow()

    for module in (people, identities, sign_in_links):
        monkeypatch.setattr(module, "utcnow", lambda: Clock.now)
    return Clock


def rows() -> dict[str, list]:
    """All that a sign-in writes."""
    tables = ("ab_user", "ab_user_role", "team_rbac_identity", "team_rbac_idp_group", "session", "log")
    with settings.engine.connect() as connection:
        return {table: sorted(map(str, connection.execute(sa.text(f"SELECT * FROM {table}")))) for table in tables}


def told(answer: Any) -> str:
    """What the page says that says that nobody is signed in."""
    return html.unescape(re.search(r'id="refused"[^>]*>(.*?)</p>', answer.text, re.DOTALL)[1])


def nothing_came_of_it(answer: Any, before: dict[str, list], window: Window, said: Any) -> None:
    assert "You are not signed in" in answer.text
    assert rows() == before
    assert window.cookies == set()
    assert window.dags() is None
    lines = [record.getMessage() for record in said.records if "Nobody was signed in" in record.getMessage()]
    assert len(lines) == 1
    everything = said.text + answer.text + str(answer.headers)
    for secret in (CLIENT_SECRET, "an-access-token", "eyJ", "code-0"):
        assert secret not in everything
    assert "Traceback" not in said.text
