"""
*Who may do what*, *Actions*, *Tasks* and *Asset events* in DESIGN section 3, line by line.

Roles are those of ``roles.py``: Viewer reads; User also runs Dags and triggers assets; Op also edits, creates and
deletes. A row is (what it shows, who, action, resource, rule); the rule says whether it is allowed.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from airflow_team_rbac.auth_manager.policy.evaluate import NOTHING, Evaluator, Person, Principal, Resource, Standing
from airflow_team_rbac.auth_manager.policy.model import (
    EVERYTHING,
    Action,
    Binding,
    Decision,
    Grant,
    Kind,
    Policy,
    Reference,
    Role,
    Rule,
    Team,
    widen,
)

from .roles import ROLES, asks, find_role

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)

YES = {
    Rule.SUPERUSER,
    Rule.TEAM_ROLE,
    Rule.GRANT,
    Rule.GLOBAL_ROLE,
    Rule.EVERYBODY,
    Rule.OWN_TASK,
    Rule.PLATFORM_TASK,
}
"""The rules that allow. ``TASK_OF_UNOWNED`` does both, and is told apart by the row."""

MAY = "task of unowned: yes"
MAY_NOT = "task of unowned: no"


def grant(to: str, resource: str, *actions: str, owner: str = "sales", **more) -> Grant:
    named = frozenset(map(Action, actions))
    return Grant(to, Reference.parse(resource), named, owner, "a reason", **more)


def binding(subject: str, role: str, team: str | None, **more) -> Binding:
    kind, _, name = subject.partition(":")
    return Binding(kind, name, role, team, **more)


TEAMS = (
    Team("sales", prefixes=("sales__",), resources=(Reference.parse("dag:legacy_etl"),)),
    Team("finance", prefixes=("finance__",)),
    Team("hr", prefixes=("hr__",)),
    Team("gone", prefixes=("gone__",), exists=False),
)
POLICY = Policy(
    TEAMS,
    (
        binding("group:sales-viewers", "Viewer", "sales"),
        binding("group:sales-users", "User", "sales"),
        binding("group:sales-dev", "Op", "sales"),
        binding("group:sales-editors", "Editor", "sales"),
        binding("group:sales-nothing", "Nothing", "sales"),
        binding("group:sales-per-dag", "PerDag", "sales"),
        binding("group:sales-admins", "Admin", "sales"),
        binding("group:finance-viewers", "Viewer", "finance"),
        binding("group:finance-users", "User", "finance"),
        binding("group:finance-dev", "Op", "finance"),
        binding("group:hr-nothing", "Nothing", "hr"),
        binding("group:hr-dev", "Op", "hr"),
        binding("group:gone-dev", "Op", "gone"),
        binding("group:everywhere-viewers", "Viewer", "*"),
        binding("group:everywhere-dev", "Op", "*"),
        binding("group:global-viewers", "viewer", None),
        binding("group:global-admins", "ADMIN", None),
        binding("user:ann", "Viewer", "sales"),
        binding("user:ann@example.com", "Viewer", "finance"),
        binding("group:typo", "Opp", "sales"),
        binding("group:typo", "Op", "salles"),
        binding("group:ended", "Op", "sales", expires=NOON),
        binding("group:ending", "Op", "sales", expires=NOON + TICK),
        binding("group:ended-admins", "Admin", None, expires=NOON),
        binding(r"group_regex:af-(?P<team>[a-z*]+)-(?P<role>viewer|user|op|ghost)", "{role}", "{team}"),
        binding(r"group_regex:all-(?P<role>viewer)", "{role}", "*"),
        binding(r"group_regex:adm-(?P<role>[a-z]+)", "{role}", None),
        binding(r"group_regex:opt(-(?P<team>[a-z]+))?", "Viewer", "{team}"),
        binding(r"group_regex:pre-(?P<team>.*)", "Viewer", "{team}*"),
        binding(r"group_regex:fixed-.+", "Viewer", "hr"),
    ),
    (
        grant("team:finance", "connection:sales__dwh", "read", "use"),
        grant("team:finance", "dag:sales__shared", "run"),
        grant("team:finance", "dag:sales__edit_*", "edit"),
        grant("team:finance", "asset:sales__orders", "consume"),
        grant("team:finance", "asset:sales__clicks", "trigger"),
        grant("group:partners", "dag:sales__shared", "run"),
        grant("group:partners", "connection:sales__dwh", "use"),
        grant("user:bob", "connection:sales__dwh", "edit"),
        grant("user:bob", "dag:legacy_etl", "read"),
        grant("*", "variable:sales__rates", "read"),
        grant("*", "dag:sales__open*", "run"),
        grant("*", "pool:sales__pool", "use"),
        grant("*", "asset:sales__news", "consume"),
        grant("platform", "connection:sales__platform", "use"),
        grant("platform", "asset:sales__nightly", "consume", "trigger"),
        grant("team:hr", "dag:*", "read", team="sales"),
        grant("user:bob", "dag:finance__*", "read", owner="sales"),  # of an owner that it has not (any more)
        grant("user:eve", "dag:sales__shared", "run", expires=NOON),
        grant("user:eve", "dag:sales__last", "run", expires=NOON + TICK),
        grant("team:finance", "connection:sales__ended", "use", expires=NOON),
        grant("team:finance", "connection:sales__last", "use", expires=NOON + TICK),
        grant("team:gone", "dag:sales__shared", "run"),
        grant("user:bob", "dag:gone__x", "read", owner="gone"),
        grant("user:bob", "connection:SALES__dwh", "read", team="sales"),
        grant("user:bob", "dag:unowned", "read", team="sales"),
    ),
)
EVALUATOR = Evaluator(POLICY)
CLOSED = Evaluator(replace(POLICY, unowned_denied=True))


def somebody(text: str) -> Person:
    """Read ``ann in sales-dev, partners as Viewer``; FAB roles come after ``as``."""
    text, _, fab_roles = text.partition(" as ")
    name, _, groups = text.partition(" in ")
    return Person(
        None if name == "anonymous" else name,
        frozenset(filter(None, groups.split(", "))),
        tuple(filter(None, fab_roles.split(", "))),
    )


def resource(evaluator: Evaluator, text: str) -> Resource:
    reference = Reference.parse(text)
    return Resource(reference.kind, reference.id, evaluator.ownership.owner(reference.kind, reference.id))


def principal(who: str, evaluator: Evaluator = EVALUATOR, now: datetime = NOON) -> Principal:
    return evaluator.principal(somebody(who), find_role, now)


def person_may(who: str, action: str, what: str, evaluator: Evaluator = EVALUATOR, now: datetime = NOON) -> Decision:
    asked = resource(evaluator, what)
    wanted = None if action == "delete" else Action(action)
    return evaluator.decide(principal(who, evaluator, now), asked, wanted, asks(asked, wanted))


def task_may(dag: str, action: str, what: str, evaluator: Evaluator = EVALUATOR, now: datetime = NOON) -> Decision:
    wanted = None if action == "delete" else Action(action)
    return evaluator.decide_task(resource(evaluator, f"dag:{dag}"), resource(evaluator, what), wanted, now)


def check(decision: Decision, rule: Rule | str) -> None:
    __tracebackhide__ = True
    if rule in (MAY, MAY_NOT):
        assert (decision.allowed, decision.rule) == (rule is MAY, Rule.TASK_OF_UNOWNED), decision.reason
    else:
        assert (decision.allowed, decision.rule) == (rule in YES, rule), decision.reason
    assert bool(decision) is decision.allowed
    assert decision.reason


def rows(*lines: tuple) -> list:
    return [pytest.param(*line[1:], id=f"{line[0]}: {' '.join(line[1:4])}") for line in lines]


PEOPLE = rows(
    # 1. A superuser may do everything.
    ("Admin in FAB", "root as Admin", "delete", "connection:sales__dwh", Rule.SUPERUSER),
    ("Admin in FAB", "root as Admin", "use", "connection:sales__dwh", Rule.SUPERUSER),
    ("Admin in FAB", "root as Admin", "read", "dag:unowned", Rule.SUPERUSER),
    ("Admin in FAB touches what is disputed", "root as Admin", "edit", "connection:SALES__dwh", Rule.SUPERUSER),
    ("Admin in FAB touches what is disputed", "root as Admin", "edit", "dag:gone__x", Rule.SUPERUSER),
    ("letter case of the role is ignored", "root as admin", "delete", "dag:sales__x", Rule.SUPERUSER),
    ("Admin by a binding", "root in global-admins", "delete", "dag:sales__x", Rule.SUPERUSER),
    ("Admin by a template", "root in adm-admin", "delete", "dag:sales__x", Rule.SUPERUSER),
    ("Admin in a team is no superuser", "tom in sales-admins", "delete", "dag:finance__x", Rule.OWNED_BY_OTHERS),
    ("Admin in a team is no superuser", "tom in sales-admins", "read", "dag:SALES__x", Rule.DISPUTED),
    ("Admin in a team is no superuser", "tom in sales-admins", "read", "dag:unowned", Rule.UNOWNED),
    ("Admin in a team has the role there", "tom in sales-admins", "delete", "dag:sales__x", Rule.TEAM_ROLE),
    ("Admin until noon", "root in ended-admins", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    # Disputed: nobody else.
    ("disputed", "tom in sales-dev", "read", "connection:SALES__dwh", Rule.DISPUTED),
    ("disputed", "tom in everywhere-dev", "read", "dag:gone__x", Rule.DISPUTED),
    ("disputed", "tom in gone-dev", "read", "dag:gone__x", Rule.DISPUTED),
    ("disputed, global roles", "tom as Op", "read", "dag:gone__x", Rule.DISPUTED),
    ("disputed, granted", "bob", "read", "dag:gone__x", Rule.DISPUTED),
    ("disputed, granted", "bob", "read", "connection:SALES__dwh", Rule.DISPUTED),
    ("disputed", "anonymous as Op", "read", "dag:gone__x", Rule.DISPUTED),
    # 2. Unowned: FAB, with global roles.
    ("global role", "tom as Viewer", "read", "dag:unowned", Rule.GLOBAL_ROLE),
    ("global role", "tom as Op", "delete", "connection:smtp", Rule.GLOBAL_ROLE),
    ("global role", "tom as Viewer, User", "run", "dag:unowned", Rule.GLOBAL_ROLE),
    ("global roles add up", "tom as Starter, Editor", "run", "dag:unowned", Rule.GLOBAL_ROLE),
    ("global role by a binding", "tom in global-viewers", "read", "dag:unowned", Rule.GLOBAL_ROLE),
    ("global role by a template", "tom in adm-op", "edit", "dag:unowned", Rule.GLOBAL_ROLE),
    ("per-Dag permission, held globally", "tom as PerDag", "read", "dag:x", Rule.GLOBAL_ROLE),
    ("per-Dag permission of another Dag", "tom as PerDag", "read", "dag:y", Rule.UNOWNED),
    ("a role that is not", "tom as Ghost", "read", "dag:unowned", Rule.UNOWNED),
    ("global role that does not", "tom as Viewer", "edit", "dag:unowned", Rule.UNOWNED),
    ("no role gives use", "tom as Op", "use", "connection:smtp", Rule.UNOWNED),
    ("no role gives consume", "tom as Op", "consume", "asset:x", Rule.UNOWNED),
    ("team roles do not reach the unowned", "tom in sales-dev", "read", "dag:unowned", Rule.UNOWNED),
    ("team roles do not reach the unowned", "tom in everywhere-dev", "read", "dag:unowned", Rule.UNOWNED),
    ("grants do not reach the unowned", "bob", "read", "dag:unowned", Rule.UNOWNED),
    ("nobody in particular", "tom", "read", "dag:unowned", Rule.UNOWNED),
    ("anonymous, as FAB's public role", "anonymous as Viewer", "read", "dag:unowned", Rule.GLOBAL_ROLE),
    ("anonymous", "anonymous", "read", "dag:unowned", Rule.UNOWNED),
    ("everybody's pool", "tom", "read", "pool:default_pool", Rule.EVERYBODY),
    ("everybody's pool", "tom", "use", "pool:default_pool", Rule.EVERYBODY),
    ("everybody's pool is not theirs to change", "tom", "edit", "pool:default_pool", Rule.UNOWNED),
    ("everybody's pool is not theirs to change", "tom", "delete", "pool:default_pool", Rule.UNOWNED),
    ("everybody's pool, with a global role", "tom as Op", "edit", "pool:default_pool", Rule.GLOBAL_ROLE),
    ("everybody is somebody", "anonymous", "read", "pool:default_pool", Rule.UNOWNED),
    ("everybody's pool is a pool", "tom", "read", "dag:default_pool", Rule.UNOWNED),
    ("everybody's pool has that name", "tom", "read", "pool:default_pool2", Rule.UNOWNED),
    # 3. Owned: the roles held in the owner team.
    ("Viewer", "tom in sales-viewers", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("Viewer", "tom in sales-viewers", "read", "connection:sales__x", Rule.TEAM_ROLE),
    ("Viewer", "tom in sales-viewers", "read", "dag:legacy_etl", Rule.TEAM_ROLE),
    ("Viewer does not", "tom in sales-viewers", "run", "dag:sales__x", Rule.TEAM_ROLE_LACKS),
    ("Viewer does not", "tom in sales-viewers", "edit", "variable:sales__x", Rule.TEAM_ROLE_LACKS),
    ("Viewer does not", "tom in sales-viewers", "trigger", "asset:sales__x", Rule.TEAM_ROLE_LACKS),
    ("User", "tom in sales-users", "run", "dag:sales__x", Rule.TEAM_ROLE),
    ("User", "tom in sales-users", "trigger", "asset:sales__x", Rule.TEAM_ROLE),
    ("Op", "tom in sales-dev", "edit", "pool:sales__x", Rule.TEAM_ROLE),
    ("Op", "tom in sales-dev", "delete", "variable:sales__x", Rule.TEAM_ROLE),
    ("Op", "tom in sales-dev", "trigger", "alias:sales__x", Rule.TEAM_ROLE),
    ("no role gives use", "tom in sales-dev", "use", "connection:sales__x", Rule.TEAM_ROLE_LACKS),
    ("no role gives consume", "tom in sales-dev", "consume", "asset:sales__x", Rule.TEAM_ROLE_LACKS),
    ("several roles in one team add up", "tom in sales-viewers, sales-editors", "edit", "dag:sales__x", Rule.TEAM_ROLE),
    ("several roles in one team add up", "tom in sales-viewers, sales-editors", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("roles in two teams do not", "tom in sales-viewers, finance-dev", "edit", "dag:sales__x", Rule.TEAM_ROLE_LACKS),
    ("roles in two teams, each there", "tom in sales-viewers, finance-dev", "edit", "dag:finance__x", Rule.TEAM_ROLE),
    ("roles in two teams, each there", "tom in sales-viewers, finance-dev", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("another team's", "tom in finance-dev", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("per-Dag permissions are left out", "tom in sales-per-dag", "read", "dag:sales__a", Rule.TEAM_ROLE_LACKS),
    ("per-Dag permissions are left out", "tom as PerDag", "read", "dag:sales__a", Rule.OWNED_BY_OTHERS),
    ("global roles do not reach the owned", "tom as Op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("global roles do not reach the owned", "tom in global-viewers", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("global and team roles do not mix", "tom in sales-viewers as Op", "edit", "dag:sales__x", Rule.TEAM_ROLE_LACKS),
    ("in every team", "tom in everywhere-viewers", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("in every team", "tom in everywhere-viewers", "read", "dag:hr__x", Rule.TEAM_ROLE),
    ("in every team", "tom in everywhere-viewers", "edit", "dag:hr__x", Rule.TEAM_ROLE_LACKS),
    ("every team and one", "tom in everywhere-viewers, hr-dev", "edit", "dag:hr__x", Rule.TEAM_ROLE),
    ("every team and one", "tom in everywhere-viewers, hr-dev", "edit", "dag:sales__x", Rule.TEAM_ROLE_LACKS),
    ("a user by name", "ann", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("a user by name, exactly", "Ann", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a user by name, exactly", "ann@example.com", "read", "dag:finance__x", Rule.TEAM_ROLE),
    ("a user by name, exactly", "ann@example.com", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a user is no group", "sales-dev", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a group is no user", "tom in ann", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a group by name, exactly", "tom in Sales-dev", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a group by name, exactly", "tom in sales-dev2", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a role that is not", "tom in typo", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("no group", "tom", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("anonymous is in no group", "anonymous in sales-dev", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("anonymous, whatever the public role", "anonymous as Op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("somebody without a name is signed in", " in sales-dev", "read", "dag:sales__x", Rule.TEAM_ROLE),
    # Templates.
    ("template", "tom in af-sales-viewer", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("template", "tom in af-sales-op", "edit", "dag:sales__x", Rule.TEAM_ROLE),
    ("template, role no more", "tom in af-sales-viewer", "edit", "dag:sales__x", Rule.TEAM_ROLE_LACKS),
    ("template, team no other", "tom in af-sales-op", "read", "dag:hr__x", Rule.OWNED_BY_OTHERS),
    ("template, two groups", "tom in af-sales-op, af-hr-viewer", "read", "dag:hr__x", Rule.TEAM_ROLE),
    ("template, two groups", "tom in af-sales-op, af-hr-viewer", "edit", "dag:hr__x", Rule.TEAM_ROLE_LACKS),
    ("template, full match", "tom in xaf-sales-op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("template, full match", "tom in af-sales-op-x", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("template, full match", "tom in af-sales-op\n", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("template, exact", "tom in AF-sales-op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("template names no team", "tom in af-salles-op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("template names no role", "tom in af-sales-ghost", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("template names a team that is gone", "tom in af-gone-op", "read", "dag:gone__x", Rule.DISPUTED),
    ("a group never says every team", "tom in af-*-op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("a group never says every team", "tom in pre-", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("the policy may", "tom in all-viewer", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("the policy may", "tom in all-viewer", "read", "dag:hr__x", Rule.TEAM_ROLE),
    ("named group that matched nothing", "tom in opt", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("named group that may match nothing", "tom in opt-sales", "read", "dag:sales__x", Rule.TEAM_ROLE),
    ("a regex without a template", "tom in fixed-sales", "read", "dag:hr__x", Rule.TEAM_ROLE),
    ("a regex without a template", "tom in fixed-sales", "read", "pool:sales__x", Rule.OWNED_BY_OTHERS),
    ("a regex is not for usernames", "af-sales-op", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    # Time.
    ("binding at its end", "tom in ended", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("binding before its end", "tom in ending", "edit", "dag:sales__x", Rule.TEAM_ROLE),
    ("grant at its end", "eve", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("grant before its end", "eve", "run", "dag:sales__last", Rule.GRANT),
    # 4. A grant to a team: what the role in that team would let them do, capped by the actions.
    ("team, role permits", "tom in finance-viewers", "read", "connection:sales__dwh", Rule.GRANT),
    ("team, capped by the actions", "tom in finance-dev", "edit", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("team, capped by the actions", "tom in finance-dev", "delete", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("team, capped by the role", "tom in finance-viewers", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("team, role permits", "tom in finance-users", "run", "dag:sales__shared", Rule.GRANT),
    ("team, run includes read", "tom in finance-viewers", "read", "dag:sales__shared", Rule.GRANT),
    ("team, run is not edit", "tom in finance-dev", "edit", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("team, edit includes read", "tom in finance-viewers", "read", "dag:sales__edit_me", Rule.GRANT),
    ("team, edit", "tom in finance-dev", "edit", "dag:sales__edit_me", Rule.GRANT),
    ("team, edit is not run", "tom in finance-dev", "run", "dag:sales__edit_me", Rule.OWNED_BY_OTHERS),
    ("team, trigger", "tom in finance-users", "trigger", "asset:sales__clicks", Rule.GRANT),
    ("team, trigger includes read", "tom in finance-viewers", "read", "asset:sales__clicks", Rule.GRANT),
    (
        "team, trigger, capped by the role",
        "tom in finance-viewers",
        "trigger",
        "asset:sales__clicks",
        Rule.OWNED_BY_OTHERS,
    ),
    ("team, consume is not read", "tom in finance-dev", "read", "asset:sales__orders", Rule.OWNED_BY_OTHERS),
    ("team, people do not consume", "tom in finance-dev", "consume", "asset:sales__orders", Rule.OWNED_BY_OTHERS),
    ("team, people do not use", "tom in finance-dev", "use", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("team, a role without permissions", "tom in hr-nothing", "read", "dag:sales__x", Rule.OWNED_BY_OTHERS),
    ("team, any Dag of the one named", "tom in hr-dev", "read", "dag:sales__x", Rule.GRANT),
    ("team, any Dag of the one named", "tom in hr-dev", "read", "dag:legacy_etl", Rule.GRANT),
    ("team, no Dag of others", "tom in hr-dev", "read", "dag:finance__x", Rule.OWNED_BY_OTHERS),
    ("team, no Dag of nobody", "tom in hr-dev", "read", "dag:x", Rule.UNOWNED),
    (
        "team, the role in another team",
        "tom in finance-viewers, hr-dev",
        "run",
        "dag:sales__shared",
        Rule.OWNED_BY_OTHERS,
    ),
    ("team, the role everywhere", "tom in everywhere-dev", "delete", "dag:sales__shared", Rule.TEAM_ROLE),
    ("team, global roles are no cap", "tom in finance-viewers as Op", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("team, not its members", "tom", "read", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("team that is gone", "tom in gone-dev", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("another thing", "tom in finance-dev", "read", "connection:sales__dwh2", Rule.OWNED_BY_OTHERS),
    ("another kind", "tom in finance-dev", "read", "variable:sales__dwh", Rule.OWNED_BY_OTHERS),
    # 4. A grant to a group, a user, everyone: the actions themselves.
    ("group", "tom in partners", "run", "dag:sales__shared", Rule.GRANT),
    ("group, run includes read", "tom in partners", "read", "dag:sales__shared", Rule.GRANT),
    ("group, and no more", "tom in partners", "edit", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("group, and no more", "tom in partners", "delete", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("group, the action itself", "tom in partners", "use", "connection:sales__dwh", Rule.GRANT),
    ("group, use is not read", "tom in partners", "read", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("group, exactly", "tom in Partners", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("group, no user", "partners", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("user", "bob", "edit", "connection:sales__dwh", Rule.GRANT),
    ("user, edit includes read", "bob", "read", "connection:sales__dwh", Rule.GRANT),
    ("user, and no more", "bob", "use", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("user, what is adopted", "bob", "read", "dag:legacy_etl", Rule.GRANT),
    ("user, and no more", "bob", "run", "dag:legacy_etl", Rule.OWNED_BY_OTHERS),
    ("user, exactly", "Bob", "edit", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("user, no group", "tom in bob", "edit", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("user, of an owner that it has not", "bob", "read", "dag:finance__x", Rule.OWNED_BY_OTHERS),
    ("everyone", "tom", "read", "variable:sales__rates", Rule.GRANT),
    ("everyone", " in marketing", "read", "variable:sales__rates", Rule.GRANT),
    ("everyone, pattern", "tom", "run", "dag:sales__open_day", Rule.GRANT),
    ("everyone, pattern of nothing more", "tom", "run", "dag:sales__open", Rule.GRANT),
    ("everyone, past the pattern", "tom", "run", "dag:sales__ope", Rule.OWNED_BY_OTHERS),
    ("everyone, in that letter case", "tom", "run", "dag:sales__OPEN", Rule.OWNED_BY_OTHERS),
    ("everyone, and no more", "tom", "edit", "variable:sales__rates", Rule.OWNED_BY_OTHERS),
    ("everyone is signed in", "anonymous", "read", "variable:sales__rates", Rule.OWNED_BY_OTHERS),
    ("the platform is no person", "tom", "use", "connection:sales__platform", Rule.OWNED_BY_OTHERS),
    ("the platform is no person", "platform", "use", "connection:sales__platform", Rule.OWNED_BY_OTHERS),
    ("own role or a grant", "bob in sales-viewers", "edit", "connection:sales__dwh", Rule.GRANT),
    ("own role before a grant", "bob in sales-dev", "edit", "connection:sales__dwh", Rule.TEAM_ROLE),
)


@pytest.mark.parametrize(("who", "action", "what", "rule"), PEOPLE)
def test_people(who: str, action: str, what: str, rule: Rule):
    check(person_may(who, action, what), rule)


TASKS = rows(
    # Their own.
    ("own", "sales__etl", "read", "connection:sales__dwh", Rule.OWN_TASK),
    ("own", "sales__etl", "use", "connection:sales__dwh", Rule.OWN_TASK),
    ("own", "sales__etl", "edit", "variable:sales__x", Rule.OWN_TASK),
    ("own", "sales__etl", "delete", "variable:sales__x", Rule.OWN_TASK),
    ("own", "sales__etl", "run", "dag:sales__x", Rule.OWN_TASK),
    ("own", "sales__etl", "trigger", "asset:sales__x", Rule.OWN_TASK),
    ("own", "sales__etl", "consume", "asset:sales__x", Rule.OWN_TASK),
    ("own, by an adopted Dag", "legacy_etl", "use", "connection:sales__dwh", Rule.OWN_TASK),
    ("own, what is adopted", "sales__etl", "run", "dag:legacy_etl", Rule.OWN_TASK),
    # Others', granted or not.
    ("others'", "finance__etl", "use", "connection:sales__x", Rule.OWNED_BY_OTHERS),
    ("others'", "finance__etl", "delete", "variable:sales__x", Rule.OWNED_BY_OTHERS),
    ("others'", "finance__etl", "consume", "asset:sales__x", Rule.OWNED_BY_OTHERS),
    ("granted to the team", "finance__etl", "use", "connection:sales__dwh", Rule.GRANT),
    ("granted to the team", "finance__etl", "read", "connection:sales__dwh", Rule.GRANT),
    ("granted, and no more", "finance__etl", "edit", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("granted, and no more", "finance__etl", "delete", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("granted, run", "finance__etl", "run", "dag:sales__shared", Rule.GRANT),
    ("granted, run includes read", "finance__etl", "read", "dag:sales__shared", Rule.GRANT),
    ("granted, another kind", "finance__etl", "use", "variable:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("granted, another thing", "finance__etl", "use", "connection:sales__dwh2", Rule.OWNED_BY_OTHERS),
    ("granted to another team", "hr__etl", "use", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("granted, any Dag of the one named", "hr__etl", "read", "dag:sales__x", Rule.GRANT),
    ("granted, no Dag of others", "hr__etl", "read", "dag:finance__x", Rule.OWNED_BY_OTHERS),
    ("granted until noon", "finance__etl", "use", "connection:sales__ended", Rule.OWNED_BY_OTHERS),
    ("granted until after noon", "finance__etl", "use", "connection:sales__last", Rule.GRANT),
    ("granted to everyone", "finance__etl", "use", "pool:sales__pool", Rule.GRANT),
    ("granted to everyone", "unowned", "use", "pool:sales__pool", Rule.GRANT),
    ("granted to everyone, pattern", "hr__etl", "run", "dag:sales__open_day", Rule.GRANT),
    ("granted to the platform", "unowned", "use", "connection:sales__platform", Rule.GRANT),
    ("granted to the platform, no team", "finance__etl", "use", "connection:sales__platform", Rule.OWNED_BY_OTHERS),
    ("granted to a team, no platform", "unowned", "use", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    ("granted to a group", "hr__etl", "run", "dag:sales__shared", Rule.OWNED_BY_OTHERS),
    ("granted to a user", "hr__etl", "edit", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    # Unowned.
    ("unowned, read", "sales__etl", "read", "variable:region", MAY),
    ("unowned, use", "sales__etl", "use", "connection:smtp", MAY),
    ("unowned, use", "sales__etl", "use", "pool:shared", MAY),
    ("unowned, write nothing", "sales__etl", "edit", "variable:region", MAY_NOT),
    ("unowned, write nothing", "sales__etl", "delete", "variable:region", MAY_NOT),
    ("unowned, write nothing", "sales__etl", "run", "dag:nightly", MAY_NOT),
    ("unowned, everybody's pool", "sales__etl", "use", "pool:default_pool", Rule.EVERYBODY),
    ("unowned, everybody's pool", "sales__etl", "read", "pool:default_pool", Rule.EVERYBODY),
    ("unowned, everybody's pool", "sales__etl", "edit", "pool:default_pool", MAY_NOT),
    ("unowned, everybody's pool", "sales__etl", "delete", "pool:default_pool", MAY_NOT),
    ("of the platform, unowned", "unowned", "read", "variable:region", Rule.PLATFORM_TASK),
    ("of the platform, unowned", "unowned", "edit", "variable:region", Rule.PLATFORM_TASK),
    ("of the platform, unowned", "unowned", "delete", "variable:region", Rule.PLATFORM_TASK),
    ("of the platform, unowned", "unowned", "use", "pool:default_pool", Rule.PLATFORM_TASK),
    ("of the platform, owned", "unowned", "use", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
    # Disputed.
    ("disputed thing", "sales__etl", "use", "connection:SALES__dwh", Rule.DISPUTED),
    ("disputed thing", "unowned", "use", "connection:SALES__dwh", Rule.DISPUTED),
    ("disputed thing", "gone__etl", "use", "connection:gone__x", Rule.DISPUTED),
    ("disputed Dag", "gone__etl", "use", "connection:smtp", Rule.DISPUTED),
    ("disputed Dag", "SALES__etl", "use", "connection:sales__dwh", Rule.DISPUTED),
    ("disputed Dag", "gone__etl", "use", "pool:default_pool", Rule.DISPUTED),
    ("disputed Dag, granted to everyone", "gone__etl", "use", "pool:sales__pool", Rule.DISPUTED),
    # Asset events: emitting one.
    ("emits its own", "sales__etl", "trigger", "asset:sales__x", Rule.OWN_TASK),
    ("emits what is granted", "finance__etl", "trigger", "asset:sales__clicks", Rule.GRANT),
    ("emits what is granted", "unowned", "trigger", "asset:sales__nightly", Rule.GRANT),
    ("emits nothing of others", "finance__etl", "trigger", "asset:sales__x", Rule.OWNED_BY_OTHERS),
    ("consume is not trigger", "finance__etl", "trigger", "asset:sales__orders", Rule.OWNED_BY_OTHERS),
    ("emits what is unowned", "sales__etl", "trigger", "asset:weather", MAY),
    ("emits what is unowned", "sales__etl", "trigger", "alias:weather", MAY),
    ("emits what is unowned", "unowned", "trigger", "asset:weather", Rule.PLATFORM_TASK),
    ("emits, and writes nothing", "sales__etl", "delete", "asset:weather", MAY_NOT),
    ("emits, and writes nothing", "sales__etl", "edit", "alias:weather", MAY_NOT),
    ("emits nothing but assets", "sales__etl", "trigger", "dag:nightly", MAY_NOT),
    # Asset events: delivery.
    ("scheduled on its own", "sales__etl", "consume", "asset:sales__x", Rule.OWN_TASK),
    ("scheduled on what is unowned", "sales__etl", "consume", "asset:weather", MAY),
    ("scheduled on what is unowned", "unowned", "consume", "asset:weather", Rule.PLATFORM_TASK),
    ("scheduled on what is granted", "finance__etl", "consume", "asset:sales__orders", Rule.GRANT),
    ("scheduled on what is granted", "hr__etl", "consume", "asset:sales__news", Rule.GRANT),
    ("scheduled on what is granted", "unowned", "consume", "asset:sales__news", Rule.GRANT),
    ("scheduled on what is granted", "unowned", "consume", "asset:sales__nightly", Rule.GRANT),
    ("not on others'", "hr__etl", "consume", "asset:sales__orders", Rule.OWNED_BY_OTHERS),
    ("not on others'", "unowned", "consume", "asset:sales__orders", Rule.OWNED_BY_OTHERS),
    ("trigger is not consume", "finance__etl", "consume", "asset:sales__clicks", Rule.OWNED_BY_OTHERS),
    ("not on what is disputed", "sales__etl", "consume", "asset:SALES__x", Rule.DISPUTED),
)


@pytest.mark.parametrize(("dag", "action", "what", "rule"), TASKS)
def test_tasks(dag: str, action: str, what: str, rule: Rule | str):
    check(task_may(dag, action, what), rule)


@pytest.mark.parametrize(
    ("who", "action", "what", "rule"),
    rows(
        ("nobody but a superuser", "tom as Op", "read", "dag:unowned", Rule.UNOWNED_CLOSED),
        ("nobody but a superuser", "anonymous as Op", "read", "dag:unowned", Rule.UNOWNED_CLOSED),
        ("nobody but a superuser", "root as Admin", "edit", "dag:unowned", Rule.SUPERUSER),
        ("everybody's pool stays open", "tom", "read", "pool:default_pool", Rule.EVERYBODY),
        ("everybody's pool stays open", "tom", "use", "pool:default_pool", Rule.EVERYBODY),
        ("everybody's pool, to change", "tom as Op", "edit", "pool:default_pool", Rule.UNOWNED_CLOSED),
        ("everybody's pool, anonymous", "anonymous as Op", "read", "pool:default_pool", Rule.UNOWNED_CLOSED),
        ("the owned is as before", "tom in sales-dev", "edit", "dag:sales__x", Rule.TEAM_ROLE),
        ("the owned is as before", "bob", "edit", "connection:sales__dwh", Rule.GRANT),
        ("the disputed is as before", "tom as Op", "read", "dag:gone__x", Rule.DISPUTED),
    ),
)
def test_people_with_unowned_deny(who: str, action: str, what: str, rule: Rule):
    check(person_may(who, action, what, CLOSED), rule)


@pytest.mark.parametrize(
    ("dag", "action", "what", "rule"),
    rows(
        ("closed to teams", "sales__etl", "read", "variable:region", Rule.UNOWNED_CLOSED),
        ("closed to teams", "sales__etl", "use", "connection:smtp", Rule.UNOWNED_CLOSED),
        ("closed to teams", "sales__etl", "edit", "variable:region", Rule.UNOWNED_CLOSED),
        ("closed to teams", "sales__etl", "trigger", "asset:weather", Rule.UNOWNED_CLOSED),
        ("everybody's pool stays open", "sales__etl", "use", "pool:default_pool", Rule.EVERYBODY),
        ("everybody's pool, to change", "sales__etl", "edit", "pool:default_pool", Rule.UNOWNED_CLOSED),
        ("delivery stays open", "sales__etl", "consume", "asset:weather", MAY),
        ("delivery stays open", "sales__etl", "consume", "alias:weather", MAY),
        ("the platform's own", "unowned", "edit", "variable:region", Rule.PLATFORM_TASK),
        ("the owned is as before", "sales__etl", "use", "connection:sales__dwh", Rule.OWN_TASK),
        ("the owned is as before", "finance__etl", "use", "connection:sales__dwh", Rule.GRANT),
    ),
)
def test_tasks_with_unowned_deny(dag: str, action: str, what: str, rule: Rule | str):
    check(task_may(dag, action, what, CLOSED), rule)


def test_every_rule_is_seen_above():
    seen = {row.values[-1] for row in PEOPLE + TASKS}
    assert seen - {MAY, MAY_NOT} | {Rule.TASK_OF_UNOWNED, Rule.UNOWNED_CLOSED} == set(Rule)


# Time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "allowed"),
    [(NOON - TICK, True), (NOON, False), (NOON + TICK, False)],
    ids=["just before", "at the end", "just after"],
)
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))], ids=["UTC", "another zone"])
def test_expiry_is_exact(now: datetime, allowed: bool, zone: timezone):
    end = NOON.astimezone(zone)
    policy = replace(
        POLICY,
        bindings=(binding("user:cat", "Op", "hr", expires=end),),
        grants=(
            grant("user:dan", "dag:sales__x", "read", expires=end),
            grant("team:finance", "pool:sales__x", "use", expires=end),
        ),
    )
    evaluator = Evaluator(policy)
    assert person_may("cat", "edit", "dag:hr__x", evaluator, now).allowed is allowed
    assert person_may("dan", "read", "dag:sales__x", evaluator, now).allowed is allowed
    assert task_may("finance__x", "use", "pool:sales__x", evaluator, now).allowed is allowed


def test_a_person_stands_until_the_first_end_of_what_reaches_them():
    hours = [NOON + timedelta(hours=n) for n in range(5)]
    policy = replace(
        POLICY,
        bindings=(
            binding("user:ann", "Op", "hr", expires=hours[3]),
            binding("user:ann", "Op", None, expires=hours[4]),
            binding("user:bob", "Op", "hr", expires=hours[1]),
            binding("user:cat", "Op", "hr"),
            binding("user:cat", "Ghost", "hr", expires=hours[1]),
            binding("user:cat", "Op", "gone", expires=hours[1]),
            binding("user:dan", "Op", "hr", expires=hours[0]),
        ),
        grants=(
            grant("team:hr", "dag:sales__x", "read", expires=hours[2]),
            grant("user:eve", "dag:sales__x", "read", expires=hours[2]),
        ),
    )
    evaluator = Evaluator(policy)
    until = {name: principal(name, evaluator).until for name in ("ann", "bob", "cat", "dan", "eve", "tom")}
    assert until == {"ann": hours[2], "bob": hours[1], "cat": hours[2], "dan": None, "eve": hours[2], "tom": None}


# Who somebody is -----------------------------------------------------------------------------------


def test_members_are_those_with_a_binding_in_a_team_that_there_is():
    assert set(principal("tom in sales-dev, hr-nothing, gone-dev, typo, ended, global-viewers").teams) == {
        "sales",
        "hr",
    }
    assert set(principal("tom in everywhere-viewers").teams) == {"sales", "finance", "hr"}
    assert principal("tom as Op").teams == {}
    assert principal("anonymous in sales-dev").teams == {}


def test_a_role_is_found_whatever_its_letter_case():
    assert principal("tom in global-viewers").everywhere == Standing(
        ROLES["Viewer"].permissions, ("Viewer (group global-viewers)",)
    )
    assert principal("tom in af-sales-op").teams["sales"].perms == ROLES["Op"].permissions


def test_how_a_role_is_held():
    held = principal("ann in sales-dev, ending as Viewer").teams["sales"].held
    assert held == (
        "Viewer (user ann)",
        "Op (group ending, until 2026-06-01T12:00:00.000001+00:00)",
        "Op (group sales-dev)",
    )
    assert principal("tom in global-viewers as Op, Ghost").everywhere.held == (
        "Op (in FAB)",
        "Viewer (group global-viewers)",
    )
    groups = sorted(f"fixed-{letter}" for letter in "abcdefgh")
    in_order = principal(f"tom in {', '.join(reversed(groups))}").teams["hr"].held
    assert in_order == tuple(f"Viewer (group {group})" for group in groups)
    assert str(NOTHING) == "no role"
    assert str(principal("tom in sales-dev").teams["sales"]) == "Op (group sales-dev)"
    assert str(principal("ann in sales-dev").teams["sales"]) == "Viewer (user ann), Op (group sales-dev)"


def test_per_dag_permissions_stay_in_the_deployment():
    role = Role("X", frozenset({("can_read", "DAGs"), ("can_read", "DAG:x"), ("can_create", "DAG Run:x")}))
    assert role.in_a_team == {("can_read", "DAGs")}
    assert Role("Y", frozenset({("can_read", "DAG Runs"), ("can_read", "DAG Dependencies")})).in_a_team == {
        ("can_read", "DAG Runs"),
        ("can_read", "DAG Dependencies"),
    }
    assert principal("tom as PerDag").everywhere.perms == ROLES["PerDag"].permissions


def test_a_superuser_holds_everything_and_is_said_to():
    root = principal("root in sales-dev as Admin, Ghost")
    assert root.superuser
    assert root.everywhere == Standing(EVERYTHING, ("Admin (in FAB)", "Ghost (in FAB)"))
    assert ("can_fly", "Anywhere") in root.everywhere.perms
    assert bool(root.everywhere.perms)


def test_superuser_roles_can_be_others_or_none():
    others = Evaluator(replace(POLICY, superuser_roles=frozenset({"op"})))
    assert principal("tom as Op", others).superuser
    assert not principal("tom as Admin", others).superuser
    assert not principal("tom in sales-dev", others).superuser
    nobody = Evaluator(replace(POLICY, superuser_roles=frozenset()))
    assert not principal("tom as Admin", nobody).superuser


def test_who_is_signed_in():
    assert (principal("tom").signed_in, principal("tom").who) == (True, "tom")
    assert (principal("").signed_in, principal("").who) == (True, "somebody in these groups")
    assert (principal("anonymous").signed_in, principal("anonymous").who) == (False, "an anonymous person")


def test_roles_are_asked_for_only_if_held():
    asked: list[str] = []

    def roles(name: str) -> Role | None:
        asked.append(name)
        return find_role(name)

    EVALUATOR.principal(somebody("tom in sales-dev, ended as Viewer"), roles, NOON)
    assert sorted(set(asked)) == ["Op", "Viewer"]


def test_what_names_no_team_or_role_is_logged_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    evaluator = Evaluator(POLICY)
    for _ in range(3):
        principal("tom in typo, af-salles-op, af-sales-ghost, sales-dev", evaluator)
    assert sorted(caplog.messages) == [
        "Ignoring the binding of group af-sales-ghost: there is no role 'ghost'",
        "Ignoring the binding of group af-salles-op: there is no team 'salles'",
        "Ignoring the binding of group typo: there is no role 'Opp'",
        "Ignoring the binding of group typo: there is no team 'salles'",
    ]


@pytest.mark.parametrize(
    ("regex", "team", "role", "error"),
    [
        ("af-(", "sales", "Op", re.error),
        ("af-(?P<team>.+)", "{team}{", "Op", ValueError),
        ("af-(?P<team>.+)", "{team}", "Op}", ValueError),
        ("af-(?P<team>.+)", "{nobody}", "Op", KeyError),
        ("af-(?P<team>.+)", "sales", "{role}", KeyError),
    ],
)
def test_a_stored_binding_that_makes_no_sense_is_not_answered_from(
    regex: str, team: str, role: str, error: type[Exception]
):
    with pytest.raises(error):
        Evaluator(replace(POLICY, bindings=(Binding("group_regex", regex, role, team),)))


# Lists and menus -----------------------------------------------------------------------------------


def may_list(who: str, action: str, kind: Kind, evaluator: Evaluator = EVALUATOR) -> bool:
    wanted = None if action == "delete" else Action(action)
    nothing = Resource(kind, "", evaluator.ownership.owner(kind, ""))
    return evaluator.decide_any(principal(who, evaluator), kind, wanted, asks(nothing, wanted))


@pytest.mark.parametrize(
    ("who", "action", "kind", "allowed"),
    [
        ("tom in sales-viewers", "read", "connection", True),
        ("tom in sales-viewers", "edit", "connection", False),
        ("tom in sales-viewers, finance-dev", "edit", "connection", True),
        ("tom in sales-dev", "delete", "connection", True),
        ("tom in everywhere-viewers", "read", "pool", True),
        ("tom in sales-nothing", "read", "pool", True),  # default_pool is there
        ("anonymous", "read", "pool", False),
        ("tom", "read", "variable", True),  # granted to everyone
        ("tom", "edit", "variable", False),
        ("tom", "read", "connection", False),
        ("tom", "delete", "variable", False),
        ("bob", "read", "connection", True),  # by `edit`
        ("bob", "edit", "connection", True),
        ("bob", "delete", "connection", False),
        ("tom in partners", "run", "dag", True),
        ("tom in finance-users", "trigger", "asset", True),
        ("eve", "run", "dag", True),
        ("tom as Viewer", "read", "connection", True),
        ("tom as Viewer", "edit", "connection", False),
        ("root as Admin", "delete", "connection", True),
        ("anonymous", "read", "variable", False),
        ("anonymous as Viewer", "read", "variable", True),
    ],
)
def test_lists(who: str, action: str, kind: str, allowed: bool):
    assert may_list(who, action, Kind(kind)) is allowed


def test_lists_with_unowned_deny():
    assert not may_list("tom as Op", "read", Kind.CONNECTION, CLOSED)
    assert not may_list("anonymous as Op", "read", Kind.CONNECTION, CLOSED)
    assert may_list("tom in sales-viewers", "read", Kind.CONNECTION, CLOSED)
    assert may_list("tom", "read", Kind.VARIABLE, CLOSED)
    assert may_list("root as Admin", "read", Kind.CONNECTION, CLOSED)


def test_a_grant_to_a_team_opens_a_list_as_far_as_the_role_there_permits():
    policy = replace(
        POLICY,
        bindings=(binding("user:ann", "Nothing", "hr"), binding("user:bob", "Starter", "hr")),
        grants=(grant("team:hr", "dag:sales__x", "read"), grant("team:hr", "connection:sales__x", "read")),
    )
    evaluator = Evaluator(policy)
    assert not may_list("ann", "read", Kind.DAG, evaluator)
    assert not may_list("bob", "read", Kind.CONNECTION, evaluator)


def test_what_airflow_does_not_name_is_no_team_s():
    def unnamed(who: str, evaluator: Evaluator = EVALUATOR) -> bool:
        return evaluator.decide_unnamed(principal(who, evaluator), lambda held: ("can_read", "DAGs") in held.perms)

    assert unnamed("tom as Viewer")
    assert unnamed("root as Admin")
    assert unnamed("root as Admin", CLOSED)
    assert not unnamed("tom as Viewer", CLOSED)
    assert not unnamed("tom in everywhere-dev")


def test_in_any_team_leaves_the_unowned_aside():
    def may_see_pools(who: str) -> bool:
        return EVALUATOR.decide_in_any_team(
            principal(who), Kind.POOL, Action.READ, lambda held: ("can_read", "Pools") in held.perms
        )

    assert may_see_pools("tom in sales-viewers")
    assert not may_see_pools("tom as Viewer")


def test_permits_is_asked_once_for_teams_where_the_same_is_held():
    asked: list[Standing] = []

    def permits(held: Standing) -> bool:
        asked.append(held)
        return False

    EVALUATOR.decide_in_any_team(principal("tom in everywhere-viewers"), Kind.POOL, Action.READ, permits)
    assert len(asked) == 1


def test_whether_anything_can_be_owned():
    def owns(*teams: Team, native: bool = False) -> bool:
        return Evaluator(Policy(teams)).owns_anything(native)

    assert not owns()
    assert not owns(Team("bare"))
    assert owns(Team("bare"), native=True)
    assert not owns(Team("gone", exists=False), native=True)
    assert owns(Team("gone", prefixes=("gone__",), exists=False))
    assert owns(Team("bare"), Team("a", prefixes=("a__",)))
    assert owns(Team("a", asset_uris=("s3://a/",)))
    assert owns(Team("a", resources=(Reference.parse("dag:x"),)))


# What is said ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "action", "what", "said"),
    [
        ("root as Admin", "read", "dag:sales__x", "root holds a superuser role: Admin (in FAB)"),
        (
            "tom in sales-dev",
            "edit",
            "dag:sales__x",
            "dag:sales__x belongs to team sales because its id begins with 'sales__', where tom holds "
            "Op (group sales-dev)",
        ),
        (
            "bob",
            "edit",
            "connection:sales__dwh",
            "connection:sales__dwh belongs to team sales because its id begins with 'sales__', and by a grant "
            "user:bob may edit connection:sales__dwh of sales (a reason)",
        ),
        (
            "eve",
            "run",
            "dag:sales__last",
            "dag:sales__last belongs to team sales because its id begins with 'sales__', and by a grant "
            "user:eve may run dag:sales__last of sales until 2026-06-01T12:00:00.000001+00:00 (a reason)",
        ),
        (
            "tom",
            "edit",
            "dag:sales__x",
            "dag:sales__x belongs to team sales because its id begins with 'sales__', where tom holds no role, "
            "and no live grant permits it",
        ),
        (
            "tom in sales-viewers",
            "edit",
            "dag:sales__x",
            "dag:sales__x belongs to team sales because its id begins with 'sales__', where tom holds "
            "Viewer (group sales-viewers), and no live grant permits it",
        ),
        (
            " in sales-viewers",
            "read",
            "dag:unowned",
            "dag:unowned is unowned (no team lists it and no team's prefix begins it), so global roles decide: "
            "somebody in these groups holds no role",
        ),
        (
            "tom as Viewer",
            "read",
            "dag:unowned",
            "dag:unowned is unowned (no team lists it and no team's prefix begins it), so global roles decide: "
            "tom holds Viewer (in FAB)",
        ),
        ("tom", "read", "pool:default_pool", "everybody may read default_pool"),
        (
            "tom",
            "read",
            "dag:gone__x",
            "dag:gone__x is disputed: its id begins with 'gone__', but there is no team gone",
        ),
    ],
)
def test_people_are_told_why(who: str, action: str, what: str, said: str):
    assert person_may(who, action, what).reason == said


@pytest.mark.parametrize(
    ("dag", "action", "what", "said"),
    [
        (
            "sales__etl",
            "use",
            "pool:sales__x",
            "pool:sales__x belongs to team sales because its id begins with 'sales__', and so does dag:sales__etl",
        ),
        ("unowned", "edit", "variable:x", "variable:x is unowned, and so is dag:unowned"),
        ("sales__etl", "use", "pool:default_pool", "everybody may use default_pool"),
        ("sales__etl", "consume", "asset:x", "asset:x is unowned: any Dag may be scheduled on it"),
        ("sales__etl", "read", "variable:x", "variable:x is unowned: a task of team sales may read and use it"),
        (
            "sales__etl",
            "edit",
            "variable:x",
            "variable:x is unowned: a task of team sales may read and use it, not more",
        ),
        (
            "hr__etl",
            "use",
            "connection:sales__x",
            "connection:sales__x belongs to team sales because its id begins with 'sales__', and no live grant lets a "
            "task of dag:hr__etl (team hr) do it",
        ),
        (
            "unowned",
            "use",
            "connection:sales__x",
            "connection:sales__x belongs to team sales because its id begins with 'sales__', and no live grant lets a "
            "task of dag:unowned (team none) do it",
        ),
        (
            "SALES__etl",
            "use",
            "connection:x",
            "dag:SALES__etl is disputed: its id begins with 'sales__' of team sales in another letter case",
        ),
        (
            "unowned",
            "use",
            "connection:gone__x",
            "connection:gone__x is disputed: its id begins with 'gone__', but there is no team gone",
        ),
    ],
)
def test_tasks_are_told_why(dag: str, action: str, what: str, said: str):
    assert task_may(dag, action, what).reason == said


def test_that_the_unowned_is_closed_is_said():
    said = "x is unowned, and [team_rbac] unowned = deny"
    assert person_may("tom as Op", "read", "dag:x", CLOSED).reason == f"dag:{said}"
    assert task_may("sales__etl", "read", "variable:x", CLOSED).reason == f"variable:{said}"


@pytest.mark.parametrize(
    ("actions", "widened"),
    [
        ({Action.READ}, {Action.READ}),
        ({Action.RUN}, {Action.RUN, Action.READ}),
        ({Action.EDIT}, {Action.EDIT, Action.READ}),
        ({Action.TRIGGER}, {Action.TRIGGER, Action.READ}),
        ({Action.USE}, {Action.USE}),
        ({Action.CONSUME}, {Action.CONSUME}),
        ({Action.USE, Action.EDIT}, {Action.USE, Action.EDIT, Action.READ}),
        (set(), set()),
    ],
    ids=str,
)
def test_what_an_action_includes(actions: set[Action], widened: set[Action]):
    assert widen(frozenset(actions)) == widened


def test_the_rules_have_names_that_last():
    # The audit log keeps them, and scripts read what `why` prints.
    assert sorted(Rule) == [
        "disputed",
        "everybody",
        "global-role",
        "grant",
        "own-task",
        "owned-by-others",
        "platform-task",
        "superuser",
        "team-role",
        "team-role-lacks-it",
        "unowned",
        "unowned-closed",
        "unowned-for-tasks",
    ]


def test_words_for_people():
    assert binding("group:g", "Op", "sales").place == "team sales"
    assert binding("group:g", "Op", "*").place == "every team"
    assert binding("group:g", "Op", None).place == "the deployment"
    assert str(binding("group:g", "Op", "*", expires=NOON)) == (
        "group g holds Op in every team until 2026-06-01T12:00:00+00:00"
    )
    assert str(binding("user:u", "Op", "sales")) == "user u holds Op in team sales"
    assert str(grant("*", "dag:sales__x", "run", "edit")) == "* may edit, run dag:sales__x of sales"


def test_a_principal_cannot_be_changed():
    with pytest.raises(AttributeError):
        principal("tom").superuser = True  # type: ignore[misc]
