"""Nobody outside a team learns what it has, and nobody inside is denied it, on any route of the real app."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .calls import Answer, Call
from .canaries import CANARY, text_columns, values_of
from .questions import calls, ids, path, required
from .routes import ACCOUNTS, DEPLOYMENT, LIST, OPEN, ROUTES, THING, routes_of
from .world import OUTSIDERS

NO_CANARY = {
    **dict.fromkeys(
        (
            "asset_state_store.last_updated_by_kind",
            "callback.fetch_method",
            "callback.state",
            "callback.type",
            "dag_run.run_type",
            "dag_run.span_status",
            "dag_run.state",
            "dag_run.triggered_by",
            "dag_warning.warning_type",
            "job.job_type",
            "job.state",
            "connection_test_request.state",
            "backfill.reprocess_behavior",
            "task_instance.span_status",
            "task_instance.state",
            "task_instance_history.span_status",
            "task_instance_history.state",
            "team_rbac_binding.managed_by",
            "team_rbac_binding.subject_kind",
            "team_rbac_claim.what",
            "team_rbac_grant.actions",
            "team_rbac_grant.managed_by",
            "team_rbac_team.managed_by",
        ),
        "one of a few words",
    ),
    **dict.fromkeys(
        (
            "connection.team_name",
            "connection_test_request.team_name",
            "dag_bundle_team.dag_bundle_name",
            "dag_bundle_team.team_name",
            "slot_pool.team_name",
            "trigger.team_name",
            "variable.team_name",
        ),
        "a native team; see test_native_teams",
    ),
    **dict.fromkeys(
        (
            "dag.timetable_type",
            "dag.timetable_summary",
            "dag.timetable_description",
            "deadline_alert.interval",
            "deadline_alert.reference",
            "task_instance.operator",
            "task_instance_history.operator",
        ),
        "the name of a class of Airflow's, and its arguments",
    ),
    **dict.fromkeys(("dag_code.source_code_hash", "serialized_dag.dag_hash"), "a hash, which is unlike alpha's anyhow"),
    **dict.fromkeys(
        ("dag.allowed_run_types", "dag.next_dagrun_partition_key", "dag_version.version_data"),
        "Airflow refuses to read anything else than it wrote",
    ),
    "serialized_dag.data_compressed": "used only with [core] compress_serialized_dags",
    "team_rbac_revision.stamp": "of the whole policy",
    "team_rbac_binding.role": "the name of a FAB role",
    **dict.fromkeys(
        ("team_rbac_binding.created_by", "team_rbac_grant.created_by", "team_rbac_team.created_by"),
        "who applied the policy",
    ),
    "team_rbac_active_team.team_name": "the name of a team of whoever chose it",
    "team_rbac_identity.issuer": "of the whole deployment",
    "team_rbac_identity.subject": "as the IdP made it",
    "team_rbac_sign_in_link.code_hash": "a hash",
}
"""Columns of data that hold text and no canary, and why."""

NOT_A_TEAMS = re.compile(r"ab_.*|alembic_version.*|log_template|session|revoked_token")
"""Tables of the deployment: FAB's own, and Airflow's housekeeping."""


def test_every_route_is_known(app):
    """A new route is classified before it is served."""
    assert set(routes_of(app)) == set(ROUTES)


def test_every_text_column_holds_a_canary(sweep):
    """So that a column that an Airflow upgrade adds cannot hide from the sweep."""
    sweep.with_beta.put_back()
    bare = {
        f"{table}.{column}"
        for table, column in text_columns()
        if not NOT_A_TEAMS.fullmatch(table) and not any(CANARY.search(value) for value in _of_beta(table, column))
    }
    assert bare == set(NO_CANARY)


def _of_beta(table: str, column: str) -> list[str]:
    return [value for value in values_of(table, column) if "zqb" in value or "beta" in value]


# Outsiders -----------------------------------------------------------------------------------------------

VOLATILE = re.compile(r'"last_parsed":"[^"]*"|look for ID \w{8}')
"""The time of the answer, and the number of an error."""


def told(answer: Answer) -> tuple[int, str]:
    """What an answer tells, without the time at which it was given."""
    return answer.status, VOLATILE.sub("", answer.text)


@pytest.mark.parametrize("name", OUTSIDERS)
def test_what_beta_has_makes_no_difference(asked, name):
    """
    Not a row, a total, an order, a page or a status: every answer is what it is where beta has nothing.

    With it, an id that exists is answered as one that does not.
    """
    differ = [
        f"{call}\n  without: {without.status} {without.text[:300]}\n  with: {with_it.status} {with_it.text[:300]}"
        for call, without, with_it in asked[name]
        if told(without) != told(with_it) and not _is_deployments(name, call)
    ]
    assert differ == []


@pytest.mark.parametrize("name", OUTSIDERS)
def test_no_canary_of_betas(asked, name):
    """In no body and no header, but what the caller said themselves."""
    shown = [
        f"{call}\n  {with_it.status}: {sorted(found)[:9]}"
        for call, _, with_it in asked[name]
        if (found := canaries(with_it.shows, FORBIDDEN[name]) - canaries(call.says, FORBIDDEN[name]))
        and not _is_deployments(name, call)
    ]
    assert shown == []


FORBIDDEN = {
    "opal": r"zq[bsu]|beta",
    "adam": r"zq[bsu]|beta",
    "nora": r"zq[absu]|alpha|beta",
    "gus": r"zq[abs]|alpha|beta",
    "public": r"zq[abs]|alpha|beta",
    # Of what is shared, the Dag and what its own source names: its assets, its pool and the Dag that it triggers;
    # and the bundle that it comes from, which Airflow shows as one of its own columns.
    "gabe": r"zq[abu]|alpha|beta__zqs_(?!dag|in|out|alias|by_|pool|cron|bundle)|zqs-(connection|variable|slot)",
    "gwen": r"zq[abu]|alpha|beta__zqs_(?!conn|var|pool|in|alias)|zqs-(dag|task|xcom|hitl|log|run|job|import)",
}


GLOBAL = {"gus", "public"}
"""Who has a global role."""


def canaries(text: str, pattern: str) -> set[str]:
    return {found.lower() for found in CANARY.findall(text) if re.match(pattern, found, re.IGNORECASE)}


def _is_deployments(name: str, call: Call) -> bool:
    """What a global role shows of the deployment: jobs have a Dag id, and are nobody's (DESIGN section 3)."""
    return name in GLOBAL and ROUTES[call.route] == DEPLOYMENT


