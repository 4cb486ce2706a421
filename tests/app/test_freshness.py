"""A change of the policy holds on the next request of a running server, without signing in again."""

from __future__ import annotations

import datetime

import pytest
from airflow_team_rbac.auth_manager.store import people

from ..world import Api

TEAM = "[teams.sales]\n"
BINDING = '[[bindings]]\ngroup = "sales-dev"\nteam = "sales"\nrole = "Viewer"\n'


@pytest.fixture
def olga(client, world):
    world.apply(TEAM)
    world.dag("sales__etl")
    return Api(client, world.person("olga", groups=["sales-dev"]))


def may(api) -> bool:
    one = api.get("/dags/sales__etl").status_code == 200
    listed = [dag["dag_id"] for dag in api.get("/dags").json()["dags"]]
    assert listed == (["sales__etl"] if one else [])
    return one


def test_bindings_come_and_go(olga, world):
    assert not may(olga)
    world.apply(TEAM + BINDING)
    assert may(olga)
    world.apply(TEAM)
    assert not may(olga)


def test_prefixes_come_and_go(olga, world):
    world.apply(TEAM + BINDING)
    assert may(olga)
    world.apply('[teams.sales]\nprefixes = ["vente__"]\n' + BINDING)
    assert not may(olga)


def test_grants_come_and_go(olga, world):
    grant = '[[grants]]\nto = "group:sales-dev"\nresource = "dag:sales__*"\nactions = ["read"]\nreason = "r"\n'
    world.apply(TEAM + grant)
    assert may(olga)
    world.apply(TEAM)
    assert not may(olga)


def test_expiry_is_exact(olga, world, monkeypatch):
    end = people.utcnow() + datetime.timedelta(hours=1)
    now = end - datetime.timedelta(microseconds=1)
    monkeypatch.setattr(people, "utcnow", lambda: now)
    world.apply(TEAM + BINDING + f"expires = {end.isoformat()}\n")
    assert may(olga)
    now = end
    assert not may(olga)


def test_groups_lapse(olga, world, monkeypatch):
    """``[team_rbac] membership_max_age`` after the sign-in, there has to be another."""
    now = people.utcnow() + datetime.timedelta(hours=23)
    monkeypatch.setattr(people, "utcnow", lambda: now)
    world.apply(TEAM + BINDING)
    assert may(olga)
    now += datetime.timedelta(hours=1)
    assert olga.get("/dags").status_code == olga.get("/dags/sales__etl").status_code == 401


def test_groups_told_at_the_next_sign_in(client, world):
    world.apply(TEAM + BINDING)
    world.dag("sales__etl")
    user = world.person("olga", groups=["sales-dev"])
    api = Api(client, user)
    assert may(api)
    world.regroup(user, ["marketing"])
    assert not may(api)
    world.regroup(user, ["sales-dev", "marketing"])
    assert may(api)


def test_a_disabled_account_is_out_at_the_next_request(olga, world):
    from airflow.providers.fab.auth_manager.models import User
    from airflow.utils.session import create_session
    from sqlalchemy import update

    assert olga.get("/dags").status_code == 200
    with create_session() as session:
        session.execute(update(User).values(active=False))
    assert olga.get("/dags").status_code == 403


def test_a_fab_role_given_holds_at_once(olga, world):
    from airflow.providers.fab.auth_manager.models import Role, User
    from airflow.utils.session import create_session
    from sqlalchemy import select

    world.dag("unowned")
    assert olga.get("/dags/unowned").status_code == 403
    with create_session() as session:
        session.scalars(select(User)).one().roles = [
            session.scalars(select(Role).where(Role.name == "Viewer")).unique().one()
        ]
    assert olga.get("/dags/unowned").status_code == 200
    with create_session() as session:
        session.scalars(select(User)).one().roles = []
    assert olga.get("/dags/unowned").status_code == 403
