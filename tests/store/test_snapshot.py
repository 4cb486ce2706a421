"""The policy in memory is the one that is written down, or there is no answer."""

from __future__ import annotations

import re
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.cli.commands.team_command import team_create, team_delete
from airflow.providers.fab.auth_manager.models import User
from airflow.settings import get_engine
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.policy.model import Kind
from airflow_team_rbac.auth_manager.store.people import People
from airflow_team_rbac.auth_manager.store.snapshot import PolicyUnavailable, Snapshot, read_policy, read_version
from fastapi.testclient import TestClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from werkzeug.security import generate_password_hash

from ..world import Api
from .sql import execute, statements

SALES = """
[teams.sales]
[[bindings]]
group = "everyone"
team = "*"
role = "Viewer"
"""


@pytest.fixture
def people(world):
    return People()


def owner(people: People, dag_id: str) -> str:
    return str(people.evaluator().ownership.owner(Kind.DAG, dag_id))


# Revisions -------------------------------------------------------------------------------------------


def test_the_same_revision_is_read_once(people, world):
    world.apply(SALES)
    first = people.evaluator()
    with statements() as asked:
        assert people.evaluator() is first
    assert len(asked) == 1


def test_a_change_holds_at_the_next_question(people, world):
    assert owner(people, "sales__etl") == "unowned"
    world.apply(SALES)
    assert owner(people, "sales__etl") == "sales"
    world.apply('[teams.sales]\nprefixes = ["vente__"]')
    assert owner(people, "sales__etl") == "unowned"
    world.apply("")
    assert owner(people, "vente__etl") == "unowned"


def test_nothing_to_change_is_no_new_revision(people, world):
    world.apply(SALES)
    first = people.evaluator()
    world.apply(SALES)
    assert people.evaluator() is first


def test_a_change_that_fails_is_none(people, world):
    world.apply(SALES)
    first = people.evaluator()
    with pytest.raises(ValueError, match="unknown key"):
        world.apply(SALES + "[teams.finance]\ncolour = 'red'")
    assert people.evaluator() is first


def test_a_team_that_airflow_itself_makes_and_deletes(people, world):
    world.apply(SALES)
    ana = world.person("ana", groups=["everyone"])
    assert people.find(ana).principal.teams.keys() == {"sales"}
    team_create(Namespace(name="finance"))
    assert people.find(ana).principal.teams.keys() == {"sales", "finance"}
    assert owner(people, "finance__etl") == "unowned"  # the team has no prefix that anybody wrote down
    team_delete(Namespace(name="finance", yes=True))
    assert people.find(ana).principal.teams.keys() == {"sales"}


def test_what_a_team_owned_that_airflow_deleted_is_disputed(client, world):
    world.apply(SALES)
    world.dag("sales__etl")
    viewer = Api(client, world.person("vic", groups=["everyone"]))
    platform = Api(client, world.person("gus", roles=["Op"]))
    admin = Api(client, world.person("root", roles=["Admin"]))
    assert viewer.status("GET", "/dags/sales__etl") == 200
    team_delete(Namespace(name="sales", yes=True))
    assert viewer.status("GET", "/dags/sales__etl") == 403
    assert platform.status("GET", "/dags/sales__etl") == 403
    assert viewer.get("/dags").json()["total_entries"] == platform.get("/dags").json()["total_entries"] == 0
    assert admin.status("GET", "/dags/sales__etl") == 200
    team_create(Namespace(name="sales"))
    assert viewer.status("GET", "/dags/sales__etl") == 200


def test_a_restored_database_is_not_taken_for_the_one_before(people, world):
    """The same number of changes is not the same revision."""
    world.apply(SALES)
    assert owner(people, "sales__etl") == "sales"
    world.clear()
    world.team("sales")
    world.apply('[teams.sales]\nprefixes = ["vente__"]')
    assert owner(people, "sales__etl") == "unowned"


def test_a_policy_that_is_changed_while_it_is_read_is_read_again(world, monkeypatch):
    world.apply(SALES)
    snapshot, module = Snapshot(), "airflow_team_rbac.auth_manager.store.snapshot.read_policy"

    def read_slowly(session):
        policy = read_policy(session)
        monkeypatch.undo()
        session.rollback()  # SQLite: whoever reads must not keep the writer out
        world.apply('[teams.sales]\nprefixes = ["vente__"]')
        return policy

    monkeypatch.setattr(module, read_slowly)
    with get_engine().connect() as connection:
        version, evaluator = snapshot.evaluator(read_version(connection), connection)
        assert version == read_version(connection)
    assert evaluator.policy.teams[0].prefixes == ("vente__",)


def test_nobody_gets_an_answer_older_than_their_question(world):
    """Four threads ask while another changes the policy: odd changes let Ana in, even ones do not."""
    ana, people = world.person("ana"), People()
    binding = '[[bindings]]\nuser = "ana"\nteam = "sales"\nrole = "Viewer"\n'
    written = -1

    def change(number: int) -> None:
        nonlocal written
        world.apply(f'[teams.sales]\ndescription = "{number}"\n' + (binding if number % 2 else ""))
        written = number

    def ask() -> tuple[int, int, bool]:
        known = written
        user = people.find(ana)
        return known, int(user.evaluator.policy.teams[0].description), bool(user.principal.teams)

    change(0)
    with ThreadPoolExecutor(5) as pool:
        for number in range(1, 11):
            changing = pool.submit(change, number)
            answers = [pool.submit(ask) for _ in range(40)]
            changing.result()
            for known, found, let_in in [*(answer.result() for answer in answers), ask()]:
                assert found >= known
                assert let_in == bool(found % 2)
    assert written == 10


