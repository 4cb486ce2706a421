"""
What a person or a task may do: *Who may do what* and *Tasks* in DESIGN section 3.

A person's roles are FAB roles, and FAB decides what a role permits. So every question carries
``permits``: given what the person holds in one place, is this permitted there? In production that is
FAB's own method, called with the person as they act in that place.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .model import (
    DEFAULT_POOL,
    EVERY_TEAM,
    EVERYONE,
    EVERYTHING,
    Action,
    Binding,
    Decision,
    Grant,
    Kind,
    Permissions,
    Policy,
    Role,
    Rule,
)
from .ownership import Owner, Ownership

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What somebody holds in one place: a team, or the deployment."""

    perms: Permissions
    """The attribute that FAB reads on whoever it decides about."""
    held: tuple[str, ...] = ()
    """How each role is held, for people: ``Op (group sales-dev)``."""

    def __str__(self) -> str:
        return ", ".join(self.held) or "no role"


NOTHING = Standing(frozenset())

Permits = Callable[[Standing], bool]

Roles = Callable[[str], Role | None]
"""Finds a FAB role by its name, letter case ignored."""


@dataclass(frozen=True)
class Person:
    """What is known of somebody before the policy is applied. An anonymous person has no username."""

    username: str | None
    groups: frozenset[str] = frozenset()
    global_roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Principal:
    """A person under one policy, as they stand until ``until``. Immutable, shared by threads."""

    name: str | None
    superuser: bool
    everywhere: Standing
    """What is held in the deployment: global roles."""
    teams: Mapping[str, Standing]
    """What is held in each team that they are a member of."""
    grants: Mapping[Kind, tuple[Grant, ...]]
    """The live grants that reach them, themselves or through a team; a superuser's, those to any team."""
    bound: tuple[str, ...]
    """The teams that a binding of theirs names, sorted; not those of a binding in every team."""
    until: datetime | None
    """When the next binding or grant of theirs ends; UTC."""
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """What follows from all this that whoever asks wants to remember: they hold as long as this object does."""

    @property
    def signed_in(self) -> bool:
        """Whether this is anybody in particular."""
        return self.name is not None

    @property
    def who(self) -> str:
        """The person, in a sentence."""
        return "an anonymous person" if self.name is None else self.name or "somebody in these groups"

    def within(self, team: str) -> Principal:
        """
        Return them as they count for the lists of one team (*View* in DESIGN section 3).

        They reach what the team owns and what is granted to it, and nothing that they do not reach anyhow.
        """
        standing = Standing(EVERYTHING) if self.superuser else self.teams.get(team, NOTHING)
        grants = {
            kind: tuple(one for one in some if one.to_team == team or (one.to_team is None and one.owner == team))
            for kind, some in self.grants.items()
        }
        return replace(self, superuser=False, everywhere=NOTHING, teams={team: standing}, grants=grants, memo={})


