"""Nobody outside a team changes what it has, forges its audit log, or learns from a refusal what there is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from airflow import settings
from airflow.models.log import Log
from airflow.utils.session import create_session

from ..world import public_role
from . import writes
from .calls import Answer, Call
from .routes import ROUTES, WRITE
from .test_sweep import canaries, told
from .world import PUBLIC_ROLE, Rows

REFUSED = "team_rbac.request.refuse"
NAMES = {
    *(f"{table}.dag_id" for table in ("backfill", "dag", "dag_run", "task_instance", "xcom", "log", "dag_favorite")),
    "asset_dag_run_queue.target_dag_id",
    "asset_partition_dag_run.target_dag_id",
    "connection.conn_id",
    "connection_test_request.connection_id",
    "dag_priority_parsing_request.bundle_name",
    "slot_pool.pool",
    "task_state_store.dag_id",
    "variable.key",
}
"""Columns that say whose a row is, besides the numbers of assets."""

BY_HANDLER = {
    "hitlDetails": "the Dag's author says who may answer",
}
"""Answers 403 of core's handlers themselves, after it has written to its audit log, and why."""


def test_every_route_that_writes_is_asked():
    assert set(writes.BODIES) == {key for key, kind in ROUTES.items() if kind == WRITE}


@dataclass
class Found:
    """:param name: who asked"""

    name: str
    answers: list[Answer] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=["adam", "gabe", "nora", "public"])
def found(request, sweep, asker, routes):
    """What somebody was answered, without beta's things and with them, and what that did to the database."""
    name = request.param
    other = sweep.shared if name == "gabe" else sweep.beta
    asked = [call for key in writes.BODIES if key in routes for call in writes.calls(key, sweep.alpha, other)]
    if name != "adam":  # what adam may not, they may not
        asked = asked[::5]
    token = asker.token(sweep.people[name])
    statements: list[str] = []

    def note(connection, cursor, statement, *_):
        if re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b(?! INTO log\b)", statement, re.IGNORECASE):
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        results = []
        for rows in (sweep.without_beta, sweep.with_beta):
            rows.put_back()
            statements.clear()
            result, last = Found(name), last_log()
            for call in asked:
                with public_role(PUBLIC_ROLE.get(name)):
                    answer = asker.one(token, call)
                result.answers.append(answer)
                examine_log(call, answer, last, sweep, result)
                if statements:
                    if rows is sweep.with_beta:
                        examine(call, answer, rows, sweep, result)
                    rows.put_back()
                    statements.clear()
                last = last_log()
            results.append(result)
        return asked, *results
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        sweep.with_beta.put_back()


def last_log() -> int:
    with settings.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.max(Log.id))) or 0


def may_read(name: str, sweep: Any) -> str | None:
    """Return beta's one Dag that somebody may read, and so may have a row of their own about."""
    return sweep.shared.ids["dag_id"] if name == "gabe" else None


def examine_log(call: Call, answer: Answer, last: int, sweep: Any, result: Found) -> None:
    readable = may_read(result.name, sweep)
    with create_session() as session:
        for row in session.scalars(sa.select(Log).where(Log.id > last)):
            what = f"{call}\n  {answer.status}: {row.event} of {row.dag_id} by {row.owner}: {row.extra}"
            own = (row.owner, row.dag_id) == (result.name, readable)
            if not own and (row.dag_id or "").casefold().startswith("beta__"):
                result.forged.append(what)
            refused = answer.status in (401, 403) and not any(text in call.path for text in BY_HANDLER)
            if refused and row.event != REFUSED:
                result.logged.append(what)


def examine(call: Call, answer: Answer, before: Rows, sweep: Any, result: Found) -> None:
    numbers = {sweep.beta.ids["asset_id"], sweep.beta.ids["asset_out"], sweep.shared.ids["asset_id"]}
    favourite = {"user_id": str(sweep.people[result.name]), "dag_id": may_read(result.name, sweep)}
    now = Rows.read()
    for text, some in (("lost", before.without(now)), ("got", now.without(before))):
        for table, rows in some.items():
            for row in rows:
                if (
                    table != "log"
                    and row != favourite
                    and _is_betas(table, row, numbers, call if text == "got" else None)
                ):
                    result.changed.append(f"{call}\n  {answer.status}: {table} {text} {row}")


def _is_betas(table: str, row: dict[str, Any], numbers: set[int], call: Call | None) -> bool:
    if row.get("asset_id") in numbers:
        return True
    if any(
        str(row.get(column.partition(".")[2])).startswith("beta__")
        for column in NAMES
        if column.startswith(f"{table}.")
    ):
        return True
    said = canaries(call.says, "zq[bs]|beta") if call else set()
    return bool(canaries(str(row), "zq[bs]|beta") - said)


def test_nothing_of_betas_changes(found):
    assert found[2].changed == []


def test_no_audit_row_is_forged(found):
    assert found[1].forged == []
    assert found[2].forged == []


def test_a_refusal_writes_its_own_audit_row_alone(found):
    assert found[2].logged == []


def test_a_refusal_does_not_tell_what_there_is(found):
    asked, without, with_it = found
    differ = [
        f"{call}\n  without: {one.status} {one.text[:300]}\n  with: {two.status} {two.text[:300]}"
        for call, one, two in zip(asked, without.answers, with_it.answers, strict=True)
        if (one.status != two.status or (two.status >= 300 and told(one) != told(two)))
        and not any(text in call.path for text in KNOWN_TO_THE_CALLER)
    ]
    assert differ == []


KNOWN_TO_THE_CALLER = {"parseDagFile": "its token is signed: Airflow gives it to whoever may read a Dag of the file"}


def test_no_answer_shows_a_canary(found):
    asked, _, with_it = found
    shown = [
        f"{call}\n  {answer.status} {answer.text[:300]}"
        for call, answer in zip(asked, with_it.answers, strict=True)
        if canaries(answer.shows, "zq[bs]|beta") - canaries(call.says, "zq[bs]|beta")
    ]
    assert shown == []


def test_nothing_breaks(found):
    asked, _, with_it = found
    broken = [
        f"{call}\n  {answer.error or answer.text[:200]}"
        for call, answer in zip(asked, with_it.answers, strict=True)
        if answer.status >= 500
    ]
    assert broken == []