# No answer -------------------------------------------------------------------------------------------


@contextmanager
def renamed(table: str):
    execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        execute(f"ALTER TABLE {table}_away RENAME TO {table}")


PATHS = ("/dags", "/dags/sales__etl", "/connections", "/ui/auth/menus", "/auth/fab/v1/users")


@pytest.fixture
def admin(client, world):
    """A superuser, who was let in a moment ago."""
    world.apply(SALES)
    world.dag("sales__etl")
    admin = Api(client, world.person("root", roles=["Admin"]))
    assert [admin.status("GET", path) for path in PATHS] == [200] * len(PATHS)
    return admin


@pytest.mark.parametrize("table", ["team_rbac_revision", "team_rbac_identity", "team", "ab_user", "revoked_token"])
def test_without_what_the_small_question_asks_there_is_no_answer(admin, table):
    with renamed(table):
        assert [admin.status("GET", path) for path in PATHS] == [503] * len(PATHS)
    assert [admin.status("GET", path) for path in PATHS] == [200] * len(PATHS)


@pytest.mark.parametrize("table", ["team_rbac_claim", "team_rbac_binding", "team_rbac_grant", "ab_permission_view"])
def test_without_what_is_read_once_there_is_no_new_answer(client, world, table):
    world.apply(SALES)
    world.dag("sales__etl")
    viewer = Api(client, world.person("vic", groups=["everyone"]))
    manager = get_auth_manager()
    with renamed(table):
        manager.people = People()  # a server that starts now
        assert viewer.status("GET", "/dags/sales__etl") == 503
    assert viewer.status("GET", "/dags/sales__etl") == 200


def test_a_database_that_does_not_answer(admin, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    monkeypatch.setattr("airflow_team_rbac.auth_manager.store.people.get_engine", fail)
    assert [admin.status("GET", path) for path in PATHS] == [503] * len(PATHS)
    with pytest.raises(PolicyUnavailable):
        get_auth_manager().people.evaluator()
    monkeypatch.undo()
    assert admin.status("GET", "/dags") == 200


def test_who_is_signed_in_by_cookie_is_told_the_same_and_stays_signed_in(client, admin, world):
    token = admin._headers["Authorization"].removeprefix("Bearer ")
    client.cookies.set("_token", token)
    try:
        with renamed("team_rbac_revision"):
            answer = client.get("/ui/auth/me")
        assert answer.status_code == 503
        assert "set-cookie" not in answer.headers
        assert client.get("/ui/auth/me").status_code == 200
    finally:
        client.cookies.clear()


def test_the_pages_of_fab_say_so_too(app, admin, world):
    with create_session() as session:
        session.execute(update(User).values(password=generate_password_hash("secret", method="pbkdf2:sha256:1000")))
    with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as browser:
        page = browser.get("/auth/login/")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', page.text).group(1)
        form = {"username": "root", "password": "secret", "csrf_token": token}
        browser.post("/auth/login/", data=form, follow_redirects=False)
        assert browser.get("/auth/users/list/").status_code == 200
        with renamed("team_rbac_revision"):
            assert browser.get("/auth/users/list/").status_code == 503
        assert browser.get("/auth/users/list/").status_code == 200


MALFORMED = {
    "no such kind": "team_rbac_claim (team_name, what, value, position) VALUES ('sales', 'resource', 'ship:x', 0)",
    "no reference": "team_rbac_claim (team_name, what, value, position) VALUES ('sales', 'resource', 'x', 0)",
    "no such action": (
        "team_rbac_grant (subject, resource, owner, actions, reason, managed_by, created_by, created_at) "
        "VALUES ('*', 'dag:sales__x', 'sales', 'read,fly', '', 'file', '', '2026-01-01 00:00:00+00:00')"
    ),
    "no regular expression": (
        "team_rbac_binding (subject_kind, subject, team_name, role, reason, managed_by, created_by, created_at) "
        "VALUES ('group_regex', '(', 'sales', 'Op', '', 'file', '', '2026-01-01 00:00:00+00:00')"
    ),
    "no such template": (
        "team_rbac_binding (subject_kind, subject, team_name, role, reason, managed_by, created_by, created_at) "
        "VALUES ('group_regex', 'every.*', 'sales', '{nothing}', '', 'file', '', '2026-01-01 00:00:00+00:00')"
    ),
    "no template at all": (
        "team_rbac_binding (subject_kind, subject, team_name, role, reason, managed_by, created_by, created_at) "
        "VALUES ('group_regex', 'every.*', '{', 'Op', '', 'file', '', '2026-01-01 00:00:00+00:00')"
    ),
}


@pytest.mark.parametrize("row", MALFORMED)
def test_a_row_that_makes_no_sense(client, world, row):
    world.apply(SALES)
    world.dag("sales__etl")
    viewer = Api(client, world.person("vic", groups=["everyone"]))
    assert viewer.status("GET", "/dags/sales__etl") == 200
    execute(f"INSERT INTO {MALFORMED[row]}", f"UPDATE team_rbac_revision SET stamp = '{uuid4().hex}'")
    assert viewer.status("GET", "/dags/sales__etl") == 503
    assert viewer.status("GET", "/dags") == 503