@pytest.mark.parametrize("name", sorted(set(OUTSIDERS) - GLOBAL))
def test_the_deployment_takes_a_global_role(asked, name):
    open_to = {
        call.route
        for call, _, answer in asked[name]
        if ROUTES[call.route] in (DEPLOYMENT, ACCOUNTS) and answer.status != 403
    }
    assert open_to == set()


def test_nobody_at_all(sweep, asker, routes):
    """Without a token there is nothing but the door."""
    sweep.with_beta.put_back()
    let_in = {}
    for key in sorted(set(routes) - {key for key, kind in ROUTES.items() if kind == OPEN} - DOOR):
        method, template = key.split(" ", 1)
        where = path(template, ids(sweep.beta, key))
        answer = asker.one(None, Call(method, where, key, tuple(required(routes[key], sweep.beta).items())))
        if answer.status != 401 or canaries(answer.text, "zq"):
            let_in[key] = answer.status, answer.text
    assert let_in == {}


DOOR = {"POST /auth/token", "POST /auth/token/cli"}

CORES_OWN = {
    ("GET /ui/dags", "order_by"): "DagModel has no such column",
    ("GET /api/v2/dags", "order_by"): "DagModel has no such column",
    ("GET /ui/calendar/{dag_id}", "partition_date"): "SQLite cannot format it",
    ("GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances", "task_group_id"): "asks for a Dag under ~",
}
"""Questions at which Airflow itself fails, and why."""


