"""What core does not ask the auth manager: what is in bodies, and what lists hold."""

from __future__ import annotations

import json

import pytest
from airflow.models.asset import AssetActive, DagScheduleAssetReference
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.errors import ParseImportError
from airflow.providers.fab.auth_manager.models import Permission, Role
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store.people import utcnow
from sqlalchemy import select

from ..world import Api


def new(kind: str, name: str) -> tuple[str, str, dict]:
    return {
        "connection": ("POST", "/connections", {"connection_id": name, "conn_type": "http"}),
        "variable": ("POST", "/variables", {"key": name, "value": "1"}),
        "pool": ("POST", "/pools", {"name": name, "slots": 1, "include_deferred": False}),
    }[kind]


@pytest.mark.parametrize("kind", ["connection", "variable", "pool"])
def test_who_may_create_what(company, kind):
    """C1: Airflow asks about "a connection", and the id is in the body."""
    assert company.api("olga").status(*new(kind, "sales__new")) == 201
    assert company.api("emil").status(*new(kind, "finance__new")) == 201
    assert company.api("gus").status(*new(kind, "unowned_new")) == 201
    for name in ("finance__evil", "FINANCE__evil", "Sales__evil", "unowned_evil"):
        assert company.api("olga").status(*new(kind, name)) == 403
    assert company.api("gus").status(*new(kind, "sales__evil")) == 403
    assert company.api("vic").status(*new(kind, "sales__evil")) == 403  # a viewer creates nothing
    # Whether it is there already makes no difference to who may not know.
    known = {"connection": "finance__dwh", "variable": "finance__rate", "pool": "finance__pool"}[kind]
    there, not_there = (company.api("olga")(*new(kind, name)) for name in (known, "finance__no_such"))
    assert (there.status_code, there.text) == (not_there.status_code, not_there.text)


@pytest.mark.parametrize("kind", ["connection", "variable", "pool"])
def test_a_body_that_cannot_be_read_is_told_so(company, kind):
    method, path, _ = new(kind, "sales__x")
    assert company.api("olga").status(method, path, {}) == 422


def test_events_of_assets(company):
    """C2: the asset is in the body."""
    event = {"asset_id": company.assets["sales__orders"], "extra": {}}
    assert company.api("olga").status("POST", "/assets/events", event) == 200
    assert company.api("greta").status("POST", "/assets/events", event) == 200  # by a grant
    for name in ("fred", "vera", "gus", "arno"):
        assert company.api(name).status("POST", "/assets/events", event) == 403
    missing = {"asset_id": 999_999, "extra": {}}
    assert company.api("fred").status("POST", "/assets/events", missing) == 403
    assert company.api("ada").status("POST", "/assets/events", missing) == 404


@pytest.mark.parametrize("number", [-1, 2**31, 10**40])
def test_a_number_that_no_asset_has(company, number):
    for path in ("", "/queuedEvents?before=never", "/state-store"):
        assert company.api("olga").status("GET", f"/assets/{number}{path}") == 403
    assert company.api("olga").status("GET", f"/assets/aliases/{number}") == 403
    assert company.api("olga").status("POST", "/assets/events", {"asset_id": number, "extra": {}}) == 403


def test_assets_are_listed_to_whom_they_concern(company):
    """C3: core lists all of them."""
    expected = {
        "olga": {"sales__orders", "raw_orders"},
        "fred": {"finance__ledger"},
        "vera": set(),
        "gina": {"finance__ledger", "weather"},
        "ada": set(company.assets),
    }
    for name, names in expected.items():
        answer = company.api(name).get("/assets?only_active=false").json()
        assert {asset["name"] for asset in answer["assets"]} == names
        assert answer["total_entries"] == len(names)
    aliases = company.api("olga").get("/assets/aliases").json()
    assert [alias["name"] for alias in aliases["asset_aliases"]] == ["sales__alias"]
    assert aliases["total_entries"] == 1


