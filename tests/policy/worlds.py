"""
Random policies, people, tasks and resources for Hypothesis.

All are drawn from few words, so that they meet: ids are made of prefixes and of what is adopted, exact or nearly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator, Person, Principal, Resource
from airflow_team_rbac.auth_manager.policy.model import (
    ACTIONS,
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
from .roles import ROLES, asks, find_role

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
TIMES = (NOON - TICK, NOON, NOON + TICK)
ENDS = (None, None, None, NOON - TICK, NOON, NOON + TICK, NOON + timedelta(hours=1))

# No prefix here begins one of another team. Those of `skis` have the letters that have look-alikes: ſ, K, ı, İ.
TEAMS = {
    "sales": (("sales__", "SALES_EU.", "sales__x_"), ("s3://sales/",)),
    "finance": (("fin-", "finance__"), ("s3://finance/", "S3://Fin/")),
    "skis": (("skis__", "ki:"), ("file:///skis/",)),
    "gone": (("gone__", "lost."), ("s3://gone/",)),
    "bare": ((), ()),
}
ADOPTED = ("crm", "Kiss", "legacy_etl", "fin-adopted", "shop.orders")
TAILS = ("a", "b", "x_a", "", "*", "ſ")
LOOK_ALIKES = str.maketrans({"s": "ſ", "k": "K", "i": "ı", "S": "ſ", "K": "K", "I": "İ"})

names = st.sampled_from(sorted(TEAMS))
ends = st.sampled_from(ENDS)
kinds = st.sampled_from(Kind)


def one_in(n: int) -> st.SearchStrategy[bool]:
    return st.integers(1, n).map(lambda drawn: drawn == n)


@st.composite
def teams(draw: st.DrawFn) -> tuple[Team, ...]:
    made, taken = [], set()
    for name, (prefixes, uris) in TEAMS.items():
        if draw(one_in(6)):
            continue
        resources = []
        for word in draw(st.lists(st.sampled_from(ADOPTED), max_size=2, unique=True)):
            reference_ = Reference(draw(kinds), draw(st.sampled_from((word, word, word.upper()))))
            if reference_ not in taken:  # two teams never list the same
                resources.append(reference_)
                taken.add(reference_)
        made.append(
            Team(
                name,
                prefixes=prefixes[: draw(st.integers(0 if draw(one_in(5)) else 1, 3))],
                asset_uris=uris[: draw(st.integers(0, 2))],
                resources=tuple(resources),
                exists=name != "gone" or draw(one_in(3)),
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
GROUPS = ("sales-dev", "ops", "af-sales-op", "af-finance-viewer", "af-*-op", "af-gone-op", "af-sales-ghost", "af-", "Op")
role_names = st.sampled_from((*ROLES, "op", "VIEWER", "Op", "Viewer", "ghost"))


@st.composite
def bindings(draw: st.DrawFn) -> Binding:
    if draw(one_in(4)):
        team, role = draw(st.sampled_from(TEMPLATES))
        return Binding("group_regex", draw(st.sampled_from(REGEXES)), role, team, draw(ends))
    kind, subject = draw(st.sampled_from(BINDING_SUBJECTS))
    role = draw(role_names)
    place = draw(st.sampled_from(("sales", "sales", "finance", "skis", "bare", "gone", "*", None)))
    if role == "Admin" and place is None and not draw(one_in(4)):
        place = "finance"  # a superuser is asked nothing more, so there are few
    return Binding(kind, subject, role, place, draw(ends))


SUBJECTS = (
    "team:sales",
    "team:finance",
    "team:skis",
    "team:bare",
    "team:gone",
    "group:sales-dev",
    "group:af-sales-op",
    "user:ann",
    "user:bob",
    "platform",
    "*",
)


def words(known: tuple[Team, ...]) -> st.SearchStrategy[str]:
    """Ids that the teams own, nearly own, or do not."""
    starts = [prefix for team in known for prefix in team.prefixes] + ["zzz__"]
    adopted = [listed.id for team in known for listed in team.resources] + list(ADOPTED[:2])
    exact = st.one_of(
        st.builds(str.__add__, st.sampled_from(starts), st.sampled_from(TAILS)),
        st.sampled_from(adopted),
    )
    return st.one_of(exact, exact, exact, nearly(exact), st.just("default_pool"))


@st.composite
def nearly(draw: st.DrawFn, exact: st.SearchStrategy[str]) -> str:
    text = draw(exact)
    how = draw(st.integers(0, 6))
    at = draw(st.integers(0, len(text)))
    return (
        text.upper(),
        text.translate(LOOK_ALIKES),
        text[:at] + text[at:].swapcase(),
        text[:at].translate(LOOK_ALIKES) + text[at:],
        text[:at] + draw(st.sampled_from("_-.:/")) + text[at:],
        text[1:],
        text[:at],
    )[how]


@st.composite
def grants(draw: st.DrawFn, known: tuple[Team, ...]) -> Grant:
    kind = draw(kinds)
    word = draw(words(known))
    how = draw(st.integers(0, 5))
    if how == 0:
        word = word[: draw(st.integers(0, len(word)))] + "*"
    elif how == 1:
        word = word.replace("_", "*", 1) + "*"
    elif how == 2:
        word = "*"
    actions = draw(st.sets(st.sampled_from(ACTIONS[kind]), min_size=1))
    named = draw(st.sampled_from((None, None, None, *TEAMS)))
    return a_grant(draw(st.sampled_from(SUBJECTS)), Reference(kind, word), actions, known, named, draw(ends))


def a_grant(
    to: str, resource: Reference, actions: set[Action], known: tuple[Team, ...], named: str | None, end: datetime | None
) -> Grant:
    """Make a grant with its owner: who owns what its id begins with, else whoever is named."""
    owner = owner_by_head(known, resource)
    if owner is None:
        named = named or "sales"
    return Grant(to, resource, frozenset(actions), named or owner or "", "a reason", end, named)


def owner_by_head(known: tuple[Team, ...], resource: Reference) -> str | None:
    """Return the team that *Who may do what*, rule 4, means: by what stands before any ``*``."""
    known = tuple(replace(team, exists=True) for team in known)
    if "*" in resource.id:
        beginnings = [(team.name, prefix) for team in known for prefix in team.prefixes]
        owner = reference.owner_by_beginning(resource.id.partition("*")[0], beginnings)
    else:
        owner = reference.owner_of(known, resource.kind, resource.id)
    return None if owner in (reference.UNOWNED, reference.DISPUTED) else owner


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    known = draw(teams())
    return Policy(
        known,
        tuple(draw(st.lists(bindings(), max_size=5))),
        tuple(draw(st.lists(grants(known), max_size=4))),
        superuser_roles=draw(st.sampled_from((frozenset({"Admin"}), frozenset({"ADMIN", "Root"}), frozenset()))),
        unowned_denied=draw(st.booleans()),
    )


people = st.builds(
    Person,
    st.sampled_from(("ann", "ann", "ann", "bob", "bob", "", None)),
    st.frozensets(st.sampled_from(GROUPS), max_size=3),
    st.sampled_from(((), (), (), ("Viewer",), ("op",), ("PerDag", "ghost"), ("Editor", "Starter"), ("Admin",))),
)


@dataclass(frozen=True)
class Asked:
    """A resource, and what Airflow says of it."""

    reference: Reference
    native: str | None
    uri: str | None
    action: Action | None

    def resource(self, evaluator: Evaluator) -> Resource:
        kind, name = self.reference.kind, self.reference.id
        return Resource(kind, name, evaluator.ownership.owner(kind, name, self.native, self.uri))

    def owner(self, policy: Policy) -> str:
        """The owner as the reference knows it."""
        return reference.owner_of(policy.teams, self.reference.kind, self.reference.id, self.native, self.uri)


@st.composite
def asked(draw: st.DrawFn, policy: Policy, kind: Kind | None = None) -> Asked:
    native = draw(st.sampled_from((None,) * 9 + ("sales", "gone", "unheard-of")))
    if kind is None and policy.grants and draw(st.booleans()):  # what a grant names
        grant = draw(st.sampled_from(policy.grants))
        found = Reference(grant.resource.kind, grant.resource.id.replace("*", draw(st.sampled_from(("", "a", "_x")))))
        action = draw(st.sampled_from((*sorted(grant.effective), *sorted(grant.actions), None)))
        return Asked(found, None if draw(one_in(2)) else native, None, action)
    kind = kind or draw(kinds)
    uri = None
    if kind is Kind.ASSET and draw(st.booleans()):
        starts = [uri for team in policy.teams for uri in team.asset_uris] or ["s3://nobody/"]
        exact = st.builds(str.__add__, st.sampled_from(starts), st.sampled_from(TAILS))
        uri = draw(st.one_of(exact, exact, exact, nearly(exact), st.just("")))
    action = draw(st.sampled_from((*ACTIONS[kind], None)))
    return Asked(Reference(kind, draw(words(policy.teams))), native, uri, action)


@dataclass(frozen=True)
class World:
    """Everything that a decision needs."""

    policy: Policy
    person: Person
    dag: Asked
    asked: Asked
    now: datetime

    def principal(self, evaluator: Evaluator | None = None, now: datetime | None = None) -> Principal:
        return (evaluator or Evaluator(self.policy)).principal(self.person, find_role, now or self.now)

    def for_person(self, policy: Policy | None = None) -> Decision:
        evaluator = Evaluator(policy or self.policy)
        resource = self.asked.resource(evaluator)
        action = self.asked.action
        return evaluator.decide(self.principal(evaluator), resource, action, asks(resource, action))

    def for_task(self, policy: Policy | None = None) -> Decision:
        evaluator = Evaluator(policy or self.policy)
        dag, resource = self.dag.resource(evaluator), self.asked.resource(evaluator)
        return evaluator.decide_task(dag, resource, self.asked.action, self.now)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    policy = draw(policies())
    return World(
        policy, draw(people), draw(asked(policy, Kind.DAG)), draw(asked(policy)), draw(st.sampled_from(TIMES))
    )
