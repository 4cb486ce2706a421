"""
Every shape in which Airflow and its auth managers have leaked, and every leak of 3.3 that this package closes.

The CVEs are those that concern who may see or do what; C, M and L number the surface of Airflow 3.3.2, worst first.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa
from airflow import DAG
from airflow.models.asset import AssetDagRunQueue, DagScheduleAssetReference
from airflow.models.log import Log
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.utils.session import create_session

from ..conftest import HOME
from .calls import Answer, Asker, Call
from .canaries import Planter
from .test_sweep import canaries
from .world import Rows, Sweep


class Somebody:
    """Asks in a person's name."""

    def __init__(self, asker: Asker, sweep: Sweep, name: str) -> None:
        self._asker, self._token = asker, asker.token(sweep.people[name])

    def __call__(self, request: str, body: Any = None) -> Answer:
        method, _, rest = request.partition(" ")
        path, _, query = rest.partition("?")
        text = json.dumps(body) if body is not None else None
        return self._asker.one(self._token, Call(method, path, "", tuple(parse_qsl(query)), text))


@pytest.fixture
def ask(asker, sweep):
    """Ask as somebody. What is written goes again."""
    sweep.with_beta.put_back()
    yield lambda name: Somebody(asker, sweep, name)
    sweep.with_beta.put_back()


@pytest.fixture
def adam(ask):
    return ask("adam")


@pytest.fixture
def bess(ask):
    return ask("zqb_bess")


@pytest.fixture
def root(ask):
    return ask("root")


@pytest.fixture
def a(sweep):
    return sweep.alpha.ids


@pytest.fixture
def b(sweep):
    return sweep.beta.ids


def betas(answer: Answer) -> set[str]:
    return canaries(answer.shows, "zq[bs]|beta")


def count(model: Any, *where: Any) -> int:
    with create_session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
TASK = RUN + "/taskInstances/{task_id}"

# Airflow 2 ---------------------------------------------------------------------------------------------------


def test_cve_2021_45230_a_run_takes_more_than_reading(ask, sweep):
    """Creating a run was asked of nobody. Who may read a Dag may not run it."""
    gabe = ask("gabe")
    assert gabe(f"GET /api/v2/dags/{sweep.shared.ids['dag_id']}").status == 200
    assert gabe(f"POST /api/v2/dags/{sweep.shared.ids['dag_id']}/dagRuns", {"logical_date": None}).status == 403


def test_cve_2023_35908_a_dag_by_its_url(adam, bess, b):
    for path in ("/api/v2/dags/{dag_id}", "/api/v2/dags/{dag_id}/details", "/ui/grid/structure/{dag_id}"):
        assert adam(f"GET {path.format(**b)}").status == 403
        assert bess(f"GET {path.format(**b)}").status == 200


@pytest.mark.parametrize("path", [TASK, TASK + "/tries", RUN + "/taskInstances", "/api/v2/dags/{dag_id}/dagRuns"])
def test_cve_2023_42663_and_42781_task_instances_of_other_dags(adam, bess, b, path):
    assert adam(f"GET {path.format(**b)}").status == 403
    assert bess(f"GET {path.format(**b)}").status == 200


def test_cve_2023_42780_warnings_and_traces_of_other_dags(adam, root):
    for path in ("/api/v2/dagWarnings", "/api/v2/importErrors"):
        assert betas(root(f"GET {path}"))
        assert not betas(adam(f"GET {path}"))


def test_cve_2023_42792_clearing_and_editing_other_dags(adam, b):
    requests = [
        ("POST /api/v2/dags/{dag_id}/clearTaskInstances", {"dry_run": False, "only_failed": False}),
        ("POST " + RUN + "/clear", {"dry_run": False}),
        ("PATCH " + TASK, {"new_state": "failed"}),
        ("PATCH " + RUN, {"state": "failed"}),
        ("PATCH /api/v2/dags/{dag_id}", {"is_paused": False}),
        ("DELETE /api/v2/dags/{dag_id}", None),
    ]
    assert {adam(request.format(**b), body).status for request, body in requests} == {403}


def test_cve_2023_50944_source_of_other_dags(adam, bess, b):
    assert adam("GET /api/v2/dagSources/{dag_id}".format(**b)).status == 403
    assert "zqb-dag_code-source_code" in bess("GET /api/v2/dagSources/{dag_id}".format(**b)).text