def test_what_is_nested_in_an_asset(company):
    """C3: a shared asset tells nothing of the Dags and aliases of others."""
    number = company.assets["sales__orders"]
    for dag_id in ("sales__etl", "finance__etl"):
        company.world._add(DagScheduleAssetReference(asset_id=number, dag_id=dag_id))
    for name, dags in (("olga", ["sales__etl"]), ("ada", ["finance__etl", "sales__etl"])):
        for path in (f"/assets/{number}", "/assets?only_active=false&name_pattern=sales__orders"):
            answer = company.api(name).get(path).json()
            asset = answer["assets"][0] if "assets" in answer else answer
            assert sorted(dag["dag_id"] for dag in asset["scheduled_dags"]) == dags


def test_a_get_with_a_body(company):
    """C4: core authorizes the Dag of the body, and lists the backfills of that of the query."""
    fred = company.api("fred")
    assert fred("GET", "/backfills?dag_id=sales__etl", {"dag_id": "finance__etl"}).status_code == 400
    assert fred.status("GET", "/backfills?dag_id=sales__etl") == 403
    assert fred.status("GET", "/backfills?dag_id=finance__etl") == 200


def test_import_errors(company):
    """C6: files that never had a Dag are shown to whose source they are."""
    for bundle, filename in (("sales_dags", "a.py"), ("finance_dags", "b.py"), ("others", "c.py")):
        company.world._add(
            ParseImportError(bundle_name=bundle, filename=filename, stacktrace="a secret", timestamp=utcnow())
        )
    company.world.apply(
        '[teams.narrow]\nsources = ["bundle:finance_dags"]\n[[bindings]]\nuser = "arno"\nteam = "narrow"\nrole = "Op"',
        prune=False,
    )
    expected = {"arno": {"b.py"}, "olga": set(), "gina": {"a.py", "c.py"}, "ada": {"a.py", "b.py", "c.py"}}
    for name, files in expected.items():
        answer = company.api(name).get("/importErrors").json()
        assert {error["filename"] for error in answer["import_errors"]} == files
        assert answer["total_entries"] == len(files)


def test_nobody_writes_into_anothers_audit_log(company):
    """M4: core copies a dag_id of the body or the query to the audit log."""
    before = len(company.world.audit("post_variable"))
    body = {"key": "sales__v", "value": "1", "dag_id": "finance__etl"}
    assert company.api("olga").status("POST", "/variables", body) == 403
    assert (
        company.api("olga").status("POST", "/variables?dag_id=finance__etl", {"key": "sales__v", "value": "1"}) == 403
    )
    assert len(company.world.audit("post_variable")) == before
    refusals = company.world.audit("team_rbac.request.refuse")
    assert refusals[-1].owner == "olga"
    assert "finance__etl" in refusals[-1].extra


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/variables/finance__rate"), ("GET", "/variables/finance__rate"), ("GET", "/dags/finance__etl")],
)
def test_a_refused_request_leaves_no_trace_but_its_refusal(company, method, path):
    before = len(company.world.audit())
    assert company.api("olga").status(method, path) == 403
    *_, refusal = rows = company.world.audit()
    assert len(rows) == before + 1
    assert (refusal.event, refusal.owner, refusal.dag_id) == ("team_rbac.request.refuse", "olga", None)
    assert json.loads(refusal.extra).items() >= {"method": method, "path": f"/api/v2{path}"}.items()


def test_what_the_ui_asks_for_on_every_page_does_not_fill_the_log(company):
    before = len(company.world.audit())
    assert company.api("olga").status("GET", "/plugins/importErrors") == 403
    assert company.api("vera").status("GET", "/importErrors") == 403
    assert len(company.world.audit()) == before


def test_queued_events_of_the_dags_of_others(company, client):
    """M10: core authorizes the Dag of the query, and deletes those of all that may be read."""
    world, number = company.world, company.assets["weather"]
    world._add(AssetActive(name="weather", uri="x://weather"))
    path = f"/assets/{number}/queuedEvents"
    assert company.api("olga").status("DELETE", f"{path}?dag_id=sales__etl") == 400
    assert company.api("olga").status("DELETE", path) == 403
    assert company.api("gus").status("DELETE", f"{path}?dag_id=housekeeping") == 400