def fails_anyhow(call: Call) -> bool:
    return any(call.route == key and what in str(call) for key, what in CORES_OWN)


@pytest.mark.parametrize("name", OUTSIDERS)
def test_nothing_breaks(asked, name):
    broken = [
        f"{call}: {answer.error or answer.text[:200]}"
        for call, _, answer in asked[name]
        if answer.status >= 500 and not any(call.route == key and what in str(call) for key, what in CORES_OWN)
    ]
    assert broken == []


# Insiders ------------------------------------------------------------------------------------------------

NEVER_SHOWN = {
    **dict.fromkeys(
        (
            "asset_partition_dag_run-rollup_fingerprint",
            "backfill-triggering_user_name",
            "backfill_dag_run-exception_reason",
            "backfill_dag_run-partition_key",
            "callback-data",
            "callback-output",
            "dag_bundle-signed_url_template",
            "dag_bundle-template_params",
            "dag_bundle-version",
            "dag_favorite-user_id",
            "dag_priority_parsing_request",
            "dag_priority_parsing_request-relative_fileloc",
            "dag_run-context_carrier",
            "dag_run_note-user_id",
            "dag_schedule_asset_reference-allow_producer_teams",
            "deadline_alert-callback_def",
            "deadline_alert-description",
            "hitl-subject",
            "log-owner_display_name",
            "partitioned_asset_key_log-source_partition_key",
            "partitioned_asset_key_log-target_partition_key",
            "rendered_task_instance_fields-k8s_pod_yaml",
            "task-bash_command",
            "task-env",
            "task-mapped",
            "task_instance-context_carrier",
            "task_instance-external_executor_id",
            "task_instance-next_kwargs",
            "task_instance-next_method",
            "task_instance-retry_reason",
            "task_instance_history-context_carrier",
            "task_instance_history-external_executor_id",
            "task_instance_history-next_method",
            "task_instance_history-retry_reason",
            "task_instance_note-user_id",
            "task_map-keys",
            "task_outlet_asset_reference-allow_consumer_teams",
        ),
        "no route of Airflow's answers with this column",
    ),
    **dict.fromkeys(
        ("connection-password", "connection_test_request-password", "trigger-kwargs"), "a secret, which it masks"
    ),
    **dict.fromkeys(
        tuple(
            f"connection_test_request-{column}"
            for column in ("conn_type", "executor", "extra", "host", "login", "queue", "schema")
        ),
        "of a connection test only the result is shown",
    ),
}
"""Canaries that Airflow shows nobody, and why."""

DEPLOYMENTS = {
    "zqb-job-executor_class",
    "zqb-job-hostname",
    "zqb-job-unixname",
    "zqb-log-without_dag",
    "zqb-team-description",
    "zqb-team_rbac_binding-reason",
    "zqb-team_rbac_grant-reason",
    "zqb_grantee",
    "beta__zqb_",
}
"""What an administrator sees of beta and its members do not: jobs, and audit rows without a Dag, as the policy's."""


@pytest.fixture(scope="module")
def seen(sweep, asker, listing):
    """Every canary that an insider is shown, and what each was answered about beta's own things."""
    sweep.with_beta.put_back()
    found, answers = {}, {}
    for name in ("root", "zqb_bess"):
        asked = [
            call for key, route in listing.items() for call in calls(key, route, sweep.beta, [sweep.beta], "paths")
        ]
        answers[name] = list(zip(asked, asker.many(asker.token(sweep.people[name]), asked), strict=True))
        found[name] = {canary for _, answer in answers[name] for canary in canaries(answer.shows, "zqb|beta__zqb")}
    return found, answers


def test_an_administrator_finds_every_canary(sweep, seen):
    """Else the sweep could not fail."""
    planted = {
        canary
        for table, column in text_columns()
        if not NOT_A_TEAMS.fullmatch(table)
        for value in values_of(table, column)
        for canary in canaries(value, "zqb|beta__zqb")
    }
    hidden = {f"zqb-{name}" for name in NEVER_SHOWN}
    assert planted - seen[0]["root"] == hidden


