"""
The rules of DESIGN section 3, written once more: as plainly as possible, slow, and without ``policy/evaluate.py``.

It reads as the DESIGN reads, and loops over everything. ``test_law.py`` holds the real rules against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from airflow_team_rbac.auth_manager.policy.model import (
    Action,
    Binding,
    Grant,
    Kind,
    Policy,
    Reference,
    Role,
    Rule,
    Team,
)

UNOWNED = "<unowned>"
DISPUTED = "<disputed>"

Pairs = frozenset[tuple[str, str]]
Answer = tuple[bool, Rule]

MENU = {
    Kind.DAG: "DAGs",
    Kind.CONNECTION: "Connections",
    Kind.VARIABLE: "Variables",
    Kind.POOL: "Pools",
    Kind.ASSET: "Assets",
    Kind.ALIAS: "Asset Aliases",
}


def permitted(perms: Pairs, kind: Kind, action: Action | None, resource_id: str) -> bool:
    """What FAB would say to somebody with these permissions; no action is: to delete it."""
    menu = MENU[kind]
    if action is Action.READ and kind is Kind.DAG:
        return ("can_read", menu) in perms or ("can_read", f"DAG:{resource_id}") in perms
    if action is Action.READ:
        return ("can_read", menu) in perms
    if action is Action.EDIT:
        return ("can_edit", menu) in perms
    if action is Action.RUN:
        return ("can_create", "DAG Runs") in perms and ("can_edit", menu) in perms
    if action is Action.TRIGGER:
        return ("can_create", menu) in perms
    if action is None:
        return ("can_delete", menu) in perms
    return False  # only tasks use and consume


# Owner of a resource -------------------------------------------------------------------------------


def fold(text: str) -> str:
    return text.upper().casefold()


def owner_of(
    teams: tuple[Team, ...], kind: Kind, resource_id: str, native: str | None = None, uri: str | None = None
) -> str:
    """Return a team's name, UNOWNED or DISPUTED."""
    if kind is Kind.POOL and resource_id == "default_pool":
        return UNOWNED
    if native is not None:
        answers = {native}
    else:
        answers = {owner_by_id(teams, kind, resource_id)}
        if kind is Kind.ASSET and uri:
            answers.add(owner_by_beginning(uri, [(team.name, start) for team in teams for start in team.asset_uris]))
    answers.discard(UNOWNED)
    if not answers:
        return UNOWNED
    if len(answers) > 1:
        return DISPUTED
    [owner] = answers
    return owner if any(team.name == owner and team.exists for team in teams) else DISPUTED


def owner_by_id(teams: tuple[Team, ...], kind: Kind, resource_id: str) -> str:
    adopters, almost = set(), set()
    for team in teams:
        for reference in team.resources:
            if reference.kind is kind and reference.id == resource_id:
                adopters.add(team.name)
            elif reference.kind is kind and fold(reference.id) == fold(resource_id):
                almost.add(team.name)
    if kind not in (Kind.CONNECTION, Kind.VARIABLE):
        almost = set()
    if adopters:
        return adopters.pop() if len(adopters | almost) == 1 else DISPUTED
    if almost:
        return DISPUTED
    return owner_by_beginning(resource_id, [(team.name, prefix) for team in teams for prefix in team.prefixes])


def owner_by_beginning(text: str, beginnings: list[tuple[str, str]]) -> str:
    almost = {team for team, start in beginnings if fold(text).startswith(fold(start))}
    exact = {team for team, start in beginnings if text.startswith(start)}
    if not almost:
        return UNOWNED
    return exact.pop() if len(almost) == 1 and exact else DISPUTED


# Who may do what -----------------------------------------------------------------------------------


def live(row: Binding | Grant, now: datetime) -> bool:
    return row.expires is None or now < row.expires


def included(grant: Grant, action: Action | None) -> bool:
    if action is Action.READ and {Action.RUN, Action.EDIT, Action.TRIGGER} & grant.actions:
        return True
    return action in grant.actions


def matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return text[:1] == pattern[0] and matches(pattern[1:], text[1:])


def reaches(grant: Grant, reference: Reference, owner: str, action: Action | None, now: datetime) -> bool:
    return (
        live(grant, now)
        and included(grant, action)
        and grant.owner == owner
        and grant.resource.kind is reference.kind
        and matches(grant.resource.id, reference.id)
    )


def everybodys(reference: Reference, action: Action | None) -> bool:
    return str(reference) == "pool:default_pool" and action in (Action.READ, Action.USE)