def test_a_pool_keeps_a_name(company):
    """L5."""
    body = {"pool": "", "slots": 2, "include_deferred": False}
    assert company.api("olga").status("PATCH", "/pools/sales__pool", body) == 400


def test_an_endpoint_that_nobody_knows(company, monkeypatch):
    from airflow_team_rbac.auth_manager.gate import table

    name = f"{table.CORE}public.dags.get_dag"
    monkeypatch.delitem(table.ENDPOINTS, name)
    assert company.api("olga").status("GET", "/dags/sales__etl") == 403
    assert company.api("ada").status("GET", "/dags/sales__etl") == 200
    monkeypatch.setenv("AIRFLOW__TEAM_RBAC__ALLOW_ENDPOINTS", name)
    assert company.api("olga").status("GET", "/dags/sales__etl") == 200
    assert company.api("olga").status("GET", "/dags/finance__etl") == 403


def test_every_route_is_in_the_table(app):
    from airflow_team_rbac.auth_manager.gate.table import CORE, ENDPOINTS, endpoint_name
    from fastapi.routing import APIRoute

    names = {endpoint_name(route.endpoint) for route in app.routes if isinstance(route, APIRoute)}
    assert {name for name in names if name.startswith(CORE)} == set(ENDPOINTS)


@pytest.fixture
def auditor(company):
    """Somebody whose global role reads the audit log, which FAB's Op does not."""
    wanted = {("can_read", "DAGs"), ("can_read", "Audit Logs")}
    with create_session() as session:
        permissions = session.scalars(select(Permission)).unique()
        held = [one for one in permissions if (one.action.name, one.resource.name) in wanted]
        session.add(Role(name="Auditor", permissions=held))
    return Api(company.client, company.world.person("aud", roles=["Auditor"]))


def test_our_own_audit_rows_are_the_superusers(company, auditor):
    """What was refused, and what was changed of the policy, names what is any team's."""
    company.api("olga").status("GET", "/dags/finance__etl")
    company.api("ada")("POST", "/variables", {"key": "unowned_logged", "value": "1"})
    ours = company.world.audit("team_rbac.request.refuse")[-1]
    cores = company.world.audit("post_variable")[-1]
    for api, seen in ((company.api("ada"), [ours, cores]), (auditor, [cores]), (company.api("olga"), [])):
        for row in (ours, cores):
            assert (api.status("GET", f"/eventLogs/{row.id}") == 200) is (row in seen)
            listed = api.get(f"/eventLogs?event={row.event}&order_by=-event_log_id")
            found = listed.json().get("event_logs", []) if listed.status_code == 200 else []
            assert (row.id in {one["event_log_id"] for one in found}) is (row in seen)


def test_who_wrote_what_is_kept_of_an_asset(company):
    """L3: the value is shown with the asset, the task that wrote it with its Dag."""
    number = company.assets["sales__orders"]
    writer = {"dag_id": "sales__etl", "run_id": "a run", "task_id": "task", "map_index": -1}
    company.world._add(
        AssetStateStoreModel(
            asset_id=number,
            key="watermark",
            value='"7"',
            updated_at=utcnow(),
            last_updated_by_kind="task",
            **{f"last_updated_by_{name}": value for name, value in writer.items()},
        )
    )
    for name, told in (("olga", writer), ("ada", writer), ("greta", dict.fromkeys(writer))):
        one = company.api(name).get(f"/assets/{number}/state-store/watermark").json()
        some = company.api(name).get(f"/assets/{number}/state-store").json()
        assert some["asset_state_store"] == [one]
        assert (one["value"], one["last_updated_by"]) == ("7", {"kind": "task", **told})
        assert some["total_entries"] == 1