def test_cve_2024_27906_and_2026_24098_import_errors_of_other_dags(adam, bess, b):
    for number in (b["import_error_id"], b["error_without_dag"]):
        assert adam(f"GET /api/v2/importErrors/{number}").status == 404
        assert "zqb-import_error-stacktrace" in bess(f"GET /api/v2/importErrors/{number}").text


def test_cve_2024_26280_and_2026_46764_audit_log_of_other_dags(adam, bess, b):
    one = f"GET /api/v2/eventLogs/{b['event_log_id']}"
    assert adam(one).status == 404
    assert not betas(adam("GET /api/v2/eventLogs"))
    assert bess(one).status == 200


def test_cve_2024_28746_variables_and_connections(adam, bess, b):
    for path in ("/api/v2/variables/{variable_key}", "/api/v2/connections/{connection_id}"):
        assert adam(f"GET {path.format(**b)}").status == 403
        assert bess(f"GET {path.format(**b)}").status == 200


# Airflow 3 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("existing", ["overwrite", "skip", "fail"])
@pytest.mark.parametrize("kind", ["connections", "variables", "pools"])
def test_cve_2025_62503_to_create_and_overwrite_is_to_edit(adam, b, kind, existing):
    entity = {
        "connections": {"connection_id": b["connection_id"], "conn_type": "http"},
        "variables": {"key": b["variable_key"], "value": "1"},
        "pools": {"name": b["pool_name"], "slots": 1},
    }[kind]
    body = {"actions": [{"action": "create", "entities": [entity], "action_on_existence": existing}]}
    assert adam(f"PATCH /api/v2/{kind}", body).status == 403


def test_cve_2026_22922_task_logs(adam, bess, b):
    assert adam(f"GET {TASK.format(**b)}/logs/1").status == 403
    assert "zqb-log-line" in bess(f"GET {TASK.format(**b)}/logs/1").text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/dags/~/dagVersions",
        "/api/v2/dags/~/dagRuns",
        "/api/v2/dags/~/dagRuns/~/taskInstances",
        "/api/v2/dags/~/dagRuns/~/hitlDetails",
        "/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries",
    ],
)
def test_cve_2026_26929_the_wildcard(adam, root, path):
    assert betas(root(f"GET {path}"))
    answer = adam(f"GET {path}")
    assert answer.status == 200
    assert canaries(answer.text, "zqa")
    assert not betas(answer)


@pytest.mark.parametrize("name", ["adam", "nora", "gus"])
@pytest.mark.parametrize("kind", ["scheduling", "data"])
def test_cve_2026_28563_and_48891_both_ends_of_the_graph(ask, bess, sweep, kind, name):
    """A node was hidden, the edges to it were not."""
    nodes = ("", f"&node_id=dag:{sweep.beta.name('dag')}", f"&node_id=asset:{sweep.beta.ids['asset_id']}")
    for node in nodes:
        answer = ask(name)(f"GET /ui/dependencies?dependency_type={kind}{node}")
        assert not canaries(answer.text, "zq[bs]|beta") - canaries(node, "zq[bs]|beta")
    assert canaries(bess("GET /ui/dependencies?dependency_type=scheduling").text, "beta__zqb_cron")


def test_cve_2026_32228_materialize_runs_any_dag(adam, b, sweep):
    """Neither another team's asset, nor one's own that another team's Dag produces."""
    assert adam(f"POST /api/v2/assets/{b['asset_out']}/materialize", {}).status == 403
    before = count_runs(sweep.beta.name("dag"))
    answer = adam(f"POST /api/v2/assets/{sweep.alpha.ids['asset_id']}/materialize", {})
    assert answer.status in (403, 404)
    assert not betas(answer)
    assert count_runs(sweep.beta.name("dag")) == before


def count_runs(dag_id: str) -> int:
    from airflow.models.dagrun import DagRun

    return count(DagRun, DagRun.dag_id == dag_id)


def test_cve_2026_34538_xcoms_in_the_wait_for_a_run(adam, bess, b):
    path = f"GET {RUN.format(**b)}/wait?interval=1&result={b['task_id']}"
    assert adam(path).status == 403
    assert "zqb-xcom-value" in bess(path).text


