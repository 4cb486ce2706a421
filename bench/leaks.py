"""
Which routes of Airflow leak between teams, by auth manager: ``make bench-leaks``.

In the world of the sweep (``tests/sweep``) all that team beta owns holds canaries. A member of alpha asks every
route of Airflow's own, as the sweep does. A route leaks where an answer shows a canary that the caller did not
name, or where a request changes what is beta's. Each manager answers in a process of its own, on the same database.
Ends with status 1 where ours leaks, or where adam is not let in.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
FAB, SIMPLE, OURS = "FabAuthManager", "SimpleAuthManager", "TeamAuthManager"
MANAGERS = {
    FAB: {"AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"},
    SIMPLE: {
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__MULTI_TEAM": "True",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "adam:op:alpha",
    },
    OURS: {"AIRFLOW__CORE__AUTH_MANAGER": "airflow_team_rbac.auth_manager.TeamAuthManager"},
}
NEW_AND_NOBODYS = {
    # Without prefixes there may be a new thing that is named like beta's and is nobody's.
    SIMPLE: re.compile(r": (connection|variable|slot_pool|connection_test_request) got (?!.*'team_name': 'beta')"),
}
HOW = {
    FAB: "no teams; adam holds Op",
    SIMPLE: "[core] multi_team, everything has its native team; adam is op of alpha",
    OURS: "adam holds Admin in alpha",
}


def main() -> int:
    home = Path(tempfile.mkdtemp(prefix="team-rbac-leaks-"))
    try:
        run("plant", OURS, home)
        found = {name: json.loads(run("ask", name, home)) for name in MANAGERS}
    finally:
        shutil.rmtree(home, ignore_errors=True)
    report(found)
    return 1 if found[OURS]["leaks"] else 0


def run(what: str, manager: str, home: Path) -> str:
    """Plant or ask, in a process that Airflow has not been imported into yet. Returns what it wrote."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
        "AIRFLOW__API__SECRET_KEY": "bench-secret-key",
        "AIRFLOW__API_AUTH__JWT_SECRET": "bench-jwt-secret-that-is-long-enough-for-HS512-to-be-content-with-it-all",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
        **MANAGERS[manager],
    }
    command = [sys.executable, "-m", "bench.leaks", what, manager]
    with (home / f"{what}-{manager}.log").open("w+") as log:
        done = subprocess.run(command, env=environ, cwd=REPOSITORY, stdout=log, stderr=log, check=False)
        log.seek(0)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{log.read()[-3000:]}")
    return (home / "answer.json").read_text() if what == "ask" else ""