@dataclass(frozen=True)
class Resource:
    """What is asked about: its kind, its id (an asset's or alias's name) and its owner."""

    kind: Kind
    id: str
    owner: Owner

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Evaluator:
    """
    One policy, made ready to answer. Pure and immutable; made once for each revision of the policy.

    :param policy: teams, bindings, grants and settings
    :raises KeyError, ValueError, re.error: a binding by group_regex makes no sense
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.ownership = Ownership(policy.teams)
        self.team_names = frozenset(team.name for team in policy.teams if team.exists)
        self._superusers = {name.casefold() for name in policy.superuser_roles}
        self._named: dict[tuple[str, str], list[Binding]] = {}
        self._patterns: list[tuple[re.Pattern[str], Binding]] = []
        for binding in policy.bindings:
            if binding.subject_kind == "group_regex":
                pattern = re.compile(binding.subject)
                _fill_in(binding, dict.fromkeys(pattern.groupindex, ""))  # what cannot be filled in fails here
                self._patterns.append((pattern, binding))
            else:
                self._named.setdefault((binding.subject_kind, binding.subject), []).append(binding)
        self._unknown: set[tuple[str, str]] = set()

    def owns_anything(self, native: bool) -> bool:
        """Whether any resource can have an owner; without one, FAB decides about everything."""
        return any(
            team.prefixes or team.asset_uris or team.resources or (native and team.exists) for team in self.policy.teams
        )

    # Who somebody is -----------------------------------------------------------------------------

    def principal(self, person: Person, roles: Roles, now: datetime) -> Principal:
        """
        Return the person as they stand at ``now`` (aware, UTC).

        :param roles: asked only for the roles that the person holds
        """
        ends: list[datetime] = []
        everywhere = [(name, "in FAB") for name in person.global_roles]
        teams: dict[str, list[tuple[Role, str]]] = {}
        bound: set[str] = set()
        for binding, team, role_name, via in self._bindings_of(person):
            if not binding.is_live(now):
                continue
            role = roles(role_name)
            if role is None or not self._names_a_place(team):
                self._log_unknown(via, f"team {team!r}" if role else f"role {role_name!r}")
                continue
            if binding.expires:
                ends.append(binding.expires)
                via = f"{via}, until {binding.expires.isoformat()}"
            if team is None:
                everywhere.append((role.name, via))
            else:
                bound.add(team)
                for name in self.team_names if team == EVERY_TEAM else (team,):
                    teams.setdefault(name, []).append((role, via))
        standings = _standings(teams)
        superuser = any(name.casefold() in self._superusers for name, _ in everywhere)
        grants: dict[Kind, list[Grant]] = {}
        for grant in self.policy.grants:
            # A superuser needs no grant, but sees what is granted to the team that they work in.
            reaches = self._reaches(grant, person, standings) or (superuser and grant.to_team is not None)
            if reaches and grant.is_live(now):
                grants.setdefault(grant.resource.kind, []).append(grant)
                if grant.expires:
                    ends.append(grant.expires)
        return Principal(
            name=person.username,
            superuser=superuser,
            everywhere=self._everywhere(everywhere, roles, superuser),
            teams=standings,
            grants={kind: tuple(found) for kind, found in grants.items()},
            bound=tuple(sorted(bound & standings.keys())),
            until=min(ends, default=None),
        )

    @staticmethod
    def _everywhere(held: list[tuple[str, str]], roles: Roles, superuser: bool) -> Standing:
        if superuser:
            # Admin's permissions may be very many, and a superuser may do everything anyhow.
            return Standing(EVERYTHING, tuple(f"{name} ({via})" for name, via in held))
        found = [(role, via) for name, via in held if (role := roles(name)) is not None]
        return _standing(found, scoped=False)

    def _bindings_of(self, person: Person) -> Iterator[tuple[Binding, str | None, str, str]]:
        """Yield (binding, team, role, how) with templates filled in."""
        if person.username is None:
            return
        for binding in self._named.get(("user", person.username), ()):
            yield binding, binding.team, binding.role, f"user {person.username}"
        for group in sorted(person.groups):
            for binding in self._named.get(("group", group), ()):
                yield binding, binding.team, binding.role, f"group {group}"
            for pattern, binding in self._patterns:
                match = pattern.fullmatch(group)
                if match is None:
                    continue
                team, role = _fill_in(binding, {name: value or "" for name, value in match.groupdict().items()})
                yield binding, team, role, f"group {group}"

    def _names_a_place(self, team: str | None) -> bool:
        return team is None or team == EVERY_TEAM or team in self.team_names

    def _log_unknown(self, via: str, what: str) -> None:
        if (via, what) not in self._unknown:
            self._unknown.add((via, what))
            log.warning("Ignoring the binding of %s: there is no %s", via, what)

    @staticmethod
    def _reaches(grant: Grant, person: Person, teams: Mapping[str, Standing]) -> bool:
        if person.username is None:
            return False
        subject, _, name = grant.to.partition(":")
        if subject == "team":
            return name in teams
        if subject == "group":
            return name in person.groups
        if subject == "user":
            return name == person.username
        return grant.to == EVERYONE

    # What a person may do ------------------------------------------------------------------------

    def decide(self, principal: Principal, resource: Resource, action: Action | None, permits: Permits) -> Decision:
        """
        Decide about one resource.

        :param action: what a grant would have to give; None for what is the owner's alone
            (to create, to delete)
        :param permits: FAB's answer for what is held in one place
        """
        owner = resource.owner
        if principal.superuser:
            return _yes(Rule.SUPERUSER, lambda: f"{principal.who} holds a superuser role: {principal.everywhere}")
        if owner.disputed:
            return _no(Rule.DISPUTED, lambda: f"{resource} is disputed: {owner.because}")
        if owner.team is None:
            return self._decide_unowned(principal, resource, action, permits)
        standing = principal.teams.get(owner.team)
        if standing is not None and permits(standing):
            return _yes(
                Rule.TEAM_ROLE,
                lambda: f"{_belongs(resource)}, where {principal.who} holds {standing}",
            )
        if action is not None:
            for grant in principal.grants.get(resource.kind, ()):
                if (
                    action in grant.effective
                    and grant.owner == owner.team
                    and grant.resource.matches(resource.id)
                    and (grant.to_team is None or permits(principal.teams[grant.to_team]))
                ):
                    return _by_grant(resource, grant)
        return _no(
            Rule.OWNED_BY_OTHERS if standing is None else Rule.TEAM_ROLE_LACKS,
            lambda: (
                f"{_belongs(resource)}, where {principal.who} holds "
                f"{standing or 'no role'}, and no live grant permits it"
            ),
        )

    def _decide_unowned(
        self, principal: Principal, resource: Resource, action: Action | None, permits: Permits
    ) -> Decision:
        if _is_default_pool(resource, action) and principal.signed_in:
            return _yes(Rule.EVERYBODY, lambda: f"everybody may {action} {DEFAULT_POOL}")
        if self.policy.unowned_denied:
            return _no(Rule.UNOWNED_CLOSED, lambda: f"{resource} is unowned, and [team_rbac] unowned = deny")
        rule = Rule.GLOBAL_ROLE if permits(principal.everywhere) else Rule.UNOWNED
        return Decision(
            rule is Rule.GLOBAL_ROLE,
            rule,
            lambda: (
                f"{resource} is unowned ({resource.owner.because}), so global roles decide: "
                f"{principal.who} holds {principal.everywhere}"
            ),
        )

    def decide_any(self, principal: Principal, kind: Kind, action: Action | None, permits: Permits) -> bool:
        """Decide about a list: may they do it in any team, by any grant, or to what is unowned?"""
        if kind is Kind.POOL and action is Action.READ and principal.signed_in:
            return True  # there is always default_pool
        return self.decide_unnamed(principal, permits) or self.decide_in_any_team(principal, kind, action, permits)

    def decide_unnamed(self, principal: Principal, permits: Permits) -> bool:
        """Decide about something that Airflow does not name: it could be anybody's, so teams' roles do not do."""
        return principal.superuser or (not self.policy.unowned_denied and permits(principal.everywhere))

    @staticmethod
    def decide_in_any_team(principal: Principal, kind: Kind, action: Action | None, permits: Permits) -> bool:
        """As ``decide_any``, without what is unowned."""
        if any(permits(standing) for standing in _distinct(principal.teams.values())):
            return True
        return action is not None and any(
            action in grant.effective and (grant.to_team is None or permits(principal.teams[grant.to_team]))
            for grant in principal.grants.get(kind, ())
        )

    # What a task may do --------------------------------------------------------------------------

    def decide_task(self, dag: Resource, resource: Resource, action: Action | None, now: datetime) -> Decision:
        """
        Decide about a task of ``dag``, which acts as the team that owns the Dag.

        ``consume`` asks whether the Dag may be scheduled on the asset: *Asset events* in DESIGN section 3.
        """
        team, owner = dag.owner.team, resource.owner
        if dag.owner.disputed:
            return _no(Rule.DISPUTED, lambda: f"{dag} is disputed: {dag.owner.because}")
        if owner.disputed:
            return _no(Rule.DISPUTED, lambda: f"{resource} is disputed: {owner.because}")
        if owner.team is None:
            return self._decide_task_unowned(dag, resource, action)
        if owner.team == team:
            return _yes(Rule.OWN_TASK, lambda: f"{_belongs(resource)}, and so does {dag}")
        subjects = {EVERYONE, f"team:{team}" if team else "platform"}
        for grant in self.policy.grants:
            if (
                grant.to in subjects
                and action in grant.effective
                and grant.is_live(now)
                and grant.owner == owner.team
                and grant.resource.kind is resource.kind
                and grant.resource.matches(resource.id)
            ):
                return _by_grant(resource, grant)
        return _no(
            Rule.OWNED_BY_OTHERS,
            lambda: f"{_belongs(resource)}, and no live grant lets a task of {dag} (team {team or 'none'}) do it",
        )

    def _decide_task_unowned(self, dag: Resource, resource: Resource, action: Action | None) -> Decision:
        if dag.owner.team is None:
            return _yes(Rule.PLATFORM_TASK, lambda: f"{resource} is unowned, and so is {dag}")
        if _is_default_pool(resource, action):
            return _yes(Rule.EVERYBODY, lambda: f"everybody may {action} {DEFAULT_POOL}")
        if action is Action.CONSUME:
            return _yes(Rule.TASK_OF_UNOWNED, lambda: f"{resource} is unowned: any Dag may be scheduled on it")
        if self.policy.unowned_denied:
            return _no(Rule.UNOWNED_CLOSED, lambda: f"{resource} is unowned, and [team_rbac] unowned = deny")
        if action in (Action.READ, Action.USE) or (
            action is Action.TRIGGER and resource.kind in (Kind.ASSET, Kind.ALIAS)
        ):
            return _yes(
                Rule.TASK_OF_UNOWNED,
                lambda: f"{resource} is unowned: a task of team {dag.owner.team} may read and use it",
            )
        return _no(
            Rule.TASK_OF_UNOWNED,
            lambda: f"{resource} is unowned: a task of team {dag.owner.team} may read and use it, not more",
        )


def _fill_in(binding: Binding, named: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the team and the role of a binding by group_regex. Raises KeyError or ValueError for no template."""
    team = binding.team
    if team is not None and "{" in team:
        team = team.format_map(named)
        if team == EVERY_TEAM:  # only the policy may say `*`, never a group's name
            team = ""
    return team, binding.role.format_map(named)


