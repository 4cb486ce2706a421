"""Roles are the team's: what somebody may do in one team says nothing of another."""

from __future__ import annotations

import pytest

EDITS = {
    "dag": ("PATCH", "/dags/{}__etl", {"is_paused": False}),
    "dag run": ("POST", "/dags/{}__etl/dagRuns", {"logical_date": None}),
    "connection": ("PATCH", "/connections/{}__dwh", {"connection_id": "{}__dwh", "conn_type": "http"}),
    "variable": ("PATCH", "/variables/{}__rate", {"key": "{}__rate", "value": "2"}),
    "pool": ("PATCH", "/pools/{}__pool", {"pool": "{}__pool", "slots": 2, "include_deferred": False}),
}


def edit(api, kind: str, team: str) -> int:
    method, path, body = EDITS[kind]
    body = {key: value.format(team) if isinstance(value, str) else value for key, value in body.items()}
    return api.status(method, path.format(team), body)


@pytest.mark.parametrize("kind", EDITS)
def test_op_in_one_team_and_viewer_in_another(company, kind):
    noor = company.api("noor")
    assert edit(noor, kind, "sales") == 200
    assert edit(noor, kind, "finance") == 403


@pytest.mark.parametrize("kind", EDITS)
def test_a_role_in_every_team(company, kind):
    emil = company.api("emil")
    assert edit(emil, kind, "sales") == edit(emil, kind, "finance") == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/dags/housekeeping", {"is_paused": False}),
        ("POST", "/dags/housekeeping/dagRuns", {"logical_date": None}),
        ("PATCH", "/connections/shared", {"connection_id": "shared", "conn_type": "http"}),
        ("PATCH", "/variables/limit", {"key": "limit", "value": "2"}),
        ("PATCH", "/pools/spare", {"pool": "spare", "slots": 2, "include_deferred": False}),
    ],
)
def test_a_global_op_edits_unowned_things(company, method, path, body):
    assert company.api("gus").status(method, path, body) == 200
    assert company.api("olga").status(method, path, body) == 403


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("team", ["sales", "finance"])
def test_a_global_op_edits_no_owned_one(company, kind, team):
    assert edit(company.api("gus"), kind, team) == 403


@pytest.mark.parametrize("name", ["olga", "emil", "gus", "vera", "gina"])
@pytest.mark.parametrize(
    "path",
    [
        "/config",
        "/jobs",
        "/providers",
        "/plugins/importErrors",
        "/eventLogs",
        "/auth/fab/v1/users",
        "/auth/fab/v1/roles",
    ],
)
def test_a_role_in_a_team_reaches_nothing_of_the_deployment(company, name, path):
    globally = {
        "gus": ("/jobs", "/providers", "/plugins/importErrors"),
        "gina": ("/jobs",),
    }  # [api] expose_config is off
    expected = path in globally.get(name, ())
    assert (company.api(name).get(path).status_code != 403) is expected


def test_the_person_in_no_team(company):
    vera = company.api("vera")
    for path, key in (("/dags", "dags"), ("/ui/dags", "dags"), ("/assets", "assets"), ("/dagTags", "tags")):
        answer = vera.get(path)
        assert answer.status_code == 200
        assert answer.json()[key] == []
    menus = vera.get("/ui/auth/menus").json()
    # Pools for a grant to everybody.
    assert menus == {"authorized_menu_items": ["Assets", "Dags", "Pools"], "extra_menu_items": []}


def test_menus_of_a_member(company):
    menus = company.api("olga").get("/ui/auth/menus").json()
    assert set(menus["authorized_menu_items"]) >= {"Connections", "Dags", "Pools", "Variables", "XComs"}
    assert not {"Config", "Plugins", "Providers", "Jobs", "Audit Log"} & set(menus["authorized_menu_items"])
    assert menus["extra_menu_items"] == []


def test_the_administrator_has_the_security_pages(company):
    for name in ("ada", "root"):
        menus = company.api(name).get("/ui/auth/menus").json()
        assert {"Users", "Roles"} <= {item["text"] for item in menus["extra_menu_items"]}
        assert company.api(name).get("/auth/fab/v1/users").status_code == 200


def test_a_list_beneath_dags_needs_the_right_to_read_that_there(company, client):
    """Core asks about the list without naming a Dag, and then filters by Dags alone."""
    from airflow.providers.fab.auth_manager.models import Permission, Role
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        pairs = [
            permission
            for permission in session.scalars(select(Permission)).unique()
            if (permission.action.name, permission.resource.name) in {("can_read", "DAGs"), ("can_read", "DAG Runs")}
        ]
        session.add(Role(name="RunsOnly", permissions=pairs))
    world = company.world
    world.apply(
        '[teams.narrow]\n[[bindings]]\ngroup = "narrow"\nteam = "narrow"\nrole = "RunsOnly"\n'
        '[[bindings]]\ngroup = "narrow"\nteam = "sales"\nrole = "Op"',
        prune=False,
    )
    from ..world import Api

    for dag_id in ("narrow__a", "sales__etl"):
        if dag_id == "narrow__a":
            world.dag(dag_id)
        assert company.api("root").status("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None}) == 200
    api = Api(client, world.person("nick", groups=["narrow"]))
    runs = api.get("/dags/~/dagRuns").json()["dag_runs"]
    assert {run["dag_id"] for run in runs} >= {"narrow__a", "sales__etl"}
    instances = api.get("/dags/~/dagRuns/~/taskInstances").json()["task_instances"]
    assert {instance["dag_id"] for instance in instances} == {"sales__etl"}
    assert api.status("GET", "/dags/narrow__a/dagRuns/x/taskInstances") == 403
