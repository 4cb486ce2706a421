"""Who a user id is, asked anew on every request, and what that costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import jwt
import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AssetAliasDetails,
    AssetDetails,
    ConnectionDetails,
    DagDetails,
    PoolDetails,
    VariableDetails,
)
from airflow.models.revoked_token import RevokedToken
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.policy.model import Kind
from airflow_team_rbac.auth_manager.store import people as people_module
from airflow_team_rbac.auth_manager.store.models import IdentityRow
from airflow_team_rbac.auth_manager.store.people import People
from sqlalchemy import delete, select, update

from ..world import Api
from .sql import statements

POLICY = """
[teams.sales]
[[bindings]]
group = "sales-dev"
team = "sales"
role = "Op"
"""
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def manager(app, world):
    """The server's auth manager, with nobody in its memory."""
    manager = get_auth_manager()
    manager.people = People()
    return manager


@pytest.fixture
def clock(monkeypatch):
    """A clock to move."""

    class Clock:
        now = people_module.utcnow()

    monkeypatch.setattr(people_module, "utcnow", lambda: Clock.now)
    return Clock


# What it costs ---------------------------------------------------------------------------------------


def test_one_small_question_for_who_is_known(manager, world):
    world.apply(POLICY)
    ana = world.person("ana", groups=["sales-dev"])
    first = manager.people.find(ana)
    with statements() as asked:
        again = manager.people.find(ana)
    assert len(asked) == 1
    assert again.principal is first.principal
    assert again.evaluator is first.evaluator


def test_a_decision_asks_nothing_and_one_of_an_asset_once(manager, world):
    world.apply(POLICY)
    asset, alias = world.asset("sales__orders"), world.alias("sales__any")
    ana = manager.people.find(world.person("ana", groups=["sales-dev"]))
    with statements() as asked:
        for method in ("GET", "PUT", "DELETE"):
            for name in ("sales__x", "finance__x", "x"):
                manager.is_authorized_dag(method=method, user=ana, details=DagDetails(id=name))
                manager.is_authorized_connection(method=method, user=ana, details=ConnectionDetails(conn_id=name))
                manager.is_authorized_variable(method=method, user=ana, details=VariableDetails(key=name))
                manager.is_authorized_pool(method=method, user=ana, details=PoolDetails(name=name))
    assert asked == []
    with statements() as asked:
        assert manager.is_authorized_asset(method="GET", user=ana, details=AssetDetails(id=str(asset)))
    assert len(asked) == 1
    with statements() as asked:
        assert manager.is_authorized_asset_alias(method="GET", user=ana, details=AssetAliasDetails(id=str(alias)))
    assert len(asked) == 1


def test_a_request_asks_as_much_with_many_dags_as_with_few(client, manager, world):
    world.apply(POLICY)
    world.dag("sales__0")
    api = Api(client, world.person("ana", groups=["sales-dev"]))

    def asked() -> int:
        with statements() as found:
            assert api.get("/dags?limit=1").status_code == 200
        return len(found)

    asked()
    few = asked()
    for number in range(1, 12):
        world.dag(f"sales__{number}")
        world.dag(f"finance__{number}")
    assert asked() == few


def test_somebody_new_is_few_questions(manager, world):
    """The policy, three roles and the groups: not one for each binding or team."""
    bindings = (f'[[bindings]]\ngroup = "g{n}"\nteam = "team{n}"\nrole = "Op"\n' for n in range(30))
    world.apply("".join(f"[teams.team{n}]\n" for n in range(30)) + "".join(bindings))
    manager.people.evaluator()
    ana = world.person("ana", roles=["Viewer"], groups=[f"g{n}" for n in range(30)])
    with statements() as asked:
        assert len(manager.people.find(ana).principal.teams) == 30
    assert len(asked) <= 1 + 1 + 2 * 2  # the question, the groups, and two for each of two roles


def test_while_the_database_is_slow_others_are_answered(client, manager, world, monkeypatch):
    """Who waits for it does not hold up those who could give a connection back."""
    ana = Api(client, world.person("ana", roles=["Viewer"]))
    asked, answered = Event(), Event()
    find = manager.people.find

    def slow(*args):
        asked.set()
        assert answered.wait(30), "nobody else was answered"
        return find(*args)

    monkeypatch.setattr(manager.people, "find", slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ana.status, "GET", "/dags")
        assert asked.wait(30)
        assert client.get("/api/v2/version").status_code == 200
        answered.set()
        assert waiting.result() == 200


# Time ------------------------------------------------------------------------------------------------


def may(manager, user_id: int, dag_id: str = "sales__etl") -> bool:
    user = manager.deserialize_user({"sub": str(user_id)})
    return manager.is_authorized_dag(method="GET", user=user, details=DagDetails(id=dag_id))