def test_cve_2026_38743_what_is_embedded_in_the_list_of_dags(adam, root):
    for path in ("/ui/dags", "/ui/dags?has_pending_actions=true", "/api/v2/dags"):
        assert betas(root(f"GET {path}"))
        assert not betas(adam(f"GET {path}"))


def test_cve_2026_40690_the_asset_graph(adam, b, sweep):
    external = "include_upstream=true&include_downstream=true&external_dependencies=true"
    assert adam(f"GET /ui/structure/structure_data?dag_id={b['dag_id']}&{external}").status == 403
    answer = adam(f"GET /ui/structure/structure_data?dag_id={sweep.alpha.ids['dag_id']}&{external}")
    assert answer.status == 200
    assert not betas(answer)


def test_cve_2026_41014_partitioned_runs(adam, root, sweep):
    assert betas(root("GET /ui/partitioned_dag_runs"))
    for query in ("", f"?dag_id={sweep.beta.name('part')}", "?has_created_dag_run_id=true"):
        assert not canaries(adam(f"GET /ui/partitioned_dag_runs{query}").text, "zqb-")


@pytest.mark.parametrize("action", ["update", "delete"])
def test_cve_2026_41084_the_path_was_authorized_and_the_body_done(adam, a, b, action):
    entity = {"dag_id": b["dag_id"], "dag_run_id": b["dag_run_id"], "task_id": b["task_id"]}
    if action == "update":
        entity["new_state"] = "failed"
    body = {"actions": [{"action": action, "entities": [entity]}]}
    before = Rows.read()
    for path in (RUN.format(**a), RUN.format(**{**a, "dag_run_id": "~"}), "/api/v2/dags/~/dagRuns/~"):
        answer = adam(f"PATCH {path}/taskInstances", body)
        assert answer.status in (200, 403)
        assert not answer.json().get(action, {}).get("success")
    changed = Rows.read().without(before).keys() | before.without(Rows.read()).keys()
    assert changed <= {"log"}


def test_cve_2026_49296_a_file_with_dags_of_two_teams(ask, sweep):
    """Its source, its import error and its parsing are for whoever may read, or edit, all of its Dags."""
    planter = Planter(sweep.alpha, HOME)
    with DAG(sweep.alpha.name("mixed")) as own:
        EmptyOperator(task_id="task")
    with DAG(sweep.beta.name("mixed")) as foreign:
        EmptyOperator(task_id="task")
    planter._parse([own, foreign], "mixed")
    with create_session() as session:
        number = planter.row(
            "import_error",
            session,
            timestamp=sweep.alpha.time,
            bundle_name=planter.bundle,
            filename="zqa_mixed.py",
            stacktrace="zqb in its trace",
        )
    adam = ask("adam")
    for path in (f"/api/v2/dagSources/{own.dag_id}", f"/api/v2/importErrors/{number}"):
        answer = adam(f"GET {path}")
        assert answer.status == 200
        assert "REDACTED" in answer.text
        assert not betas(answer)
    assert adam(f"PUT /api/v2/parseDagFile/{planter.file_token('mixed')}").status == 403


# Auth managers -----------------------------------------------------------------------------------------------


def test_cve_2026_59245_a_dag_named_like_a_permission(ask, sweep):
    """A permission on the Dag ``DAGs`` was one on all Dags."""
    planter = Planter(sweep.alpha, HOME)
    dags = []
    for dag_id in ("DAGs", "DAG:DAGs"):
        try:
            dags.append(DAG(dag_id))
        except ValueError:  # Airflow takes no colon
            continue
        with dags[-1]:
            EmptyOperator(task_id="task")
    planter._parse(dags, "named")
    for name in ("adam", "nora", "gus"):
        assert not canaries(ask(name)("GET /api/v2/dags").text, "zqb|beta")


def test_cve_2025_57735_and_2026_86473_a_token_is_revoked_at_sign_out(ask, asker, sweep):
    token = asker.token(sweep.people["adam"])
    where = Call("GET", "/api/v2/dags", "")
    assert asker.one(token, where).status == 200
    asker.one(token, Call("GET", "/api/v2/auth/logout", ""))
    assert asker.one(token, where).status in (401, 403)