def test_a_member_finds_all_that_is_betas(seen):
    assert seen[0]["root"] - seen[0]["zqb_bess"] == DEPLOYMENTS


def test_a_member_is_answered_as_an_administrator(sweep, seen):
    """About their own things, whatever they ask for by name."""
    root, bess = seen[1]["root"], seen[1]["zqb_bess"]
    other = [
        f"{call}\n  root: {one.status} {one.text[:200]}\n  bess: {two.status} {two.text[:200]}"
        for (call, one), (_, two) in zip(root, bess, strict=True)
        if ROUTES[call.route] == THING
        and one.status == 200
        and told(one) != told(two)
        and not any(reason in str(call) for reason in NOT_ALIKE)
    ]
    assert other == []


NOT_ALIKE = {
    "/BETA__ZQB": "disputed: the superusers'",
    "/%20beta__zqb": "another id, and nobody's",
    "/~/": "what there is of all teams",
    "/987654/": "whether a number is in use is not told",
    "/upstreamAssetEvents": "one of the events that the sweep has set beta's Dag off is alpha's",
}
"""What a member is answered otherwise than an administrator, and why."""


@pytest.mark.parametrize("name", ["adam", "opal"])
def test_a_member_of_alpha_gets_what_is_alphas(sweep, asked, name):
    """All of it, and nothing is refused that asks for a part of it. (A filter may find nothing.)"""
    denied = {
        str(call): f"{answer.status} {answer.text[:200]}"
        for call, _, answer in asked[name]
        if answer.status in ((401, 403) if call.query else range(201, 600))
        and ROUTES[call.route] in (THING, LIST)
        and call.path == path(call.route.split(" ", 1)[1], ids(sweep.alpha, call.route))
        and not canaries(call.says, "zqb|beta")
        and not call.headers
        and not fails_anyhow(call)
        and not any(reason in str(call) for reason in NOT_200)
        and not (name == "opal" and "eventLogs" in call.path)  # of FAB's roles Admin alone reads the audit log
    }
    assert denied == {}


NOT_200 = {
    "externalLogUrl": "the logs are local",
    "enqueue-test": "wants a token in a header",
    "/list {": "takes ~ alone",
}


# An administrator ----------------------------------------------------------------------------------------


def test_filters_do_not_disturb_an_administrator(sweep, asker, listing, monkeypatch):
    """Where everything may be seen, the row filters change nothing: not even an order."""
    from airflow_team_rbac.auth_manager.gate import core_api, rows, table

    sweep.with_beta.put_back()
    token = asker.token(sweep.people["root"])
    asked = [call for key, route in listing.items() for call in calls(key, route, sweep.beta, [sweep.beta], "each")]
    asked = [call for call in asked if core_name(listing[call.route]) in filtered(table.ENDPOINTS)]
    assert len(asked) > 100
    off = asker.many(token, asked)

    body_of = core_api._body

    async def restricted_body(request):
        body = await body_of(request)
        manager = request.app.state.auth_manager
        user = manager.deserialize_user({"sub": str(sweep.people["root"])})
        rule = table.ENDPOINTS[table.endpoint_name(request.scope["endpoint"])]
        rows.restrict(table.Call(user, manager, request.path_params, request.query_params, body), rule.rows, rule.veil)
        return body

    monkeypatch.setattr(core_api, "_body", restricted_body)
    on = asker.many(token, asked)
    assert [str(call) for call, one, two in zip(asked, off, on, strict=True) if in_order(one) != in_order(two)] == []


def in_order(answer: Answer) -> Any:
    """What is told, with the events that set off a run in an order: Airflow asks the database for none."""
    if '"asset_events"' not in answer.text:
        return told(answer)
    answer = answer.json()
    return answer["total_entries"], sorted(map(repr, answer["asset_events"]))


def core_name(route) -> str:
    return f"{route.endpoint.__module__}.{route.endpoint.__name__}"


def filtered(endpoints) -> set[str]:
    return {name for name, rule in endpoints.items() if rule.rows or rule.veil}
