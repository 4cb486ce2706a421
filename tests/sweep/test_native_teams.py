"""With ``[core] multi_team`` on, no connection, variable or pool ends with the wrong owner, or with none."""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow import settings
from airflow.api_fastapi.app import get_auth_manager
from airflow.configuration import conf
from airflow.models.connection import Connection
from airflow.models.pool import Pool
from airflow.models.variable import Variable
from airflow_team_rbac.auth_manager.policy.model import Kind

from ..world import Api, World

ON = conf.getboolean("core", "multi_team")
in_multi_team_mode = pytest.mark.skipif(not ON, reason="runs in a process of its own")

POLICY = """
[teams.alpha]
[teams.beta]
[[bindings]]
user = "adam"
team = "alpha"
role = "Admin"
[[bindings]]
user = "bess"
team = "beta"
role = "Admin"
"""

NATIVE = {
    "alpha__named": "alpha",
    "alpha__plain": None,
    "alphas": "alpha",
    "beta__named": "beta",
    "beta__plain": None,
    "betas": "beta",
    "nobodys": None,
}
"""What there is of each kind: id -> the team that Airflow stores for it."""
NEW = ("alpha__new", "beta__new", "new")
LEFT_OUT = object()
TEAMS = (LEFT_OUT, None, "alpha", "beta")

COLUMNS = {
    Kind.CONNECTION: (Connection.conn_id, Connection.team_name, Connection.host),
    Kind.VARIABLE: (Variable.key, Variable.team_name, Variable.description),
    Kind.POOL: (Pool.pool, Pool.team_name, Pool.description),
}
ROUTES = {Kind.CONNECTION: "connections", Kind.VARIABLE: "variables", Kind.POOL: "pools"}
BULK = [
    *(("create", {"action_on_existence": existing}) for existing in ("fail", "skip", "overwrite")),
    *(("update", {"action_on_non_existence": missing}) for missing in ("fail", "skip")),
]


@pytest.mark.skipif(ON, reason="this is that process")
def test_in_multi_team_mode():
    """Airflow reads the option when it is imported, so these tests need a process of their own."""
    env = {**os.environ, "AIRFLOW__CORE__MULTI_TEAM": "True"}
    env.pop("AIRFLOW_HOME")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d\d passed, 1 skipped", done.stdout), done.stdout  # this one alone


@pytest.fixture(scope="module")
def people(client):
    world = World()
    world.apply(POLICY)
    found = {name: world.person(name) for name in ("adam", "bess")} | {"root": world.person("root", roles=["Admin"])}
    yield {name: Api(client, number) for name, number in found.items()}
    world.clear()


@pytest.fixture(autouse=True)
def things(request):
    if ON:
        request.getfixturevalue("people")
        put_back()


def put_back() -> None:
    with settings.engine.begin() as connection:
        for model in (Connection, Variable):
            connection.execute(sa.delete(model))
        connection.execute(sa.delete(Pool).where(Pool.pool != "default_pool"))
        for name, team in NATIVE.items():
            connection.execute(
                sa.insert(Connection).values(
                    conn_id=name,
                    conn_type="http",
                    host="old",
                    team_name=team,
                    is_encrypted=False,
                    is_extra_encrypted=False,
                )
            )
            connection.execute(
                sa.insert(Variable.__table__).values(
                    key=name, val="old", description="old", team_name=team, is_encrypted=False
                )
            )
            connection.execute(
                sa.insert(Pool).values(pool=name, slots=1, description="old", include_deferred=False, team_name=team)
            )


def stored(kind: Kind) -> dict[str, tuple[str | None, str | None]]:
    """What there is now: id -> (native team, a column that a change changes)."""
    with settings.engine.connect() as connection:
        return {name: (team, text) for name, team, text in connection.execute(sa.select(*COLUMNS[kind]))}


def body_of(kind: Kind, name: str, team: Any) -> dict[str, Any]:
    body = {
        Kind.CONNECTION: {"connection_id": name, "conn_type": "http", "host": "new"},
        Kind.VARIABLE: {"key": name, "value": "new", "description": "new"},
        Kind.POOL: {"name": name, "slots": 2, "include_deferred": False, "description": "new"},
    }[kind]
    return body if team is LEFT_OUT else {**body, "team_name": team}


