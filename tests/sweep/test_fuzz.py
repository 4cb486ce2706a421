"""
Requests that nobody thought of: Schemathesis makes up thousands from Airflow's own OpenAPI document (``make fuzz``).

A member of alpha sends them. None shows or changes what is beta's, and none breaks what stock Airflow does not.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .calls import Answer, Asker, Call
from .questions import ids
from .routes import ROUTES
from .test_sweep import canaries
from .test_writes import Found, examine
from .world import Rows, Sweep

EXAMPLES = int(os.environ.get("TEAM_RBAC_FUZZ", "0"))
"""How many requests are made up for each operation."""
SEED = 2026
CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b(?! INTO log\b)", re.IGNORECASE)

pytestmark = pytest.mark.skipif(not EXAMPLES, reason="make fuzz")


def made_up(document: dict[str, Any], sweep: Sweep) -> list[Call]:
    """Return requests for every operation of the document: half as it says, half not; always the same."""
    import schemathesis
    from schemathesis import GenerationMode

    found: dict[Call, None] = {}
    whose = st.sampled_from([sweep.alpha, sweep.alpha, sweep.beta, None])
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = result.ok()
        key = f"{operation.method.upper()} {operation.path}"
        if key not in ROUTES or "logout" in key:  # whose token is revoked asks nothing more
            continue
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))
        for case, plants in some(st.tuples(cases, whose)):
            if (call := call_of(key, case, plants)) is not None:
                found[call] = None
    return list(found)


def some(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return examples, always the same."""
    found = []

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(example: Any) -> None:
        found.append(example)

    keep()
    return found


def call_of(key: str, case: Any, whose: Any) -> Call | None:
    """Return what is made up as a request, with ids of what there is put into its path."""
    known = {name: str(value) for name, value in (ids(whose, key) if whose else {}).items()}
    values = {**(case.path_parameters or {}), **known}
    method, template = key.split(" ", 1)
    where = re.sub(r"\{(\w+)\}", lambda match: quote(str(values.get(match[1], "x")), safe=""), template)
    query = tuple((name, text_of(one)) for name, value in (case.query or {}).items() for one in as_list(value))
    body = None
    if case.media_type == "application/json":
        try:
            body = json.dumps(case.body)
        except TypeError:  # there is none, or it is no JSON
            return None
    return Call(method, where, key, query, body)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def send(asker: Asker, token: str, calls: list[Call], rows: Rows) -> Iterator[tuple[Call, Answer, bool]]:
    """Yield each answer, and whether the database was written to; put it back then."""
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if CHANGES.match(statement):
            statements.append(statement)

    for call in calls:
        statements.clear()
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        answer = asker.one(token, call)
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        yield call, answer, bool(statements)
        if statements:
            rows.put_back()


def test_what_nobody_thought_of(app, sweep, asker, tmp_path):
    rows = sweep.with_beta
    rows.put_back()
    calls = made_up(app.openapi(), sweep)
    number = len(calls)
    assert number > 30 * EXAMPLES
    found, shown, broken = Found("adam"), [], []
    for call, answer, written in send(asker, asker.token(sweep.people["adam"]), calls, rows):
        if written:
            examine(call, answer, rows, sweep, found)
        if told := canaries(answer.shows, "zq[bs]|beta") - canaries(call.says, "zq[bs]|beta"):
            shown.append(f"{call}\n  {answer.status}: {sorted(told)[:5]}")
        if answer.status >= 500:
            broken.append((call, answer))
    stock = on_stock_airflow([call for call, _ in broken], sweep, tmp_path)
    print(f"{number} requests, {len(broken)} answered with 500, {stock.count(500)} of them by stock Airflow too")
    assert found.changed == []
    assert shown == []
    assert [
        f"{call}\n  {answer.error}, stock: {status}"
        for (call, answer), status in zip(broken, stock, strict=True)
        if status < 500
    ] == []


def on_stock_airflow(calls: list[Call], sweep: Sweep, folder: Path) -> list[int]:
    """Return how FabAuthManager's Airflow answers an administrator, in a process of its own on this database."""
    asked, answered = folder / "calls.pickle", folder / "statuses.json"
    asked.write_bytes(pickle.dumps((calls, sweep.people["root"], sweep.with_beta)))
    manager = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    subprocess.run(
        [sys.executable, "-m", "tests.sweep.test_fuzz", str(asked), str(answered)],
        env={**os.environ, "AIRFLOW__CORE__AUTH_MANAGER": manager},
        cwd=Path(__file__).parents[2],
        check=True,
    )
    sweep.with_beta.put_back()
    return json.loads(answered.read_text())


def main(asked: str, answered: str) -> None:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    calls, user, rows = pickle.loads(Path(asked).read_bytes())
    with TestClient(create_app(), base_url="http://testserver", raise_server_exceptions=False) as client:
        asker = Asker(client)
        statuses = [answer.status for _, answer, _ in send(asker, asker.token(user), calls, rows)]
    Path(answered).write_text(json.dumps(statuses))


if __name__ == "__main__":
    main(*sys.argv[1:])
