"""Whoever is not signed in, where ``[fab] auth_role_public`` gives them a role: a global one, and no team's."""

from __future__ import annotations

import json

import pytest

from ..world import public_role

LISTS = {
    "/dags": ("dags", "dag_id", {"housekeeping"}),
    "/connections": ("connections", "connection_id", {"shared"}),
    "/variables": ("variables", "key", {"limit"}),
    "/pools": ("pools", "name", {"default_pool", "spare"}),
    "/assets?only_active=false": ("assets", "name", {"weather"}),
    "/assets/aliases": ("asset_aliases", "name", {"any_alias"}),
}


@pytest.fixture
def ask(company, client):
    def ask(method, path, body=None):
        path = path if path.startswith(("/ui", "/team-rbac")) else f"/api/v2{path}"
        return client.request(method, path, json=body)

    with public_role("Op"):
        yield ask


def test_without_a_role_nobody_is_let_in(company, client):
    assert client.get("/api/v2/dags").status_code == 401


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_what_nobody_owns(ask, path):
    key, name, expected = LISTS[path]
    answer = ask("GET", path).json()
    assert {thing[name] for thing in answer[key]} == expected
    assert answer["total_entries"] == len(expected)


def test_what_nobody_owns_is_as_fab_says(ask):
    assert ask("GET", "/dags/housekeeping").status_code == 200
    assert ask("POST", "/variables", {"key": "new", "value": "1"}).status_code == 201
    assert ask("POST", "/dags/housekeeping/dagRuns", {"logical_date": None}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/dags/sales__etl", None),
        ("GET", "/connections/sales__dwh", None),
        ("POST", "/connections", {"connection_id": "sales__planted", "conn_type": "http"}),
        ("POST", "/variables", {"key": "sales__planted", "value": "1"}),
        ("POST", "/pools", {"name": "sales__planted", "slots": 1, "include_deferred": False}),
        ("GET", "/pools/sales__pool", None),  # granted to everybody, which is everybody who signed in
    ],
)
def test_what_a_team_owns_is_not_the_publics(ask, company, method, path, body):
    before = len(company.world.audit("team_rbac.request.refuse"))
    assert ask(method, path, body).status_code == 403
    told = company.world.audit("team_rbac.request.refuse")[before:]
    assert [(row.owner, json.loads(row.extra)["method"]) for row in told] == [("Anonymous", method)]


def test_the_public_has_no_token_and_no_team(ask):
    assert ask("POST", "/ui/auth/token", {}).status_code == 401
    assert ask("GET", "/team-rbac/api/me").status_code in (401, 403)
    assert ask("POST", "/team-rbac/api/active-team", {"team": "sales"}).status_code in (401, 403)