def test_cve_2026_59245_2023_40273_a_token_of_somebody_who_is_gone(ask, asker, sweep):
    token = asker.token(sweep.people["adam"])
    assert asker.one(token, Call("GET", "/api/v2/dags", "")).status == 200
    gone = asker.token(987654)
    assert asker.one(gone, Call("GET", "/api/v2/dags", "")).status in (401, 403)


# The surface of 3.3.2 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["connections", "variables", "pools"])
def test_c1_to_create_in_anothers_name(adam, kind, sweep):
    def new(p, name):
        return {
            "connections": {"connection_id": p.name(name), "conn_type": "http"},
            "variables": {"key": p.name(name), "value": "1"},
            "pools": {"name": p.name(name), "slots": 1},
        }[kind]

    there = {"connections": "conn", "variables": "var", "pools": "pool"}[kind]
    answers = [adam(f"POST /api/v2/{kind}", new(sweep.beta, name)) for name in (there, "new")]
    assert [(answer.status, answer.text) for answer in answers] == [(403, '{"detail":"Forbidden"}')] * 2
    assert adam(f"POST /api/v2/{kind}", new(sweep.alpha, "new")).status == 201


def test_c2_events_on_anothers_asset(adam, bess, a, b):
    for number in (b["asset_id"], 987654):
        assert adam("POST /api/v2/assets/events", {"asset_id": number, "extra": {}}).status == 403
    assert adam("POST /api/v2/assets/events", {"asset_id": a["asset_out"], "extra": {}}).status == 200
    assert bess("POST /api/v2/assets/events", {"asset_id": b["asset_out"], "extra": {}}).status == 200


def test_c3_what_is_nested_in_ones_own_asset(adam, root, a):
    for path in ("/api/v2/assets", f"/api/v2/assets/{a['asset_id']}", "/api/v2/assets/aliases"):
        assert betas(root(f"GET {path}"))
        assert not betas(adam(f"GET {path}"))


def test_c4_a_dag_in_the_body_of_a_get(adam, a, b):
    for path in ("/api/v2/backfills", "/ui/backfills"):
        answer = adam(f"GET {path}?dag_id={b['dag_id']}", {"dag_id": a["dag_id"]})
        assert answer.status == 400
        assert not betas(answer)


def test_c5_audit_rows_without_a_dag(adam, bess, root, b):
    for somebody in (adam, bess):
        assert somebody(f"GET /api/v2/eventLogs/{b['log_without_dag']}").status == 404
        assert "without_dag" not in somebody("GET /api/v2/eventLogs?limit=1000").text
    assert "zqb-log-without_dag" in root(f"GET /api/v2/eventLogs/{b['log_without_dag']}").text


def test_c6_import_errors_of_files_that_never_had_a_dag(adam, bess, root, ask):
    assert "zqb_broken.py" in root("GET /api/v2/importErrors").text
    assert "zqb_broken.py" in bess("GET /api/v2/importErrors").text
    for somebody in (adam, ask("gus")):
        assert "zqb" not in somebody("GET /api/v2/importErrors").text


@pytest.mark.parametrize("kind", ["connections", "variables", "pools", "assets", "dags"])
def test_c7_lists_that_fab_answers_with_everything(adam, kind):
    answer = adam(f"GET /api/v2/{kind}")
    assert not betas(answer)
    entries = next(value for key, value in answer.json().items() if isinstance(value, list))
    assert answer.json()["total_entries"] == len(entries)


def test_m1_what_an_upstream_event_tells(adam, root, a, sweep):
    path = f"GET {RUN.format(**a)}/upstreamAssetEvents"
    assert betas(root(path))
    answer = adam(path)
    assert not betas(answer)
    assert answer.json()["total_entries"] == len(answer.json()["asset_events"]) == 1


def test_m2_events_without_a_dag_and_the_runs_they_made(adam, root):
    path = "GET /api/v2/assets/events?limit=1000"
    assert betas(root(path))
    assert not betas(adam(path))