@pytest.mark.parametrize(
    "rule",
    [
        '[[bindings]]\ngroup = "g"\nteam = "sales"\nrole = "Viewer"\n',
        '[[bindings]]\nuser = "ana"\nteam = "*"\nrole = "Viewer"\n',
        '[[bindings]]\ngroup_regex = "(?P<x>.*)"\nteam = "sales"\nrole = "Viewer"\n',
        '[[bindings]]\ngroup = "g"\nscope = "deployment"\nrole = "Admin"\n',
        '[[grants]]\nto = "group:g"\nresource = "dag:sales__etl"\nactions = ["read"]\nreason = "r"\n',
        '[[grants]]\nto = "*"\nresource = "dag:sales__*"\nactions = ["edit"]\nreason = "r"\n',
    ],
)
def test_a_rule_ends_exactly_at_its_time(manager, world, clock, rule):
    end = clock.now + timedelta(hours=1)
    world.apply(f"[teams.sales]\n{rule}expires = {end.isoformat()}\n")
    ana = world.person("ana", groups=["g"])
    assert may(manager, ana)
    clock.now = end - MICROSECOND
    assert may(manager, ana)
    clock.now = end
    assert not may(manager, ana)


def test_a_grant_to_a_team_ends_with_the_membership(manager, world, clock):
    end = clock.now + timedelta(hours=1)
    world.apply(
        "[teams.sales]\n[teams.finance]\n"
        f'[[bindings]]\ngroup = "g"\nteam = "finance"\nrole = "Op"\nexpires = {end.isoformat()}\n'
        '[[grants]]\nto = "team:finance"\nresource = "dag:sales__etl"\nactions = ["read"]\nreason = "r"\n'
    )
    ana = world.person("ana", groups=["g"])
    assert may(manager, ana)
    clock.now = end
    assert not may(manager, ana)


def test_a_sign_in_lapses_exactly_and_an_account_of_fab_does_not(manager, world, clock):
    """24 hours after the sign-in that told them: ``[team_rbac] membership_max_age``."""
    world.apply(POLICY + '[[bindings]]\nuser = "bo"\nteam = "sales"\nrole = "Viewer"\n')
    told = clock.now
    world.dag("unowned")
    ana = world.person("ana", groups=["sales-dev"], roles=["Viewer"])
    bo = world.person("bo", roles=["Viewer"])  # never was at an identity provider
    with create_session() as session:
        session.execute(update(IdentityRow).values(groups_at=told))
    clock.now = told + timedelta(hours=24) - MICROSECOND
    assert may(manager, ana)
    assert may(manager, bo)
    clock.now = told + timedelta(hours=24)
    with pytest.raises(jwt.ExpiredSignatureError, match="has to sign in again"):
        may(manager, ana)
    assert may(manager, bo)


def test_revoked_tokens_that_are_over_are_forgotten(client, manager, world, monkeypatch):
    """As core does when it asks for one, which it is not left to do on each request."""
    ana = Api(client, world.person("ana", roles=["Viewer"]))
    now = datetime.now(tz=UTC)
    with create_session() as session:
        session.add_all(
            RevokedToken(jti=name, exp=now + timedelta(hours=hours)) for name, hours in (("over", -1), ("not over", 1))
        )
    monkeypatch.setattr(RevokedToken, "_last_cleanup_time", float("-inf"))
    ana.get("/api/v2/auth/logout")
    with create_session() as session:
        kept = set(session.scalars(select(RevokedToken.jti)))
        session.execute(delete(RevokedToken))
    assert "over" not in kept
    assert "not over" in kept
    assert len(kept) == 2


# Who it is -------------------------------------------------------------------------------------------


def test_an_account_that_is_disabled_deleted_or_never_was(client, manager, world):
    ana, bo = world.person("ana", roles=["Admin"]), world.person("bo", roles=["Admin"])
    apis = [Api(client, ana), Api(client, bo), Api(client, bo + 1000)]
    assert [api.status("GET", "/dags") for api in apis] == [200, 200, 403]
    with create_session() as session:
        session.execute(update(User).where(User.id == ana).values(active=False))
        session.delete(session.get(User, bo))
    assert [api.status("GET", "/dags") for api in apis] == [403, 403, 403]
    for user_id in (ana, bo, bo + 1000):
        with pytest.raises(ValueError, match="not"):
            manager.people.find(user_id)


def test_the_id_of_a_deleted_account_given_to_somebody_else(manager, world):
    world.apply(
        POLICY + '[[grants]]\nto = "group:sales-dev"\nresource = "dag:sales__*"\nactions = ["edit"]\nreason="r"'
    )
    ana = world.person("ana", groups=["sales-dev"])
    assert may(manager, ana)
    with create_session() as session:
        session.delete(session.get(User, ana))
    with create_session() as session:
        session.add(User(id=ana, username="eve", first_name="E", last_name="V", email="eve@example.com", active=True))
    eve = manager.people.find(ana)
    assert eve.username == "eve"
    assert eve.principal.teams == {}
    assert eve.principal.grants == {}
    assert not may(manager, ana)


def test_a_role_of_somebody_without_groups_is_theirs_alone(manager, world):
    """Two people with the same roles and groups are two principals."""
    world.apply(POLICY)
    ana, bo = (
        manager.people.find(world.person(name, roles=["Viewer"], groups=["sales-dev"])) for name in ("ana", "bo")
    )
    assert ana.principal is not bo.principal
    assert (ana.principal.who, bo.principal.who) == ("ana", "bo")
    assert ana.principal.everywhere.perms is bo.principal.everywhere.perms
    assert ana.principal.teams["sales"].perms is bo.principal.teams["sales"].perms


def test_what_a_request_asked_for_stays_with_it(manager, world):
    ana = world.person("ana")
    one, other = manager.people.find(ana), manager.people.find(ana)
    one.listed.add("x")
    one.named[Kind.CONNECTION] = "x"
    assert (other.listed, other.named) == (set(), {})