def report(found: dict[str, Any]) -> None:
    routes = sorted({route for one in found.values() for route in one["leaks"]}, key=lambda key: key.split(" ")[::-1])
    for name in MANAGERS:
        print(f"{name}: {HOW[name]}")
    print(f"\n{'':92}" + "".join(f"{name:>20}" for name in MANAGERS))
    for route in routes:
        print(f"{route:92}" + "".join(f"{one['leaks'].get(route, ('', ''))[0]:>20}" for one in found.values()))
    print("\nFor example")
    for name, one in found.items():
        for how, example in list(one["leaks"].values())[:: max(1, len(one["leaks"]) // 5)][:5]:
            print(f"  {name} {how}: {example[:220]}")
    print()
    for name, one in found.items():
        hows = [how for how, _ in one["leaks"].values()]
        print(
            f"{name}: {len(hows)} of {one['routes']} routes leak ({hows.count('shows')} show, "
            f"{hows.count('changes')} change); {one['asked']} requests"
        )


# In a process of its own -----------------------------------------------------------------------------


def plant() -> None:
    """Make the world, and say in a file what its things are called."""
    from airflow.configuration import AIRFLOW_HOME
    from airflow.utils.db import initdb
    from airflow_team_rbac.auth_manager.cli.commands import _ensure_roles

    from tests.sweep.world import make_sweep

    initdb()
    _ensure_roles()
    home = Path(AIRFLOW_HOME)
    (home / "sweep.pickle").write_bytes(pickle.dumps(make_sweep(home)))


def ask(manager: str) -> None:
    """Ask everything of one manager, and write its leaks to a file. The database is put back as it was."""
    from airflow.api_fastapi.app import create_app
    from airflow.configuration import AIRFLOW_HOME
    from fastapi.testclient import TestClient

    from tests.sweep.routes import ROUTES, WRITE, routes_of
    from tests.sweep.world import Rows

    home = Path(AIRFLOW_HOME)
    sweep = pickle.loads((home / "sweep.pickle").read_bytes())
    sweep.with_beta.put_back()
    app = create_app()
    with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as client:
        token = sign_in(manager, sweep)
        me = client.get("/api/v2/dags", headers={"Authorization": f"Bearer {token}"})
        if me.status_code != 200:
            raise SystemExit(f"Nothing would be measured: adam's own list of Dags answers {me.status_code}, {me.text}")
        world = Rows.read()
        routes = {key: route for key, route in routes_of(app).items() if key in ROUTES and " /auth/" not in key}
        leaks, asked = {}, 0
        for key in sorted(routes, key=lambda key: ("logout" in key, ROUTES[key] == WRITE)):
            for leak in leaks_of(key, routes[key], sweep, world, client, token, NEW_AND_NOBODYS.get(manager)):
                asked += 1
                if leak:
                    leaks[key] = leak
                    break
    sweep.with_beta.put_back()
    (home / "answer.json").write_text(json.dumps({"leaks": leaks, "routes": len(routes), "asked": asked}))


def sign_in(manager: str, sweep: Any) -> str:
    """Give adam what makes him a member of alpha here, and return his token."""
    import sqlalchemy as sa
    from airflow import settings
    from airflow.api_fastapi.app import get_auth_manager

    subject: dict[str, Any] = {"sub": str(sweep.people["adam"])}
    with settings.engine.begin() as connection:

        def execute(statement: str, **values: Any) -> None:
            connection.execute(sa.text(statement), values)

        if manager == FAB:
            execute(
                "INSERT INTO ab_user_role (user_id, role_id) SELECT :user, id FROM ab_role WHERE name = 'Op'",
                user=sweep.people["adam"],
            )
        if manager == SIMPLE:
            subject = {"sub": "adam", "role": "op", "teams": ["alpha"]}
            for team in ("alpha", "beta"):
                for table, name in (("connection", "conn_id"), ("variable", "key"), ("slot_pool", "pool")):
                    execute(f"UPDATE {table} SET team_name = :team WHERE {name} LIKE :own", team=team, own=f"{team}__%")
                execute(
                    "INSERT INTO dag_bundle_team (dag_bundle_name, team_name) "
                    "SELECT name, :team FROM dag_bundle WHERE name LIKE :own",
                    team=team,
                    own=f"{team}__%",
                )
    return str(get_auth_manager()._get_token_signer().generate(subject))


def leaks_of(
    key: str, route: Any, sweep: Any, world: Any, client: Any, token: str, harmless: re.Pattern[str] | None
) -> Iterator[tuple[str, str] | None]:
    """Ask everything of a route; yield for each request what it leaked, if it did."""
    import sqlalchemy as sa

    from tests.sweep import questions, writes
    from tests.sweep.calls import Asker
    from tests.sweep.routes import ROUTES, WRITE
    from tests.sweep.test_sweep import canaries
    from tests.sweep.test_writes import Found, examine

    asker, statements = Asker(client), []
    if ROUTES[key] == WRITE:
        calls = writes.calls(key, sweep.alpha, sweep.beta)
    else:
        calls = questions.calls(key, route, sweep.alpha, [sweep.beta], "each")

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b(?! INTO log\b)", statement, re.IGNORECASE):
            statements.append(statement)

    for call in calls:
        statements.clear()
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        answer = asker.one(token, call)
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        changes = Found("adam")
        if statements:
            examine(call, answer, world, sweep, changes)
            world.put_back()
        changed = [change for change in changes.changed if not (harmless and harmless.search(change))]
        if changed:
            yield "changes", changed[0].replace("\n", "")
        elif shown := canaries(answer.shows, "zq[bs]|beta") - canaries(call.says, "zq[bs]|beta"):
            yield "shows", f"{call}: {', '.join(sorted(shown)[:3])}"
        else:
            yield None


if __name__ == "__main__":
    if len(sys.argv) == 1:
        raise SystemExit(main())
    {"plant": lambda _: plant(), "ask": ask}[sys.argv[1]](sys.argv[2])
