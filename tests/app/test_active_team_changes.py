"""The active team while people, teams and grants change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow_team_rbac.auth_manager.store.people import utcnow
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ..world import World
from .conftest import make_company
from .windows import Window


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
KINDS = {"connection": "Op", "pool": "Viewer"}
"""What is listed, and the least role in a team that reads it."""
ROLES = ("Viewer", "Op")
WHO = ("ann", "bob")
GROUPS = st.sets(st.tuples(st.sampled_from(TEAMS), st.sampled_from(ROLES)), max_size=3)


def test_switching_never_widens(client, world):
    for team in TEAMS:
        world.connection(f"{team}__conn")
        world.pool(f"{team}__pool")
    world.connection("free_conn")
    people = {name: world.person(name, groups=[]) for name in WHO}

    class Switching(RuleBasedStateMachine):
        """Two people, what they are given and what they choose; beside it the rules of DESIGN, as plain as can be."""

        @initialize()
        def begin(self):
            self.groups = {name: set() for name in WHO}  # {(team, role)}
            self.grants = set()  # {(subject, kind, owner, ends)}
            self.hours = 0
            for name in WHO:
                world.regroup(people[name], [])
            self.write()
            self.windows = {name: Window(client, people[name]) for name in WHO}
            self.chosen = dict.fromkeys(WHO)

        def write(self):
            text = [f"[teams.{team}]" for team in TEAMS]
            for team in TEAMS:
                for role in ROLES:
                    text.append(f'[[bindings]]\ngroup = "{team}-{role}"\nteam = "{team}"\nrole = "{role}"')
            for number, (subject, kind, owner, ends) in enumerate(sorted(self.grants)):
                name = "conn" if kind == "connection" else "pool"
                when = utcnow() + timedelta(hours=ends - self.hours)
                expires = f"\nexpires = {when.isoformat()}"
                text.append(
                    f'[[grants]]\nto = "{subject}"\nresource = "{kind}:{owner}__{name}"\nactions = ["read"]\n'
                    f'reason = "{number}"{expires}'
                )
            world.apply("\n".join(text))

        @rule(
            name=st.sampled_from(WHO),
            groups=st.sets(st.tuples(st.sampled_from(TEAMS), st.sampled_from(ROLES)), max_size=3),
        )
        def regroup(self, name, groups):
            self.groups[name] = groups
            world.regroup(people[name], [f"{team}-{role}" for team, role in groups])

        @rule(
            subject=st.sampled_from([*(f"team:{team}" for team in TEAMS), *(f"user:{name}" for name in WHO), "*"]),
            kind=st.sampled_from(sorted(KINDS)),
            owner=st.sampled_from(TEAMS),
            hours=st.integers(1, 3),
        )
        def grant(self, subject, kind, owner, hours):
            self.grants = {one for one in self.grants if one[3] > self.hours and one[:3] != (subject, kind, owner)}
            self.grants.add((subject, kind, owner, self.hours + hours))
            self.write()

        @rule(data=st.data())
        def revoke(self, data):
            live = sorted(one for one in self.grants if one[3] > self.hours)
            if live:
                self.grants = set(live) - {data.draw(st.sampled_from(live))}
                self.write()

        @rule()
        def an_hour_passes(self):
            """Written as if the grants had been given an hour earlier."""
            self.hours += 1
            self.grants = {one for one in self.grants if one[3] > self.hours}
            self.write()

        @rule(name=st.sampled_from(WHO), team=st.sampled_from([None, *TEAMS]))
        def switch(self, name, team):
            mine = {one for one, _ in self.groups[name]}
            status = self.windows[name].switch(team).status_code
            assert status == (200 if team is None or team in mine else 400)
            if status == 200:
                self.chosen[name] = team

        @rule(name=st.sampled_from(WHO))
        def sign_in(self, name):
            self.windows[name] = Window(client, people[name], self.windows[name].starts_in())
            if self.windows[name].claims.get("team") is None:
                self.chosen[name] = None  # of no team of theirs, or of several and a choice that is gone
            else:
                self.chosen[name] = self.windows[name].claims["team"]

        def may(self, name, kind, owner, only=None):
            """Whether somebody may read a thing; ``only``: by what concerns one team."""
            roles = {team: {role for one, role in self.groups[name] if one == team} for team in TEAMS}
            enough = {team for team in TEAMS if roles[team] and ("Op" in roles[team] or KINDS[kind] == "Viewer")}
            if owner in enough and only in (None, owner):
                return True
            for subject, what, whose, ends in self.grants:
                if (what, whose) != (kind, owner) or ends <= self.hours:
                    continue
                if subject in ("*", f"user:{name}") and only in (None, owner):
                    return True
                if subject.startswith("team:") and subject[5:] in enough and only in (None, subject[5:]):
                    return True
            return False

        @invariant()
        def answers_are_those_of_the_rules(self):
            for name, window in self.windows.items():
                team = self.chosen[name]
                if team is not None and not any(one == team for one, _ in self.groups[name]):
                    team = None
                for kind, suffix in (("connection", "conn"), ("pool", "pool")):
                    everything = {f"{one}__{suffix}" for one in TEAMS if self.may(name, kind, one)}
                    expected = {f"{one}__{suffix}" for one in TEAMS if self.may(name, kind, one, team)}
                    assert expected <= everything
                    path = f"/api/v2/{kind}s"
                    answer = window("GET", path)
                    key = "connection_id" if kind == "connection" else "name"
                    listed = {thing[key] for thing in answer.json().get(f"{kind}s", [])} - {"default_pool"}
                    assert listed == expected, (name, team)
                    for one in TEAMS:  # what is named is answered as in all teams
                        status = window("GET", f"{path}/{one}__{suffix}").status_code
                        assert (status == 200) is (f"{one}__{suffix}" in everything)

    run_state_machine_as_test(
        Switching,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