def test_m3_jobs(adam, bess):
    assert adam("GET /api/v2/jobs").status == bess("GET /api/v2/jobs").status == 403


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("POST /api/v2/variables", {"key": "alpha__x", "value": "1"}),
        ("PATCH /api/v2/dags/alpha__zqa_dag", {"is_paused": False}),
        ("POST /api/v2/dags/alpha__zqa_dag/dagRuns", {"logical_date": None}),
        ("PATCH /api/v2/dags/~/dagRuns", {"actions": []}),
        ("PATCH /api/v2/pools", {"actions": []}),
    ],
)
def test_m4_audit_rows_in_anothers_name(adam, b, request_line, body):
    before = count(Log, Log.dag_id == b["dag_id"])
    adam(request_line, {**body, "dag_id": b["dag_id"]})
    adam(f"{request_line}?dag_id={b['dag_id']}", body)
    assert count(Log, Log.dag_id == b["dag_id"]) == before


@pytest.mark.parametrize("route", ["PATCH /api/v2/dags/{dag_id}/dagRuns", "POST /api/v2/dags/{dag_id}/clearDagRuns"])
@pytest.mark.parametrize("name", ["adam", "nora"])
def test_m4_audit_rows_of_a_dag_in_the_path_that_core_does_not_ask_about(ask, a, b, route, name):
    """Both ask about the Dags of the body, and log the Dag of the path."""
    before = count(Log, Log.dag_id == b["dag_id"])
    own = {"dag_id": a["dag_id"], "dag_run_id": a["dag_run_id"], "note": "x"}
    for body in (
        {"actions": []},
        {"actions": [{"action": "update", "entities": [own]}]},
        {"dag_runs": [{"dag_id": a["dag_id"], "dag_run_id": a["dag_run_id"]}], "dry_run": False},
        {"dag_runs": [{"dag_id": "~", "dag_run_id": b["dag_run_id"]}], "dry_run": False},
        {"actions": [], "dag_id": b["dag_id"]},
    ):
        ask(name)(route.format(**b), body)
    assert count(Log, Log.dag_id == b["dag_id"]) == before


def test_m6_connection_tests_run_where_nobody_may_choose(adam, b, sweep, monkeypatch):
    from airflow.configuration import conf

    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    assert conf.get("core", "test_connection") == "Enabled"
    own = {"connection_id": sweep.alpha.name("other"), "conn_type": "http"}
    foreign = {"connection_id": b["connection_id"], "conn_type": "http"}
    for kind in ("test", "enqueue-test"):
        assert adam(f"POST /api/v2/connections/{kind}", foreign).status == 403
    for choice in ({"queue": "betas"}, {"executor": "betas"}):
        assert adam("POST /api/v2/connections/enqueue-test", {**own, **choice}).status == 403
    assert adam("POST /api/v2/connections/test", own).status == 200
    assert adam("POST /api/v2/connections/enqueue-test", own).status in (200, 202)


def test_m7_default_connections(ask):
    assert {ask(name)("POST /api/v2/connections/defaults").status for name in ("adam", "opal", "nora")} == {403}


def test_m10_queued_events_of_other_dags(adam, a, b, sweep):
    queue = AssetDagRunQueue.target_dag_id == sweep.beta.name("dag")
    before = count(AssetDagRunQueue, queue)
    assert before
    path = f"DELETE /api/v2/assets/{a['asset_id']}/queuedEvents"
    assert adam(path).status == 204
    assert adam(f"{path}?dag_id={a['dag_id']}").status == 400
    assert adam(f"DELETE /api/v2/assets/{b['asset_id']}/queuedEvents").status == 403
    assert count(AssetDagRunQueue, queue) == before


@pytest.mark.parametrize("kind", ["connections", "variables", "pools"])
def test_m11_an_id_in_another_letter_case(adam, ask, kind):
    """The environment-variable secrets backend upper-cases ids: it would answer ``BETA__X`` with ``beta__x``."""
    for name in ("BETA__x", "Beta__x", "bEtA__x"):
        body = {
            "connections": {"connection_id": name, "conn_type": "http"},
            "variables": {"key": name, "value": "1"},
            "pools": {"name": name, "slots": 1},
        }[kind]
        for who in ("adam", "gus"):
            assert ask(who)(f"POST /api/v2/{kind}", body).status == 403
            assert ask(who)(f"GET /api/v2/{kind}/{name}").status == 403


def test_l1_who_materializes_ones_own_asset(adam, a):
    assert not betas(adam(f"POST /api/v2/assets/{a['asset_id']}/materialize", {}))


