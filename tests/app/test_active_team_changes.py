"""The active team while people, teams and grants change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.fab.auth_manager.models import Role as FabRole
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.policy import document
from airflow_team_rbac.auth_manager.policy.model import (
    ACTIONS,
    Action,
    Binding,
    Grant,
    Kind,
    Policy,
    Reference,
    Role,
    Team,
)
from airflow_team_rbac.auth_manager.store import changes, people
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from .. import world as tests_world
from ..policy import reference
from ..world import World
from .conftest import make_company
from .windows import LISTS, Window


@pytest.fixture
def world(client):
    world = World()
    yield world
    world.clear()


def test_who_sees_one_teams_things_only(client, world):
    world.apply('[teams.sales]\n[teams.people]\n[[bindings]]\nuser = "sal"\nteam = "sales"\nrole = "Op"')
    window = Window(client, world.person("sal"))
    assert (window.me()["teams"], window.me()["sees_more"]) == (["sales"], False)
    nobody = Window(client, world.person("nob", groups=["marketing"]))
    assert (nobody.me()["teams"], nobody.me()["sees_more"], nobody.me()["groups"]) == ([], False, ["marketing"])


def test_a_lost_membership_is_a_lost_view(client, world):
    company = make_company(client, world)
    noor = Window(client, company.people["noor"])
    noor.switch("finance")
    assert noor.listed("dag") == {"finance__etl", "sales__shared_close"}
    world.regroup(company.people["noor"], ["sales-op"])
    assert noor.me()["active_team"] is None
    assert "sales__etl" in noor.listed("dag")
    assert noor.starts_in() is None
    world.regroup(company.people["noor"], ["sales-op", "finance-op"])
    assert noor.me()["active_team"] == "finance"


# Switching never widens ---------------------------------------------------------------------------------------------

TEAMS = ("alpha", "beta", "gamma")
OWNERS = (*TEAMS, None)
ROLES = ("Viewer", "Op")
WHO = ("ann", "bob")
GROUPS = {f"{team}-{role}": (team, role) for team in TEAMS for role in ROLES} | {
    "every-Viewer": ("*", "Viewer"),
    "deployment-Op": (None, "Op"),
    "admins": (None, "Admin"),
}
BINDINGS = tuple(Binding("group", name, role, team) for name, (team, role) in GROUPS.items())
SUBJECTS = [*(f"team:{team}" for team in TEAMS), *(f"user:{name}" for name in WHO), "group:alpha-Viewer", "*"]
BEGINNING = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
LAPSE = timedelta(hours=24)


def name_of(owner: str | None) -> str:
    return f"{owner}__thing" if owner else "thing"


@pytest.fixture
def things(world):
    """One of each kind in each team and one that nobody owns; the numbers of assets and aliases by name."""
    numbers = {}
    for name in map(name_of, OWNERS):
        world.dag(name)
        world.connection(name)
        world.variable(name)
        world.pool(name)
        numbers[Kind.ASSET, name] = world.asset(name)
        numbers[Kind.ALIAS, name] = world.alias(name)
    return numbers


@pytest.fixture
def clock(monkeypatch):
    """The time of all that holds a time against another, but the tokens' own."""

    class Clock:
        now = BEGINNING

    for module in (people, changes, tests_world):
        monkeypatch.setattr(module, "utcnow", lambda: Clock.now)
    return Clock


def fabs_roles() -> dict[str, Role]:
    with create_session() as session:
        return {
            role.name: Role(role.name, frozenset((one.action.name, one.resource.name) for one in role.permissions))
            for role in session.scalars(select(FabRole)).unique()
        }


