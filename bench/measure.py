"""
A script of ``bench.py``: measures on the database that Airflow is configured with, and prints rows as JSON.

What is compared is asked in turn, one call each, so that a drift of the machine's speed hits both alike.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from airflow import settings
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagDetails
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import Role, User
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store import models
from airflow_team_rbac.auth_manager.store.changes import Author, apply_file
from airflow_team_rbac.auth_manager.store.people import People, utcnow
from airflow_team_rbac.auth_manager.team_auth_manager import fab_asks
from fastapi.testclient import TestClient
from sqlalchemy import event, func, insert, or_, select

TEAMS, DAGS = 100, 10_000
IDS_TARGET, DECISION_TARGET = 2.0, 3.0

Row = dict[str, Any]


def dag_id(number: int) -> str:
    return f"team{number % TEAMS:03}__dag{number // TEAMS:04}"


def prefixes(teams: int) -> list[str]:
    return [f"team{number:03}__" for number in range(teams)]


# What is there -----------------------------------------------------------------------------------------


def write_policy(manager: Any) -> None:
    text = ["version = 1"]
    for number in range(TEAMS):
        text.append(
            f'[teams.team{number:03}]\n[[bindings]]\ngroup = "g{number:03}"\nteam = "team{number:03}"\nrole = "Op"'
        )
    text.append('[[bindings]]\ngroup = "engineers"\nteam = "*"\nrole = "Op"')
    with create_session() as session:
        apply_file(
            "\n".join(text),
            prune=False,
            release=False,
            asks=fab_asks(manager),
            author=Author("bench", "file"),
            session=session,
        )


def add_dags(start: int, end: int) -> None:
    with create_session() as session:
        session.merge(DagBundleModel(name="bench"))
        session.flush()
        rows = [
            {
                "dag_id": dag_id(number),
                "bundle_name": "bench",
                "fileloc": f"/dags/{number}.py",
                "relative_fileloc": f"{number}.py",
                "owners": "airflow",
                "is_stale": False,
                "is_paused": True,
                "max_active_tasks": 16,
                "max_active_runs": 16,
                "max_consecutive_failed_dag_runs": 0,
                "has_task_concurrency_limits": False,
                "has_import_errors": False,
                "timetable_summary": None,
                "timetable_description": "Never, external triggers only",
            }
            for number in range(start, end)
        ]
        session.execute(insert(DagModel), rows)
    if settings.engine.dialect.name == "postgresql":
        with settings.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")


def add_person(name: str, groups: list[str], roles: list[str]) -> int:
    with create_session() as session:
        found = list(session.scalars(select(Role).where(Role.name.in_(roles))).unique())
        user = User(username=name, first_name=name, last_name="B", email=f"{name}@x", active=True, roles=found)
        session.add(user)
        session.flush()
        session.add(
            models.IdentityRow(
                user_id=user.id, user_created_on=user.created_on, issuer="idp", subject=name, groups_at=utcnow()
            )
        )
        session.add_all(models.IdpGroupRow(user_id=user.id, name=group) for group in groups)
        return user.id


# Measuring ---------------------------------------------------------------------------------------------


def in_turn(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """Return the median seconds of each call, asked one after the other in every round."""
    for call in calls * 10:
        call()
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, times in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in taken]


@contextmanager
def statements() -> Iterator[list[str]]:
    found: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(statement)

    engines = [settings.engine, settings.async_engine.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", hear)
    yield found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", hear)


def duration(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds > 1e-4 else f"{seconds * 1e6:.2f} µs"


def compared(what: str, ours: float, against: float, target: float | None = None) -> Row:
    row: Row = {"what": what, "ours": duration(ours), "against": duration(against), "ratio": ours / against}
    return row | ({"target": target} if target else {})


# What is measured --------------------------------------------------------------------------------------


def ranged(some: list[str]) -> Callable[[], list[str]]:
    """The floor: a range of the primary key for each prefix, through the ORM's session."""

    def ask() -> list[str]:
        ranges = [(DagModel.dag_id >= prefix) & (DagModel.dag_id < prefix[:-1] + "`") for prefix in some]
        with create_session(scoped=False) as session:
            return list(session.scalars(select(DagModel.dag_id).where(or_(*ranges))))

    return ask


def every_id() -> list[str]:
    with create_session(scoped=False) as session:
        return list(session.scalars(select(DagModel.dag_id)))


