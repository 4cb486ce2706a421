"""
Random policies, people, tasks and resources for Hypothesis.

All are drawn from few words, so that they meet: ids are made of prefixes and of what is adopted, exact or nearly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import combinations
from random import Random
from typing import TypeVar

from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator, Person, Principal, Resource
from airflow_team_rbac.auth_manager.policy.model import (
    ACTIONS,
    DEFAULT_POOL,
    Action,
    Binding,
    Decision,
    Grant,
    Kind,
    Policy,
    Reference,
    Team,
)
from hypothesis import strategies as st

from . import reference
from .roles import asks

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
TIMES = (NOON - TICK, NOON, NOON + TICK)
ENDS = (None, None, None, NOON - TICK, NOON, NOON + TICK, NOON + timedelta(hours=1))

# No prefix here begins one of another team. The letters of `skis` have look-alikes: ſ, ı, İ and the Kelvin sign.
TEAMS = {
    "sales": (("sales__", "SALES_EU.", "sales__x_"), ("s3://sales/",)),
    "finance": (("fin-", "finance__"), ("s3://finance/", "S3://Fin/")),
    "skis": (("skis__", "ki:"), ("file:///skis/",)),
    "gone": (("gone__", "lost."), ("s3://gone/",)),
    "bare": ((), ()),
}
ADOPTED = ("crm", "Kiss", "legacy_etl", "fin-adopted", "shop.orders")
TAILS = ("a", "b", "x_a", "", "*", "ſ")
LOOK_ALIKES = str.maketrans({"s": "ſ", "S": "ſ", "k": "\N{KELVIN SIGN}", "K": "\N{KELVIN SIGN}", "i": "ı", "I": "İ"})

names = st.sampled_from(sorted(TEAMS))
ends = st.sampled_from(ENDS)
kinds = st.sampled_from(Kind)
T = TypeVar("T")


def one_in(n: int) -> st.SearchStrategy[bool]:
    return st.integers(1, n).map(lambda drawn: drawn == n)


LISTED = [Reference(kind, word) for kind in Kind for word in (*ADOPTED, *map(str.upper, ADOPTED))]


@st.composite
def teams(draw: st.DrawFn) -> tuple[Team, ...]:
    made = []
    # Two teams never list the same. In two letter cases they may: the file refuses it, and a stored policy may have it.
    listed = draw(st.lists(st.sampled_from(LISTED), max_size=8, unique=True))
    for at, (name, (prefixes, uris)) in enumerate(TEAMS.items()):
        if draw(one_in(10)):
            continue
        made.append(
            Team(
                name,
                prefixes=prefixes[: draw(st.sampled_from((0, 1, 1, 2, 3, 3)))],
                asset_uris=uris[: draw(st.integers(0, 2))],
                resources=tuple(listed[at :: len(TEAMS)]),
                exists=name != "gone" or draw(st.booleans()),
            )
        )
    return tuple(made)


BINDING_SUBJECTS = (
    ("group", "sales-dev"),
    ("group", "ops"),
    ("group", "af-sales-op"),
    ("user", "ann"),
    ("user", "bob"),
)
REGEXES = (
    r"af-(?P<team>[a-z*]+)-(?P<role>[a-z]+)",
    r"af-(?P<team>\w+)?(-(?P<role>viewer|op))?.*",
    r"(?P<role>Op|ops)|(?P<team>sales)-dev",
)
TEMPLATES = (
    ("{team}", "{role}"),
    ("{team}", "Op"),
    ("sales", "{role}"),
    ("*", "{role}"),
    (None, "{role}"),
    ("{team}*", "Viewer"),
    ("{role}{team}", "User"),
)
GROUPS = ("sales-dev", "ops", "af-sales-op", "af-finance-viewer", "af-*-op", "af-gone-op", "af-sales-ghost", "Op")
ROLE_NAMES = ("Viewer", "User", "Op", "op", "VIEWER", "Editor", "Starter", "PerDag", "Nothing", "ghost")
PLACES = ("sales", "sales", "finance", "skis", "bare", "gone", "*", None)
BINDINGS = [
    *(Binding(*who, role, place) for who in BINDING_SUBJECTS for role in ROLE_NAMES for place in PLACES),
    *(Binding("group_regex", regex, role, team) for regex in REGEXES for team, role in TEMPLATES for _ in range(8)),
    # A superuser is asked nothing more, so there are few.
    *(Binding(*who, "Admin", place) for who in BINDING_SUBJECTS for place in (None, "sales", "finance", "*")),
]
bindings = st.builds(lambda binding, end: replace(binding, expires=end), st.sampled_from(BINDINGS), ends)

GROUPS_AND_USERS = ("group:sales-dev", "group:af-sales-op", "user:ann", "user:bob")
SUBJECTS = (*(f"team:{name}" for name in TEAMS), *GROUPS_AND_USERS, "platform", "platform", "*", "*")


def words(known: tuple[Team, ...]) -> list[str]:
    """Ids that the teams own, and a few of nobody."""
    owned = [prefix + tail for team in known for prefix in team.prefixes for tail in TAILS]
    return owned + [listed.id for team in known for listed in team.resources] + ["zzz__a", "crm", DEFAULT_POOL]


HOWS = (
    str.upper,
    lambda text: text.translate(LOOK_ALIKES),
    lambda text: text[:2] + text[2:].swapcase(),
    lambda text: text[:1].translate(LOOK_ALIKES) + text[1:],
    lambda text: text[:5] + "_" + text[5:],
    lambda text: text.replace("_", "-", 1),
    lambda text: "." + text,
    lambda text: text[1:],
    lambda text: text[:5],
)


ABILITIES = [
    (kind, frozenset(actions)) for kind in Kind for count in (1, 2, 3) for actions in combinations(ACTIONS[kind], count)
]
PATTERNS = (
    *(str,) * 3,
    lambda text: text[:7] + "*",
    lambda text: text[:2] + "*",
    lambda text: text.replace("_", "*", 1) + "*",
    lambda text: "*",
)


@st.composite
def grants(draw: st.DrawFn, known: tuple[Team, ...]) -> Grant:
    kind, actions = draw(st.sampled_from(ABILITIES))
    word = draw(st.sampled_from(PATTERNS))(draw(st.sampled_from(words(known))))
    named = draw(st.sampled_from((None,) * 8 + tuple(TEAMS)))
    resource = Reference(kind, word)
    owner = owner_by_head(known, resource)
    named = named or (None if owner else "sales")
    return Grant(
        draw(st.sampled_from(SUBJECTS)), resource, actions, named or owner or "", "a reason", draw(ends), named
    )


def a_grant(
    to: str,
    resource: Reference,
    actions: frozenset[Action],
    known: tuple[Team, ...],
    named: str | None,
    end: datetime | None,
) -> Grant:
    """Make a grant with its owner: who owns what its id begins with, else whoever is named."""
    owner = owner_by_head(known, resource)
    if owner is None:
        named = named or "sales"
    return Grant(to, resource, actions, named or owner or "", "a reason", end, named)


def owner_by_head(known: tuple[Team, ...], resource: Reference) -> str | None:
    """Return the team that *Who may do what*, rule 4, means: by what stands before any ``*``."""
    known = tuple(replace(team, exists=True) for team in known)
    if "*" in resource.id:
        beginnings = [(team.name, prefix) for team in known for prefix in team.prefixes]
        owner = reference.owner_by_beginning(resource.id.partition("*")[0], beginnings)
    else:
        owner = reference.owner_of(known, resource.kind, resource.id)
    return None if owner in (reference.UNOWNED, reference.DISPUTED) else owner


def some(rows: st.SearchStrategy[T]) -> st.SearchStrategy[list[T]]:
    return st.one_of(st.lists(rows, min_size=2, max_size=6), st.lists(rows, max_size=2))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    known = draw(teams())
    return Policy(
        known,
        tuple(draw(some(bindings))),
        tuple(draw(some(grants(known)))),
        superuser_roles=draw(st.sampled_from((frozenset({"Admin"}), frozenset({"ADMIN", "Root"}), frozenset()))),
        unowned_denied=draw(st.booleans()),
    )


FAB_ROLES = ((), (), (), ("Viewer",), ("op",), ("PerDag", "ghost"), ("Editor", "Starter"), ("Viewer",), ("Admin",))
PEOPLE = [
    Person(username, frozenset(groups), fab_roles)
    for username in ("ann", "ann", "ann", "bob", "bob", "", None)
    for count in range(4)
    for groups in combinations(GROUPS, count)
    for fab_roles in FAB_ROLES
]


@dataclass(frozen=True)
class Question:
    """A resource, what Airflow says of it, and an action; no action is: to delete it."""

    reference: Reference
    native: str | None = None
    uri: str | None = None
    action: Action | None = None

    def resource(self, evaluator: Evaluator) -> Resource:
        kind, name = self.reference.kind, self.reference.id
        return Resource(kind, name, evaluator.ownership.owner(kind, name, self.native, self.uri))

    def owner(self, policy: Policy) -> str:
        """The owner as the reference knows it."""
        return reference.owner_of(policy.teams, self.reference.kind, self.reference.id, self.native, self.uri)


ABOUT = [(kind, action) for kind in Kind for action in (*ACTIONS[kind], *ACTIONS[kind], None)]
NATIVE = (None,) * 15 + ("sales", "gone", "unheard-of")


def question(policy: Policy, chance: Random, kind: Kind | None = None) -> Question:
    """Make a question about what a grant names, or something that a team owns or nearly owns."""
    native = chance.choice(NATIVE)
    if kind is None and policy.grants and chance.random() < 0.6:
        grant = chance.choice(policy.grants)
        name = grant.resource.id.replace("*", chance.choice(("", "a", "_x")))
        action = chance.choice((*sorted(grant.effective), *sorted(grant.actions), *ACTIONS[grant.resource.kind], None))
        return Question(Reference(grant.resource.kind, name), native, None, action)
    chosen, action = (kind, None) if kind else chance.choice(ABOUT)
    if chosen is Kind.POOL and chance.random() < 0.3:
        return Question(Reference(Kind.POOL, DEFAULT_POOL), native, None, action)
    name = nearly(chance.choice(words(policy.teams)), chance)
    uri = None
    if chosen is Kind.ASSET:
        beginnings = [uri for team in policy.teams for uri in team.asset_uris] or ["s3://nobody/"]
        uri = chance.choice((None, "", *(nearly(start + "a", chance) for start in beginnings)))
    return Question(Reference(chosen, name), native, uri, action)


def nearly(text: str, chance: Random) -> str:
    return chance.choice(HOWS)(text) if chance.random() < 0.3 else text


@dataclass(frozen=True)
class World:
    """
    A policy at a time, and who asks what under it.

    Only the policy is drawn piece by piece, and so made smaller when a law does not hold. Drawing costs far more
    than asking, so many ask much under each, chosen by ``seed``.
    """

    policy: Policy
    now: datetime
    seed: int

    @cached_property
    def people(self) -> list[Person]:
        return Random(self.seed).sample(PEOPLE, 6)

    @cached_property
    def dags(self) -> list[Question]:
        chance = Random(self.seed + 1)
        return [question(self.policy, chance, Kind.DAG) for _ in range(6)]

    @cached_property
    def questions(self) -> list[Question]:
        chance = Random(self.seed + 2)
        return [question(self.policy, chance) for _ in range(20)]


worlds = st.builds(World, policies(), st.sampled_from(TIMES), st.integers(0, 1 << 16))


def decide(evaluator: Evaluator, principal: Principal, question: Question) -> Decision:
    resource = question.resource(evaluator)
    return evaluator.decide(principal, resource, question.action, asks(resource, question.action))


def decide_task(evaluator: Evaluator, dag: Question, question: Question, now: datetime) -> Decision:
    return evaluator.decide_task(dag.resource(evaluator), question.resource(evaluator), question.action, now)