def test_switching_never_widens(client, world, things, clock):
    """Every list and every thing by name, against tests/policy/reference.py."""
    ids, roles = {name: world.person(name, groups=[]) for name in WHO}, fabs_roles()

    class Switching(RuleBasedStateMachine):
        """Two people, what they are given and what they choose."""

        @initialize(places=st.tuples(*(st.tuples(st.sampled_from(TEAMS), st.sampled_from(ROLES)) for _ in WHO)))
        def begin(self, places):
            self.groups = {name: frozenset({f"{team}-{role}"}) for name, (team, role) in zip(WHO, places, strict=True)}
            self.told = {}
            self.grants = {}
            self.write()
            for name in WHO:
                self.tell(name)
            self.windows = {name: Window(client, ids[name]) for name in WHO}
            self.chosen = {}
            for name, (team, _) in zip(WHO, places, strict=True):
                self.switch(name, team)
            self.asked = 0

        # What happens ----------------------------------------------------------------------------

        @rule(name=st.sampled_from(WHO), groups=st.frozensets(st.sampled_from(sorted(GROUPS)), max_size=3))
        def regroup(self, name, groups):
            self.groups[name] = groups
            self.tell(name)

        @rule(
            to=st.sampled_from(SUBJECTS),
            kind=st.sampled_from(Kind),
            owner=st.sampled_from(TEAMS),
            data=st.data(),
            hours=st.none() | st.integers(1, 3),
        )
        def grant(self, to, kind, owner, data, hours):
            if to == f"team:{owner}":
                return  # their own
            actions = data.draw(st.frozensets(st.sampled_from(ACTIONS[kind]), min_size=1))
            expires = None if hours is None else clock.now + timedelta(hours=hours)
            grant = Grant(to, Reference(kind, name_of(owner)), actions, owner, "a reason", expires)
            self.grants[grant.key] = grant
            self.write()

        @precondition(lambda self: self.grants)
        @rule(data=st.data())
        def revoke(self, data):
            del self.grants[data.draw(st.sampled_from(sorted(self.grants, key=str)))]
            self.write()

        @rule(minutes=st.sampled_from([59, 60, 61, 24 * 60]))
        def time_passes(self, minutes):
            clock.now += timedelta(minutes=minutes)

        @rule(name=st.sampled_from(WHO), team=st.sampled_from([None, *TEAMS]))
        def switch(self, name, team):
            status = self.windows[name].switch(team).status_code
            if self.has_lapsed(name):
                assert status == 401
                return
            assert status == (200 if team is None or self.may_work_in(name, team) else 400)
            if status == 200:
                self.chosen[name] = team

        @rule(name=st.sampled_from(WHO))
        def sign_in(self, name):
            self.tell(name)
            self.windows[name] = Window(client, ids[name], self.windows[name].starts_in())
            self.chosen[name] = self.windows[name].claims.get("team")
            assert self.chosen[name] is None or self.may_work_in(name, self.chosen[name])

        def tell(self, name):
            """What a sign-in does; no two of them are at the same time."""
            clock.now += timedelta(microseconds=1)
            self.told[name] = clock.now
            world.regroup(ids[name], self.groups[name])

        def write(self):
            """Apply what there is as a file, grants that are over aside, which a file may not hold."""
            self.grants = {key: grant for key, grant in self.grants.items() if grant.is_live(clock.now)}
            world.apply(document.render(self.policy).replace("version = 1", ""))

        # What is expected ------------------------------------------------------------------------

        @property
        def policy(self):
            teams = tuple(Team(name, prefixes=(f"{name}__",)) for name in TEAMS)
            return Policy(teams, BINDINGS, tuple(self.grants.values()))

        def someone(self, name):
            return reference.Someone(self.policy, roles, name, self.groups[name], (), clock.now)

        def has_lapsed(self, name):
            return clock.now >= self.told[name] + LAPSE

        def may_work_in(self, name, team):
            someone = self.someone(name)
            return someone.is_superuser() or someone.is_member_of(team)

        def concerns(self, someone, team, what, owner):
            """Whether a thing is of a team that somebody works in: *View* in DESIGN section 3."""
            return owner == team or any(
                grant.to == f"team:{team}"
                and reference.reaches(grant, what, owner, Action.READ, clock.now)
                and (
                    someone.is_superuser()
                    or reference.permitted(someone.perms_in(team), what.kind, Action.READ, what.id)
                )
                for grant in self.grants.values()
            )

        @invariant()
        def answers_are_those_of_the_rules(self):
            for name, window in self.windows.items():
                if self.has_lapsed(name):
                    assert window("GET", "/api/v2/dags").status_code == 401
                    continue
                someone, team = self.someone(name), self.chosen[name]
                if team is not None and not self.may_work_in(name, team):
                    team = None
                self.asked += 1
                for kind in Kind:
                    may = {}
                    for owner in OWNERS:
                        what = Reference(kind, name_of(owner))
                        owned_by = reference.owner_of(self.policy.teams, kind, what.id)
                        may[what.id] = someone.decide(what, owned_by, Action.READ)[0]
                        if team is not None and not self.concerns(someone, team, what, owned_by):
                            may[what.id], named = False, may[what.id]
                        else:
                            named = may[what.id]
                        if OWNERS[self.asked % len(OWNERS)] == owner:  # by name: as in all teams
                            status = window("GET", path_of(kind, what.id, things)).status_code
                            assert (status == 200) is named, (name, team, what, status)
                    listed = self.listed(window, kind)
                    assert listed == {thing for thing, shown in may.items() if shown}, (name, team, kind)

        @staticmethod
        def listed(window, kind):
            path, key, name = LISTS[kind]
            answer = window("GET", f"/api/v2{path}")
            assert answer.status_code in (200, 403)  # to whom may read none, Airflow may say so
            return {thing[name] for thing in answer.json().get(key, ())} - {"default_pool"}

    run_state_machine_as_test(
        Switching,
        settings=settings(
            max_examples=10,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def path_of(kind, name, numbers):
    path = LISTS[kind][0].partition("?")[0]
    return f"/api/v2{path}/{numbers.get((kind, name), name)}"