def test_l2_what_ones_own_dag_is_scheduled_on_and_no_more(adam, a, sweep):
    """Its name and URI stand in the Dag's own source; what else there is of it is not told."""
    with create_session() as session:
        session.add(DagScheduleAssetReference(asset_id=sweep.beta.ids["asset_out"], dag_id=a["dag_id"]))
    known = {sweep.beta.name("out")}
    for path in ("/ui/next_run_assets/{dag_id}", "/api/v2/dags/{dag_id}/details"):
        assert betas(adam(f"GET {path.format(**a)}")) <= known
    for path in (
        "/ui/dependencies",
        "/ui/dependencies?dependency_type=data",
        "/api/v2/assets",
        "/api/v2/assets/events",
    ):
        assert not betas(adam(f"GET {path}"))
    assert adam(f"GET /api/v2/assets/{sweep.beta.ids['asset_out']}").status == 403


def test_l2_a_filter_does_not_spell_out_the_name_of_an_asset(adam, root, a):
    """Whose events one's own run consumed could be asked for letter by letter."""
    path = f"GET /api/v2/dags/{a['dag_id']}/dagRuns?consuming_asset_pattern="
    assert root(f"{path}zqb").json()["total_entries"] == 1
    assert adam(f"{path}zqb").json()["total_entries"] == 0
    assert adam(f"{path}zqa").json()["total_entries"] == 1


def test_l4_bulk_deletion_by_object(adam, b):
    """Core takes the object for a key, and fails: closed."""
    body = {"actions": [{"action": "delete", "entities": [{"key": b["variable_key"], "value": "1"}]}]}
    assert adam("PATCH /api/v2/variables", body).status in (403, 422, 500)


def test_l5_a_pool_without_a_name(adam, a):
    assert adam(f"PATCH /api/v2/pools/{a['pool_name']}", {"pool": "", "slots": 1}).status == 400


@pytest.mark.parametrize(
    "path", ["providers", "config", "plugins/importErrors", "config/section/core/option/fernet_key"]
)
def test_l6_what_the_deployment_is_made_of(adam, bess, path):
    assert adam(f"GET /api/v2/{path}").status == bess(f"GET /api/v2/{path}").status == 403


def test_l8_users_and_roles_are_global(ask):
    for name in ("adam", "nora", "gus", "zqb_bess"):
        for path in ("users", "roles", "permissions", "users/root", "roles/Admin"):
            assert ask(name)(f"GET /auth/fab/v1/{path}").status == 403
        role = {"roles": [{"name": "Admin"}]}
        assert ask(name)(f"PATCH /auth/fab/v1/users/{name}?update_mask=roles", role).status == 403


def test_l9_what_exists_and_what_does_not_are_refused_alike(adam, b):
    pairs = [
        ("/api/v2/dags/{dag_id}", {"dag_id": "beta__missing"}),
        (TASK, {"dag_id": "beta__missing"}),
        ("/api/v2/connections/{connection_id}", {"connection_id": "beta__missing"}),
        ("/api/v2/variables/{variable_key}", {"variable_key": "beta__missing"}),
        ("/api/v2/pools/{pool_name}", {"pool_name": "beta__missing"}),
        ("/api/v2/assets/{asset_id}", {"asset_id": 987654}),
        ("/api/v2/assets/aliases/{asset_alias_id}", {"asset_alias_id": 987654}),
        ("/api/v2/backfills/{backfill_id}", {"backfill_id": 987654}),
    ]
    for path, missing in pairs:
        there, not_there = (adam(f"GET {path.format(**ids)}") for ids in (b, {**b, **missing}))
        assert (there.status, there.text) == (not_there.status, not_there.text), path


def test_an_event_of_ones_own_asset_runs_no_dag_of_anothers(adam, a, sweep):
    """A Dag of beta's is scheduled on it, without a grant of ``consume``."""
    with create_session() as session:
        session.execute(sa.delete(AssetDagRunQueue))
    assert adam("POST /api/v2/assets/events", {"asset_id": a["asset_id"], "extra": {}}).status == 200
    with create_session() as session:
        queued = set(session.scalars(sa.select(AssetDagRunQueue.target_dag_id)))
    assert queued == {a["dag_id"]}