class Someone:
    """A person at a time: a username (None: anonymous), IdP groups, and FAB roles by name."""

    def __init__(
        self,
        policy: Policy,
        roles: Mapping[str, Role],
        username: str | None,
        groups: frozenset[str],
        global_roles: tuple[str, ...],
        now: datetime,
    ) -> None:
        self.policy, self.roles, self.username, self.groups, self.now = policy, roles, username, groups, now
        self.global_roles = [*global_roles, *(role.name for team, role in self.bound() if team is None)]

    def role(self, name: str) -> Role | None:
        return next((role for role in self.roles.values() if role.name.casefold() == name.casefold()), None)

    def bound(self) -> Iterator[tuple[str | None, Role]]:
        """Yield (team or None for the deployment, role), ``*`` spelled out as every team."""
        for binding in self.policy.bindings:
            if not live(binding, self.now):
                continue
            for team, role_name in self.filled_in(binding):
                role = self.role(role_name)
                for existing in self.policy.teams:
                    if role is not None and existing.exists and team in (existing.name, "*"):
                        yield existing.name, role
                if role is not None and team is None:
                    yield None, role

    def filled_in(self, binding: Binding) -> Iterator[tuple[str | None, str]]:
        if self.username is None:
            return
        if (binding.subject_kind == "user" and binding.subject == self.username) or (
            binding.subject_kind == "group" and binding.subject in self.groups
        ):
            yield binding.team, binding.role
        if binding.subject_kind == "group_regex":
            for group in self.groups:
                match = re.fullmatch(binding.subject, group)
                if match is None:
                    continue
                team, role = binding.team, binding.role
                for name, value in match.groupdict().items():
                    role = role.replace("{" + name + "}", value or "")
                    team = team if team is None else team.replace("{" + name + "}", value or "")
                if team != "*" or binding.team == "*":
                    yield team, role

    def is_superuser(self) -> bool:
        superuser_roles = {name.casefold() for name in self.policy.superuser_roles}
        return any(name.casefold() in superuser_roles for name in self.global_roles)

    def perms_in_deployment(self) -> Pairs:
        held = [role for name in self.global_roles if (role := self.role(name))]
        return frozenset(pair for role in held for pair in role.permissions)

    def perms_in(self, team: str) -> Pairs:
        held = [role for where, role in self.bound() if where == team]
        pairs = frozenset(pair for role in held for pair in role.permissions)
        return frozenset(pair for pair in pairs if not pair[1].startswith(("DAG:", "DAG Run:")))

    def is_member_of(self, team: str) -> bool:
        return any(where == team for where, _ in self.bound())

    def decide(self, reference: Reference, owner: str, action: Action | None) -> Answer:
        kind, resource_id = reference.kind, reference.id
        if self.is_superuser():
            return True, Rule.SUPERUSER
        if owner == DISPUTED:
            return False, Rule.DISPUTED
        if owner == UNOWNED:
            if (
                str(reference) == "pool:default_pool"
                and action in (Action.READ, Action.USE)
                and self.username is not None
            ):
                return True, Rule.EVERYBODY
            if self.policy.unowned_denied:
                return False, Rule.UNOWNED_CLOSED
            if permitted(self.perms_in_deployment(), kind, action, resource_id):
                return True, Rule.GLOBAL_ROLE
            return False, Rule.UNOWNED
        if permitted(self.perms_in(owner), kind, action, resource_id):
            return True, Rule.TEAM_ROLE
        for grant in self.policy.grants:
            if not reaches(grant, reference, owner, action, self.now) or self.username is None:
                continue
            if grant.to in ("*", f"user:{self.username}", *(f"group:{group}" for group in self.groups)):
                return True, Rule.GRANT
            if grant.to.startswith("team:"):
                team = grant.to.removeprefix("team:")
                if self.is_member_of(team) and permitted(self.perms_in(team), kind, action, resource_id):
                    return True, Rule.GRANT
        return False, Rule.TEAM_ROLE_LACKS if self.is_member_of(owner) else Rule.OWNED_BY_OTHERS


def decide_task(
    policy: Policy, dag_owner: str, reference: Reference, owner: str, action: Action | None, now: datetime
) -> Answer:
    """Decide about a task of a Dag, given the owners of the Dag and of the thing."""
    if DISPUTED in (dag_owner, owner):
        return False, Rule.DISPUTED
    if owner == UNOWNED and dag_owner == UNOWNED:
        return True, Rule.PLATFORM_TASK
    if owner == dag_owner:
        return True, Rule.OWN_TASK
    if owner == UNOWNED:
        if everybodys(reference, action):
            return True, Rule.EVERYBODY
        if action is Action.CONSUME:
            return True, Rule.TASK_OF_UNOWNED
        if policy.unowned_denied:
            return False, Rule.UNOWNED_CLOSED
        return action in (Action.READ, Action.USE, Action.TRIGGER), Rule.TASK_OF_UNOWNED
    me = "platform" if dag_owner == UNOWNED else f"team:{dag_owner}"
    if any(grant.to in (me, "*") and reaches(grant, reference, owner, action, now) for grant in policy.grants):
        return True, Rule.GRANT
    return False, Rule.OWNED_BY_OTHERS