def _standings(teams: Mapping[str, list[tuple[Role, str]]]) -> dict[str, Standing]:
    """Make the standings, one object for all teams where the same is held."""
    made: dict[tuple[tuple[str, str], ...], Standing] = {}
    found = {}
    for name, roles in teams.items():
        key = tuple((role.name, via) for role, via in roles)
        if key not in made:
            made[key] = _standing(roles, scoped=True)
        found[name] = made[key]
    return found


def _standing(roles: Iterable[tuple[Role, str]], *, scoped: bool) -> Standing:
    roles = list(roles)
    sets = [role.in_a_team if scoped else role.permissions for role, _ in roles]
    # One role's set is shared, not copied: a person then costs next to nothing in memory.
    perms = sets[0] if len(sets) == 1 else frozenset().union(*sets)
    return Standing(perms, tuple(f"{role.name} ({via})" for role, via in roles))


def _distinct(standings: Iterable[Standing]) -> Iterable[Standing]:
    return {id(standing): standing for standing in standings}.values()


def _is_default_pool(resource: Resource, action: Action | None) -> bool:
    return resource.kind is Kind.POOL and resource.id == DEFAULT_POOL and action in (Action.READ, Action.USE)


def _belongs(resource: Resource) -> str:
    return f"{resource} belongs to team {resource.owner.team} because {resource.owner.because}"


def _by_grant(resource: Resource, grant: Grant) -> Decision:
    return _yes(Rule.GRANT, lambda: f"{_belongs(resource)}, and by a grant {grant} ({grant.reason})")


def _yes(rule: Rule, explain: Callable[[], str]) -> Decision:
    return Decision(True, rule, explain)


def _no(rule: Rule, explain: Callable[[], str]) -> Decision:
    return Decision(False, rule, explain)
