"""What applying a file would change, said before it is done: *Owner of a resource* and section 4 of the DESIGN."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from textwrap import dedent

import pytest
from airflow_team_rbac.auth_manager.policy.document import merge, parse
from airflow_team_rbac.auth_manager.policy.model import Action, Binding, Grant, Kind, Origin, Policy, Reference, Team
from airflow_team_rbac.auth_manager.policy.plan import Change, Plan, Thing, describe, make_plan, managed_by

TEN = datetime(2026, 12, 31, 10, tzinfo=UTC)
ELSEWHERE = Origin(3, "ui", "ann")

TEXT = """
version = 1
[teams.sales]
sources = ["bundle:sales"]
[teams.finance]
[[bindings]]
group = "sales-dev"
team = "sales"
role = "Op"
[[grants]]
to = "team:finance"
resource = "connection:sales__dwh"
actions = ["use"]
reason = "Q4"
"""

THINGS = [
    Thing(Kind.DAG, "sales__etl"),
    Thing(Kind.DAG, "legacy"),
    Thing(Kind.CONNECTION, "sales__dwh"),
    Thing(Kind.CONNECTION, "SALES__dwh"),
    Thing(Kind.CONNECTION, "finance__dwh"),
    Thing(Kind.VARIABLE, "x", native="sales"),
    Thing(Kind.ASSET, "orders", uri="s3://sales/orders"),
    Thing(Kind.POOL, "default_pool"),
]


def plan(text: str, current: Policy, things: list[Thing] = THINGS, *, prune: bool = False) -> Plan:
    read = parse(dedent(text))
    result = merge(read, current, ["Op", "User"], prune=prune)
    return make_plan(current, result, Policy(tuple(read.teams.values()), read.bindings, read.grants), things)


def said(rows: tuple) -> list[str]:
    return [str(row) for row in rows]


APPLIED = plan(TEXT, Policy()).result


def test_a_first_plan():
    first = plan(TEXT, Policy())
    assert said(first.changes) == [
        "add team finance",
        "add team sales",
        "add binding: group sales-dev holds Op in team sales",
        "add grant: team:finance may use connection:sales__dwh of sales",
    ]
    assert said(first.owners) == [
        "dag:sales__etl: unowned -> sales",
        "connection:sales__dwh: unowned -> sales",
        "connection:SALES__dwh: unowned -> disputed",
        "connection:finance__dwh: unowned -> finance",
        "variable:x: disputed -> sales",
    ]
    assert first.released == ()
    assert first.kept == ()


def test_a_second_plan_is_empty():
    for prune in (False, True):
        second = plan(TEXT, APPLIED, prune=prune)
        assert (second.changes, second.owners, second.released, second.kept) == ((), (), (), ())
        assert second.result == APPLIED


def test_what_is_changed():
    text = """
    version = 1
    [teams.sales]
    description = "Sales"
    prefixes = ["sales__", "shop__"]
    sources = ["bundle:sales"]
    [teams.finance]
    [[bindings]]
    group = "sales-dev"
    team = "sales"
    role = "Op"
    expires = 2026-12-31T10:00:00Z
    [[grants]]
    to = "team:finance"
    resource = "connection:sales__dwh"
    actions = ["use", "read"]
    reason = "Q4"
    """
    changed = plan(text, APPLIED)
    assert [(change.thing, change.verb) for change in changed.changes] == [
        ("team", "change"),
        ("binding", "change"),
        ("grant", "change"),
    ]
    assert said(changed.changes) == [
        "change team sales: description '' -> 'Sales', prefixes ['sales__'] -> ['sales__', 'shop__']",
        "change binding: group sales-dev holds Op in team sales until 2026-12-31T10:00:00+00:00: "
        "expires None -> '2026-12-31T10:00:00+00:00'",
        "change grant: team:finance may read, use connection:sales__dwh of sales: actions ['use'] -> ['read', 'use']",
    ]
    assert all(change.before and change.after for change in changed.changes)


def test_what_is_removed_and_what_is_kept():
    kept = plan("version = 1", APPLIED)
    assert kept.changes == ()
    assert kept.kept == (*APPLIED.teams, *APPLIED.bindings, *APPLIED.grants)
    pruned = plan("version = 1", APPLIED, prune=True)
    assert said(pruned.changes) == [
        "remove team finance",
        "remove team sales",
        "remove binding: group sales-dev holds Op in team sales",
        "remove grant: team:finance may use connection:sales__dwh of sales",
    ]
    assert all(change.after is None for change in pruned.changes)
    assert pruned.kept == ()
    assert pruned.result == Policy()


def test_rows_made_elsewhere_are_neither_changed_nor_called_kept():
    current = Policy(
        tuple(replace(team, managed_by="ui") for team in APPLIED.teams),
        tuple(replace(row, origin=ELSEWHERE) for row in APPLIED.bindings),
        tuple(replace(row, origin=ELSEWHERE) for row in APPLIED.grants),
    )
    for prune in (False, True):
        untouched = plan("version = 1", current, prune=prune)
        assert (untouched.changes, untouched.kept) == ((), ())
        assert untouched.result == current


def test_rows_made_elsewhere_are_taken_over():
    current = Policy(
        tuple(replace(team, managed_by="ui") for team in APPLIED.teams),
        tuple(replace(row, origin=ELSEWHERE) for row in APPLIED.bindings),
        tuple(replace(row, origin=ELSEWHERE) for row in APPLIED.grants),
    )
    taken = plan(TEXT, current)
    assert said(taken.changes) == [
        "change team finance: managed_by 'ui' -> 'file'",
        "change team sales: managed_by 'ui' -> 'file'",
        "change binding: group sales-dev holds Op in team sales: managed_by 'ui' -> 'file'",
        "change grant: team:finance may use connection:sales__dwh of sales: managed_by 'ui' -> 'file'",
    ]
    assert taken.changes[2].before.origin.id == 3
    assert {managed_by(change.after) for change in taken.changes} == {"file"}
    assert taken.owners == ()


# Owners ----------------------------------------------------------------------------------------------


def owners(current: str, then: str, things: list[Thing] = THINGS, *, prune: bool = False) -> Plan:
    return plan("version = 1\n" + then, plan("version = 1\n" + current, Policy()).result, things, prune=prune)


@pytest.mark.parametrize(
    ("current", "then", "changes", "released"),
    [
        pytest.param(
            "[teams.sales]",
            "[teams.sales]\nprefixes = []",
            [
                "dag:sales__etl: sales -> unowned",
                "connection:sales__dwh: sales -> unowned",
                "connection:SALES__dwh: disputed -> unowned",
            ],
            ["dag:sales__etl", "connection:sales__dwh"],
            id="a prefix is given up",
        ),
        pytest.param(
            "[teams.sales]\nresources = ['dag:legacy']",
            "[teams.sales]",
            ["dag:legacy: sales -> unowned"],
            ["dag:legacy"],
            id="an adopted thing is given up",
        ),
        pytest.param(
            "[teams.sales]\nasset_uris = ['s3://sales/']",
            "[teams.sales]",
            ["asset:orders: sales -> unowned"],
            ["asset:orders"],
            id="a URI is given up",
        ),
        pytest.param(
            "[teams.sales]\n[teams.finance]",
            "[teams.sales]\nprefixes = []\n[teams.finance]\nprefixes = ['sales__']",
            [
                "dag:sales__etl: sales -> finance",
                "connection:sales__dwh: sales -> finance",
                "connection:finance__dwh: finance -> unowned",
            ],
            ["connection:finance__dwh"],
            id="a prefix goes to another team",
        ),
        pytest.param(
            "[teams.sales]\n[teams.finance]",
            "[teams.finance]\nresources = ['dag:sales__etl']",
            ["dag:sales__etl: sales -> finance"],
            [],
            id="a thing is lent to another team",
        ),
        pytest.param(
            "[teams.finance]\nresources = ['dag:sales__etl']\n[teams.sales]",
            "[teams.finance]",
            ["dag:sales__etl: finance -> sales"],
            [],
            id="and goes back",
        ),
        pytest.param(
            "[teams.sales]",
            "[teams.finance]\nasset_uris = ['s3://sales/']\nresources = ['connection:SALES__dwh']",
            [
                "connection:sales__dwh: sales -> disputed",
                "connection:SALES__dwh: disputed -> finance",
                "connection:finance__dwh: unowned -> finance",
                "asset:orders: unowned -> finance",
            ],
            [],
            id="what nobody had",
        ),
        pytest.param(
            "[teams.sales]\nresources = ['asset:orders']",
            "[teams.finance]\nasset_uris = ['s3://sales/']",
            ["connection:finance__dwh: unowned -> finance", "asset:orders: sales -> disputed"],
            [],
            id="what becomes disputed is not released",
        ),
        pytest.param(
            "[teams.sales]\nprefixes = ['sales__']",
            "[teams.sales]\nprefixes = ['sales__', 'more__']\ndescription = 'x'",
            [],
            [],
            id="nothing of what there is",
        ),
    ],
)
def test_owners_that_change(current: str, then: str, changes: list[str], released: list[str]):
    found = owners(current, then)
    assert said(found.owners) == changes
    assert [f"{change.thing.kind}:{change.thing.id}" for change in found.released] == released


def test_a_pruned_team_releases_its_things():
    found = owners("[teams.sales]\nresources = ['dag:legacy']", "", prune=True)
    assert said(found.released) == [
        "dag:sales__etl: sales -> unowned",
        "dag:legacy: sales -> unowned",
        "connection:sales__dwh: sales -> unowned",
    ]
    # Airflow stores a team for the variable that there will not be: nobody may touch it, so nobody gets it.
    assert "variable:x: sales -> disputed" in said(found.owners)


def test_without_things_no_owner_changes():
    assert owners("[teams.sales]", "", [], prune=True).owners == ()


def test_a_grant_that_follows_its_resource_to_another_owner_says_so():
    current = """
    [teams.sales]
    [teams.finance]
    [[grants]]
    to = "*"
    resource = "connection:sales__dwh"
    actions = ["read"]
    reason = "x"
    """
    found = owners(dedent(current), dedent(current) + "[teams.more]\nresources = ['connection:sales__dwh']\n")
    [change] = [change for change in found.changes if change.thing == "grant"]
    assert (change.before.owner, change.after.owner) == ("sales", "more")
    assert str(change).endswith(": owner 'sales' -> 'more'")


def test_a_grant_made_elsewhere_follows_its_resource_and_stays_elsewheres():
    def grant(resource: str, owner: str, team: str | None = None) -> Grant:
        dwh = Reference(Kind.CONNECTION, resource)
        return Grant("*", dwh, frozenset({Action.READ}), owner, "x", team=team, origin=ELSEWHERE)

    current = Policy(
        (Team("finance", prefixes=("finance__",)), Team("sales", prefixes=("sales__",))),
        grants=(grant("sales__*", "sales"), grant("*", "sales", "sales"), grant("finance__x", "finance")),
    )
    moved = "version = 1\n[teams.sales]\nprefixes = []\n[teams.finance]\nprefixes = ['sales__']"
    found = plan(moved, current)
    [change] = [change for change in found.changes if change.thing == "grant"]
    assert str(change) == "change grant: * may read connection:sales__* of finance: owner 'sales' -> 'finance'"
    assert change.after.origin == ELSEWHERE
    assert [row.owner for row in found.result.grants] == ["finance", "sales", "finance"]
    assert {managed_by(row) for row in found.result.grants} == {"ui"}
    assert plan(moved, found.result).changes == ()


def test_a_team_that_is_gone_from_airflow_is_made_again():
    gone = replace(APPLIED, teams=tuple(replace(team, exists=team.name != "sales") for team in APPLIED.teams))
    found = plan(TEXT, gone)
    assert [(change.verb, change.after.name) for change in found.changes] == [("add", "sales")]
    assert "dag:sales__etl: disputed -> sales" in said(found.owners)


# Unprotected -----------------------------------------------------------------------------------------


def test_teams_without_sources_are_unprotected():
    current = Policy((Team("bare", managed_by="airflow"), Team("by-ui", managed_by="ui")))
    assert [team.name for team in plan(TEXT, current).unprotected] == ["by-ui", "finance"]


# Rows as plain values --------------------------------------------------------------------------------


def test_rows_as_plain_values():
    assert describe(None) == {}
    assert describe(Team("s", "d", ("s__",), ("u/",), ("bundle:b",), (Reference(Kind.DAG, "x"),))) == {
        "name": "s",
        "description": "d",
        "prefixes": ["s__"],
        "asset_uris": ["u/"],
        "sources": ["bundle:b"],
        "resources": ["dag:x"],
        "managed_by": "file",
    }
    assert describe(Binding("user", "ann", "Op", None, TEN, "r", ELSEWHERE)) == {
        "user": "ann",
        "team": None,
        "role": "Op",
        "expires": "2026-12-31T10:00:00+00:00",
        "reason": "r",
        "managed_by": "ui",
    }
    grant = Grant("*", Reference(Kind.DAG, "s__x"), frozenset({Action.RUN, Action.EDIT}), "s", "r", team="s")
    described = describe(grant)
    described.pop("owner", None)
    assert described == {
        "to": "*",
        "resource": "dag:s__x",
        "team": "s",
        "actions": ["edit", "run"],
        "expires": None,
        "reason": "r",
        "managed_by": "file",
    }


def test_a_change_in_words():
    row = Binding("user", "ann", "Op", "*")
    assert str(Change("binding", "remove", row, None)) == "remove binding: user ann holds Op in every team"
    assert str(Change("team", "add", None, Team("s"))) == "add team s"
