"""The words of the policy (DESIGN section 2) as frozen objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

EVERY_TEAM = "*"
"""As a binding's team: every team, those made later too."""

EVERYONE = "*"
"""As a grant's subject: every signed-in person, never the anonymous user."""

DEFAULT_POOL = "default_pool"
"""Airflow's own pool, which everybody may always read and use (DESIGN section 3, rule 2)."""

PER_DAG_RESOURCES = ("DAG:", "DAG Run:")
"""What FAB's per-Dag resource names begin with; left out of what is held in a team (rule 3)."""

Permissions = frozenset[tuple[str, str]]
"""FAB's pairs of action and resource, as in ``("can_read", "Connections")``."""


class _Everything(frozenset[tuple[str, str]]):
    def __contains__(self, pair: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


EVERYTHING: Permissions = _Everything()
"""What a superuser holds. It has every permission and lists none."""


class Kind(StrEnum):
    """What can be owned."""

    DAG = "dag"
    CONNECTION = "connection"
    VARIABLE = "variable"
    POOL = "pool"
    ASSET = "asset"
    ALIAS = "alias"


class Action(StrEnum):
    """What a grant can give. Create and delete are not here: they are the owner's alone."""

    READ = "read"
    RUN = "run"
    EDIT = "edit"
    USE = "use"
    TRIGGER = "trigger"
    CONSUME = "consume"


ACTIONS: dict[Kind, tuple[Action, ...]] = {
    Kind.DAG: (Action.READ, Action.RUN, Action.EDIT),
    Kind.CONNECTION: (Action.READ, Action.EDIT, Action.USE),
    Kind.VARIABLE: (Action.READ, Action.EDIT, Action.USE),
    Kind.POOL: (Action.READ, Action.EDIT, Action.USE),
    Kind.ASSET: (Action.READ, Action.TRIGGER, Action.CONSUME),
    Kind.ALIAS: (Action.READ, Action.TRIGGER, Action.CONSUME),
}
"""The table *Actions* of DESIGN section 3."""

INCLUDE_READ = frozenset({Action.RUN, Action.EDIT, Action.TRIGGER})


def widen(actions: frozenset[Action]) -> frozenset[Action]:
    """Return the actions with ``read`` added where one of them includes it."""
    return actions | {Action.READ} if actions & INCLUDE_READ else actions


def fold(text: str) -> str:
    """
    Return the text as a reader that ignores letter case sees it.

    Upper-casing first matters: the environment-variable secrets backend upper-cases the ids it is
    asked for, and ``ſ`` or ``ı`` become plain ``S`` and ``I`` only that way.
    """
    return text.lower() if text.isascii() else text.upper().casefold()


@dataclass(frozen=True)
class Reference:
    """A resource, or a pattern of resources: ``connection:sales__dwh``, ``dag:sales__*``."""

    kind: Kind
    id: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read ``kind:id``. Raises ValueError, which says what to write."""
        kind, colon, name = text.partition(":")
        if not colon or not name:
            raise ValueError(f"{text!r} is not of the form kind:id; write for example 'connection:sales__dwh'")
        try:
            return cls(Kind(kind), name)
        except ValueError:
            known = ", ".join(Kind)
            raise ValueError(f"{kind!r} is not a kind of resource; the kinds are {known}") from None

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def is_pattern(self) -> bool:
        """Whether the id holds a ``*``, which matches any text within an id."""
        return "*" in self.id

    @property
    def head(self) -> str:
        """The id before its first ``*``."""
        return self.id.partition("*")[0]

    @cached_property
    def _parts(self) -> list[str]:
        return self.id.split("*")

    def matches(self, resource_id: str) -> bool:
        """Whether the id is this one, or one of this pattern. Letter case counts."""
        if not self.is_pattern:
            return self.id == resource_id
        first, *middle, last = self._parts
        if len(resource_id) < len(first) + len(last) or not resource_id.startswith(first):
            return False
        # The leftmost place will do for each part in turn, so nothing is tried twice: no pattern takes for ever.
        place, end = len(first), len(resource_id) - len(last)
        for part in middle:
            place = resource_id.find(part, place, end)
            if place < 0:
                return False
            place += len(part)
        return resource_id.endswith(last)


@dataclass(frozen=True)
class Team:
    """A team and what is its own."""

    name: str
    description: str = ""
    prefixes: tuple[str, ...] = ()
    asset_uris: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    resources: tuple[Reference, ...] = ()
    managed_by: str = field(default="file", compare=False)
    exists: bool = field(default=True, compare=False)
    """Whether Airflow's ``team`` table has it. One deleted behind our back leaves its prefixes disputed."""


@dataclass(frozen=True)
class Origin:
    """Where a row came from."""

    id: int | None = None
    managed_by: str = "file"
    created_by: str = ""


@dataclass(frozen=True)
class Binding:
    """Who holds a role, and where."""

    subject_kind: str
    """``group``, ``group_regex`` or ``user``."""
    subject: str
    role: str
    team: str | None
    """A team's name, ``*``, a template such as ``{team}``; None is the deployment."""
    expires: datetime | None = None
    reason: str = ""
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def place(self) -> str:
        """The team, ``every team`` or ``the deployment``, for people."""
        if self.team is None:
            return "the deployment"
        return "every team" if self.team == EVERY_TEAM else f"team {self.team}"

    @property
    def key(self) -> tuple[str, str, str | None, str]:
        """What makes two rows the same binding."""
        return (self.subject_kind, self.subject, self.team, self.role)

    def is_live(self, now: datetime) -> bool:
        """Whether it holds at ``now``: before ``expires``, not at it."""
        return self.expires is None or now < self.expires

    def __str__(self) -> str:
        ends = f" until {self.expires.isoformat()}" if self.expires else ""
        return f"{self.subject_kind} {self.subject} holds {self.role} in {self.place}{ends}"


@dataclass(frozen=True)
class Grant:
    """What one team's resource lets others do with it."""

    to: str
    """``team:t``, ``group:g``, ``user:u``, ``platform`` or ``*``."""
    resource: Reference
    actions: frozenset[Action]
    owner: str
    """The one team whose resources it reaches."""
    reason: str
    expires: datetime | None = None
    team: str | None = None
    """The owner where the file names it."""
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What makes two rows the same grant."""
        return (self.to, str(self.resource), self.team)

    @cached_property
    def effective(self) -> frozenset[Action]:
        """The actions and what they include."""
        return widen(self.actions)

    @property
    def to_team(self) -> str | None:
        """The team that it is given to, if it is given to one."""
        return self.to[len("team:") :] if self.to.startswith("team:") else None

    def is_live(self, now: datetime) -> bool:
        """Whether it holds at ``now``: before ``expires``, not at it."""
        return self.expires is None or now < self.expires

    def __str__(self) -> str:
        ends = f" until {self.expires.isoformat()}" if self.expires else ""
        return f"{self.to} may {', '.join(sorted(self.actions))} {self.resource} of {self.owner}{ends}"


@dataclass(frozen=True)
class Role:
    """A FAB role."""

    name: str
    permissions: Permissions

    @cached_property
    def in_a_team(self) -> Permissions:
        """What the role gives in a team: its permissions without the per-Dag ones (rule 3)."""
        return frozenset(pair for pair in self.permissions if not pair[1].startswith(PER_DAG_RESOURCES))


@dataclass(frozen=True)
class Policy:
    """Everything that is written down, and the two settings that the rules need."""

    teams: tuple[Team, ...] = ()
    bindings: tuple[Binding, ...] = ()
    grants: tuple[Grant, ...] = ()
    superuser_roles: frozenset[str] = frozenset({"Admin"})
    unowned_denied: bool = False
    """``[team_rbac] unowned = deny``."""


class Rule(StrEnum):
    """The rule that decided. Its value is what ``why`` prints and what the audit log keeps."""

    SUPERUSER = "superuser"
    TEAM_ROLE = "team-role"
    GRANT = "grant"
    GLOBAL_ROLE = "global-role"
    EVERYBODY = "everybody"
    OWN_TASK = "own-task"
    TASK_OF_UNOWNED = "unowned-for-tasks"
    PLATFORM_TASK = "platform-task"
    DISPUTED = "disputed"
    UNOWNED = "unowned"
    UNOWNED_CLOSED = "unowned-closed"
    OWNED_BY_OTHERS = "owned-by-others"
    TEAM_ROLE_LACKS = "team-role-lacks-it"


@dataclass(frozen=True)
class Decision:
    """An answer with its rule. True where allowed, so that it can stand in an ``if``."""

    allowed: bool
    rule: Rule
    explain: Callable[[], str] = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def reason(self) -> str:
        """One sentence for a person."""
        return self.explain()