def requests_of(kind: Kind, name: str, team: Any) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Every request that could give the thing to a team."""
    route, body = f"/{ROUTES[kind]}", body_of(kind, name, team)
    patch = {("pool" if key == "name" else key): value for key, value in body.items()}
    made = [("POST", route, body), ("PATCH", f"{route}/{name}", patch)]
    for mask in ("description", "team_name", "team_name&update_mask=description"):
        made.append(("PATCH", f"{route}/{name}?update_mask={mask}", patch))
    for action, options in BULK:
        made.append(("PATCH", route, {"actions": [{"action": action, "entities": [body], **options}]}))
    own = body_of(kind, "alpha__plain", LEFT_OUT)
    for action, options in BULK:
        made.append(("PATCH", route, {"actions": [{"action": action, "entities": [own, body], **options}]}))
    if kind is Kind.POOL:  # a pool can be told a new name
        made += [("PATCH", f"{route}/alphas", {**patch, "pool": new}) for new in (name, "")]
    return made


def owner_of(kind: Kind, name: str, team: str | None) -> str | None:
    owner = get_auth_manager().people.evaluator().ownership.owner(kind, name, team)
    return "disputed" if owner.disputed else owner.team


KINDS = pytest.mark.parametrize("kind", [Kind.CONNECTION, Kind.VARIABLE, Kind.POOL])


@in_multi_team_mode
@KINDS
def test_what_alpha_writes_is_alphas(people, kind):
    """Whatever is said, or not said, of the team."""
    wrong, before = [], stored(kind)
    for name, team in itertools.product((*NATIVE, *NEW), TEAMS):
        for request in requests_of(kind, name, team):
            answer = people["adam"](*request)
            after = stored(kind)
            wrong += [f"{request} {answer.status_code}: {what}" for what in wrongs(kind, before, after, "alpha")]
            if answer.status_code >= 500:
                wrong.append(f"{request}: {answer.status_code}")
            if before != after:
                put_back()
    assert wrong == []


def wrongs(kind: Kind, before: dict[str, Any], after: dict[str, Any], *writers: str) -> list[str]:
    """What members of the writers' teams had no right to change, and what they lost."""
    found = []
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if was is not None and owner_of(kind, name, was[0]) not in writers:
            found.append(f"changed {name} of {owner_of(kind, name, was[0])}: {was} -> {now}")
        if now is not None and owner_of(kind, name, now[0]) not in writers:
            found.append(f"{name} is now of {owner_of(kind, name, now[0])}: {was} -> {now}")
        if was is not None and now is not None and was[0] != now[0] and was[0] is not None:
            found.append(f"{name} lost its native team: {was} -> {now}")
    return found


@in_multi_team_mode
@KINDS
@pytest.mark.parametrize("team", [LEFT_OUT, "alpha"], ids=["left out", "alpha"])
def test_what_is_alphas_can_be_written(people, kind, team):
    for name in ("alpha__named", "alpha__plain", "alphas"):
        body = body_of(kind, name, team)
        patch = {("pool" if key == "name" else key): value for key, value in body.items()}
        assert people["adam"].status("PATCH", f"/{ROUTES[kind]}/{name}", patch) == 200
        update = {"actions": [{"action": "update", "entities": [body]}]}
        assert people["adam"].status("PATCH", f"/{ROUTES[kind]}", update) == 200
        assert stored(kind)[name][1] == "new"
        assert stored(kind)[name][0] == (NATIVE[name] if team is LEFT_OUT else "alpha")
    assert people["adam"].status("POST", f"/{ROUTES[kind]}", body_of(kind, "alpha__new", team)) == 201
    assert owner_of(kind, "alpha__new", stored(kind)["alpha__new"][0]) == "alpha"
    expected = 201 if team == "alpha" else 403
    assert people["adam"].status("POST", f"/{ROUTES[kind]}", body_of(kind, "new", team)) == expected
    assert ("new" in stored(kind)) is (team == "alpha")


@in_multi_team_mode
@KINDS
def test_an_administrator_gives_and_takes(people, kind):
    root, route = people["root"], f"/{ROUTES[kind]}"
    for team in ("beta", None, "alpha"):
        body = {("pool" if key == "name" else key): value for key, value in body_of(kind, "alphas", team).items()}
        assert root.status("PATCH", f"{route}/alphas", body) == 200
        assert stored(kind)["alphas"][0] == team


@in_multi_team_mode
@KINDS
def test_lists_hold_what_is_owned(people, kind):
    field = {Kind.CONNECTION: "connection_id", Kind.VARIABLE: "key", Kind.POOL: "name"}[kind]
    for name, own in (("adam", "alpha"), ("bess", "beta")):
        answer = people[name].get(f"/{ROUTES[kind]}?limit=100").json()
        rows = {row[field] for row in answer[ROUTES[kind]]} - {"default_pool"}
        assert rows == {thing for thing, team in NATIVE.items() if owner_of(kind, thing, team) == own}
        for thing, team in NATIVE.items():
            expected = 200 if owner_of(kind, thing, team) == own else 403
            assert people[name].status("GET", f"/{ROUTES[kind]}/{thing}") == expected


@in_multi_team_mode
@KINDS
def test_both_teams_at_once(people, kind):
    """Two members write at the same time, each to what is theirs and to what is not."""
    before, answers = stored(kind), []
    asked = {
        name: [
            request
            for thing, team in itertools.product((*NATIVE, *NEW), TEAMS)
            for request in requests_of(kind, thing, team)
        ]
        for name in ("adam", "bess")
    }

    def write(name: str, seed: int) -> None:
        some = random.Random(seed).sample(asked[name], 60)
        answers.extend((name, request, people[name].status(*request)) for request in some)

    threads = [threading.Thread(target=write, args=(name, seed)) for seed, name in enumerate(["adam", "bess"] * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 240
    after = stored(kind)
    assert after["nobodys"] == before["nobodys"]
    assert wrongs(kind, before, after, "alpha", "beta") == []
    for name, (team, _) in after.items():
        if name in NATIVE:
            assert owner_of(kind, name, team) == owner_of(kind, name, NATIVE[name]), name
        elif name != "default_pool":
            assert owner_of(kind, name, team) in ("alpha", "beta"), name