def lists(manager: Any, people: dict[str, int], rounds: int) -> Iterator[Row]:
    def ids_of(name: str) -> Callable[[], list[str]]:
        user = manager.people.find(people[name])
        return lambda: list(manager.get_authorized_dag_ids(user=user))

    cases = (
        ("one", "Dag ids, one team | range", ranged(prefixes(1)), rounds, IDS_TARGET),
        ("five", "Dag ids, five teams | ranges", ranged(prefixes(5)), rounds, None),
        ("all", "Dag ids, all 100 teams | all of the table", every_id, max(rounds // 10, 10), None),
        ("admin", "Dag ids, administrator | all of the table", every_id, max(rounds // 10, 10), None),
        (
            "viewer",
            "Dag ids, global Viewer (owns none of them) | range",
            ranged(prefixes(1)),
            max(rounds // 10, 10),
            None,
        ),
    )
    for name, what, floor, times, target in cases:
        ours = ids_of(name)
        if name != "viewer":
            assert sorted(ours()) == sorted(floor()), name
        else:
            assert ours() == []
        yield compared(what, *in_turn(times, ours, floor), target)


def assets(client: TestClient, manager: Any, people: dict[str, int], rounds: int) -> Row:
    """Return what the filters of a list cost that is not of Dags, but names some."""
    with create_session() as session:
        session.add_all(AssetModel(name=f"asset_{number}", uri=f"s3://bench/{number}") for number in range(25))

    def listed(name: str) -> Callable[[], None]:
        token = manager._get_token_signer(expiration_time_in_seconds=86400).generate({"sub": str(people[name])})

        def ask() -> None:
            answer = client.get("/api/v2/assets?only_active=false", headers={"Authorization": f"Bearer {token}"})
            assert answer.json()["total_entries"] == 25

        return ask

    what = "25 assets, global Viewer | administrator, unfiltered"
    return compared(what, *in_turn(rounds, listed("viewer"), listed("admin")))


def decisions(manager: Any, people: dict[str, int], rounds: int) -> Iterator[Row]:
    """A hundred decisions at a time, since one is shorter than what a clock can tell."""
    fab = FabAuthManager()
    ours, theirs = manager.people.find(people["one"]), fab.deserialize_user({"sub": str(people["op"])})
    dags = [DagDetails(id=dag_id(number * TEAMS)) for number in range(100)]
    connections = [ConnectionDetails(conn_id=f"team000__conn{number}") for number in range(100)]

    def each(asked: Any, user: Any, details: list[Any]) -> Callable[[], Any]:
        assert all(asked(method="GET", user=user, details=detail) for detail in details)

        def ask() -> None:
            for detail in details:
                asked(method="GET", user=user, details=detail)

        return ask

    for what, name, details in (
        ("a decision on a Dag | FAB's", "is_authorized_dag", dags),
        ("a decision on a connection | FAB's", "is_authorized_connection", connections),
    ):
        taken = in_turn(rounds, each(getattr(manager, name), ours, details), each(getattr(fab, name), theirs, details))
        yield compared(what, *(seconds / 100 for seconds in taken), DECISION_TARGET)

    again = each(manager.is_authorized_dag, ours, dags)

    def anew() -> None:
        ours.principal.memo.clear()
        again()

    taken = in_turn(rounds, anew, each(fab.is_authorized_dag, theirs, dags))
    yield compared("the same on a Dag for the first time | FAB's", *(seconds / 100 for seconds in taken))


def small_question(manager: Any, people: dict[str, int], rounds: int) -> Iterator[Row]:
    def by_key() -> Any:
        with create_session(scoped=False) as session:
            return session.get(User, people["one"])

    taken = in_turn(rounds, lambda: manager.people.find(people["one"]), by_key)
    yield compared("who is asking, each request | a row by its key", *taken)


class Growth:
    """What grows with the number of Dags, and must not."""

    def __init__(self, client: Any, token: str) -> None:
        self._client, self._headers = client, {"Authorization": f"Bearer {token}"}
        self._found: dict[int, tuple[int, int]] = {}

    def look(self, dags: int) -> None:
        def ask() -> None:
            answer = self._client.get("/api/v2/dags?limit=25", headers=self._headers)
            assert answer.status_code == 200, answer.text
            assert answer.json()["total_entries"] == dags // TEAMS

        ask()
        with statements() as asked:
            ask()
        with create_session(scoped=False) as session:
            tables = models.metadata.tables.values()
            rows = sum(session.scalar(select(func.count()).select_from(table)) for table in tables)
        self._found[dags] = len(asked), rows

    def rows(self) -> Iterator[Row]:
        for number, what in enumerate(("queries of GET /dags?limit=25", "rows of ours in the database")):
            values = [found[number] for found in self._found.values()]
            yield {
                "what": f"{what}, at {', '.join(f'{dags:,}' for dags in self._found)} Dags",
                "ours": ", ".join(map(str, values)),
                "ratio": max(values) / min(values),
                "target": 1.0,
            }


def memory(groups: dict[str, list[str]]) -> Iterator[Row]:
    """What each person takes beyond the first, whose roles and policy are there already."""
    for name, of in groups.items():
        ids = [add_person(f"{name}{number}", of, []) for number in range(51)]
        people = People()
        kept = [people.find(ids[0])]
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        kept += [people.find(user_id) for user_id in ids[1:]]
        gc.collect()
        taken = (tracemalloc.get_traced_memory()[0] - before) / 50
        tracemalloc.stop()
        yield {"what": f"memory of a person in {name}", "ours": f"{taken / 1024:.1f} kB"}


def main() -> None:
    rounds = int(sys.argv[1])
    initdb()
    app = create_app()  # FAB makes its roles
    manager = get_auth_manager()
    write_policy(manager)
    people = {
        "one": add_person("one", ["g000"], []),
        "five": add_person("five", [f"g{number:03}" for number in range(5)], []),
        "all": add_person("all", ["engineers"], []),
        "admin": add_person("admin", [], ["Admin"]),
        "viewer": add_person("viewer", [], ["Viewer"]),
        "op": add_person("op", [], ["Op"]),
    }
    rows: list[Row] = []
    with TestClient(app, base_url="http://testserver") as client:
        token = manager._get_token_signer(expiration_time_in_seconds=86400).generate({"sub": str(people["one"])})
        growth = Growth(client, token)
        for start, end in ((0, 100), (100, 1_000), (1_000, DAGS)):
            add_dags(start, end)
            growth.look(end)
        rows += lists(manager, people, rounds)
        rows.append(assets(client, manager, people, rounds))
        rows += decisions(manager, people, rounds)
        rows += small_question(manager, people, rounds)
        rows += growth.rows()
        rows += memory({"one team": ["g000"], "100 teams": ["engineers"]})
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
