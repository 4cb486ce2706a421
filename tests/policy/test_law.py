"""
The laws of the policy, held to for random policies, people, tasks and resources.

The first two compare the real rules with ``reference.py``, which is written from the DESIGN alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from operator import ge, le
from random import Random
from typing import TypeVar

import pytest
from airflow_team_rbac.auth_manager.policy import document, evaluate
from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator, Person
from airflow_team_rbac.auth_manager.policy.model import Binding, Decision, Kind, Policy, Rule, Team
from airflow_team_rbac.auth_manager.policy.ownership import Ownership
from airflow_team_rbac.auth_manager.policy.plan import make_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import reference
from .reference import Someone
from .roles import ROLES, find_role
from .worlds import TICK, TIMES, World, decide, decide_task, owner_by_head, policies, worlds


@pytest.fixture(autouse=True, scope="module")
def quiet():
    """The random policies are full of roles and teams that there are not, each worth a line in a real log."""
    evaluate.log.disabled = True
    yield
    evaluate.log.disabled = False


def examples(count: int) -> settings:
    """The same examples in every run, so that a failure is nobody's bad luck."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def as_reference(world: World, person: Person, now: datetime | None = None) -> Someone:
    return Someone(world.policy, ROLES, person.username, person.groups, person.global_roles, now or world.now)


T = TypeVar("T")
ROLE_CASES = ([*ROLES], [name.upper() for name in ROLES], [name.lower() for name in ROLES])


def check_said(decision: Decision) -> None:
    """Every decision has a rule and a sentence, without the marks of a formatting gone wrong."""
    assert isinstance(decision.rule, Rule)
    assert len(decision.reason) > 20
    assert not set("<>") & set(decision.reason)
    assert bool(decision) is decision.allowed


def outcomes(law: Callable[[], None], seen: Counter[tuple[bool, Rule]], expected: dict[tuple[bool, Rule], int]) -> None:
    """Run a law, then check that its examples were worth running: that each outcome was seen often enough."""
    law()
    assert set(seen) == set(expected)
    rare = {outcome: seen[outcome] for outcome, least in expected.items() if seen[outcome] < least}
    assert not rare, f"seen too rarely: {rare}, of {seen}"


def test_people_are_answered_as_the_reference_answers():
    seen: Counter[tuple[bool, Rule]] = Counter()

    @examples(600)
    @given(worlds)
    def law(world: World) -> None:
        evaluator = Evaluator(world.policy)
        for person in world.people:
            principal, someone = evaluator.principal(person, find_role, world.now), as_reference(world, person)
            for question in world.questions:
                decision = decide(evaluator, principal, question)
                check_said(decision)
                expected = someone.decide(question.reference, question.owner(world.policy), question.action)
                assert (decision.allowed, decision.rule) == expected, (person, question, decision.reason)
                seen[expected] += 1

    outcomes(
        law,
        seen,
        {
            (True, Rule.SUPERUSER): 500,
            (True, Rule.TEAM_ROLE): 500,
            (True, Rule.GRANT): 200,
            (True, Rule.GLOBAL_ROLE): 500,
            (True, Rule.EVERYBODY): 100,
            (False, Rule.DISPUTED): 500,
            (False, Rule.UNOWNED): 500,
            (False, Rule.UNOWNED_CLOSED): 500,
            (False, Rule.OWNED_BY_OTHERS): 500,
            (False, Rule.TEAM_ROLE_LACKS): 500,
        },
    )


def test_tasks_are_answered_as_the_reference_answers():
    seen: Counter[tuple[bool, Rule]] = Counter()

    @examples(600)
    @given(worlds)
    def law(world: World) -> None:
        policy, evaluator = world.policy, Evaluator(world.policy)
        for dag in world.dags:
            for question in world.questions:
                decision = decide_task(evaluator, dag, question, world.now)
                check_said(decision)
                expected = reference.decide_task(
                    policy, dag.owner(policy), question.reference, question.owner(policy), question.action, world.now
                )
                assert (decision.allowed, decision.rule) == expected, (dag, question, decision.reason)
                seen[expected] += 1

    outcomes(
        law,
        seen,
        {
            (True, Rule.OWN_TASK): 500,
            (True, Rule.PLATFORM_TASK): 500,
            (True, Rule.GRANT): 200,
            (True, Rule.EVERYBODY): 100,
            (True, Rule.TASK_OF_UNOWNED): 500,
            (False, Rule.TASK_OF_UNOWNED): 100,
            (False, Rule.DISPUTED): 500,
            (False, Rule.UNOWNED_CLOSED): 500,
            (False, Rule.OWNED_BY_OTHERS): 500,
        },
    )


def answers(world: World, policy: Policy) -> tuple[list[bool], list[bool]]:
    """Return what all people and all Dags of a world get under a policy."""
    evaluator = Evaluator(policy)
    people = [
        decide(evaluator, principal, question).allowed
        for principal in (evaluator.principal(person, find_role, world.now) for person in world.people)
        for question in world.questions
    ]
    tasks = [
        decide_task(evaluator, dag, question, world.now).allowed for dag in world.dags for question in world.questions
    ]
    return people, tasks


def without_one(rows: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    return (rows[:at] + rows[at + 1 :] for at in range(len(rows)))


@examples(300)
@given(worlds)
def test_a_grant_more_takes_nothing_from_anybody(world: World):
    people, tasks = answers(world, world.policy)
    for fewer in without_one(world.policy.grants):
        people_before, tasks_before = answers(world, replace(world.policy, grants=fewer))
        assert all(map(ge, people, people_before)), fewer
        assert all(map(ge, tasks, tasks_before)), fewer


@examples(300)
@given(worlds)
def test_a_binding_less_gives_nothing_to_anybody(world: World):
    people, tasks = answers(world, world.policy)
    for fewer in without_one(world.policy.bindings):
        people_after, tasks_after = answers(world, replace(world.policy, bindings=fewer))
        assert all(map(le, people_after, people)), fewer
        assert tasks_after == tasks


@examples(400)
@given(worlds)
def test_a_team_owns_only_what_is_exactly_its_own(world: World):
    evaluator = Evaluator(world.policy)
    for question in world.questions:
        owner = question.resource(evaluator).owner
        if owner.team is None:
            continue
        [team] = [team for team in world.policy.teams if team.name == owner.team]
        assert team.exists
        assert (
            question.native == team.name
            or question.reference in team.resources
            or question.reference.id.startswith(team.prefixes)
            or (question.reference.kind is Kind.ASSET and (question.uri or "").startswith(team.asset_uris))
        ), (question, owner)


LOOK_ALIKES = {"s": "sSſ", "k": "kK\N{KELVIN SIGN}", "i": "iIıİ"}


@examples(300)
@given(policies(), st.integers(0, 1 << 16))
def test_no_look_alike_is_a_team_s(policy: Policy, seed: int):
    chance, ownership = Random(seed), Ownership(policy.teams)
    folded = reference.fold
    for prefix in (prefix for team in policy.teams for prefix in team.prefixes):
        for kind in Kind:
            letters = (chance.choice(LOOK_ALIKES.get(c, c + c.upper())) if chance.random() < 0.4 else c for c in prefix)
            text = "".join(letters) + "x"
            owner = ownership.owner(kind, text)
            exactly = {team.name for team in policy.teams if text.startswith(team.prefixes)}
            nearly = {team.name for team in policy.teams if folded(text).startswith(tuple(map(folded, team.prefixes)))}
            assert owner.team is None or {owner.team} == exactly, text
            assert owner.disputed or not nearly or nearly == exactly, text


@examples(300)
@given(worlds)
def test_a_person_stands_until_the_next_end_and_not_longer(world: World):
    evaluator = Evaluator(world.policy)
    for person in world.people:
        made = evaluator.principal(person, find_role, world.now)
        assert made.until is None or made.until > world.now
        last = made.until - TICK if made.until else world.now + timedelta(days=1000)
        for later in {last, *(time for time in TIMES if world.now < time <= last)}:
            assert evaluator.principal(person, find_role, later) == made, later
            someone = as_reference(world, person, later)
            for question in world.questions:
                decision = decide(evaluator, made, question)
                expected = someone.decide(question.reference, question.owner(world.policy), question.action)
                assert (decision.allowed, decision.rule) == expected, (person, question, later)
        if made.until:
            assert evaluator.principal(person, find_role, made.until) != made, f"nothing of {person} ends then"


@examples(300)
@given(policies(), st.sampled_from(ROLE_CASES), st.booleans())
def test_a_rendered_policy_is_read_back_the_same(policy: Policy, roles: list[str], prune: bool):
    policy = presentable(policy)
    read = document.parse(document.render(policy))
    for current in (replace(policy, teams=bare(policy), bindings=(), grants=()), policy):
        merged = document.merge(read, current, roles, prune=prune)
        assert merged == policy
        in_file = Policy(tuple(read.teams.values()), read.bindings, read.grants)
        assert set(make_plan(policy, merged, in_file, ()).changes) == set()
    assert document.render(merged) == document.render(policy)


def presentable(policy: Policy) -> Policy:
    """Return what a policy file can say: rows once, owners as found, teams and roles that there are."""
    taken: dict[tuple[Kind, str], str] = {}
    teams = []
    for team in sorted(policy.teams, key=lambda team: team.name):
        mine = [
            listed
            for listed in team.resources
            if taken.setdefault((listed.kind, reference.fold(listed.id)), team.name) == team.name
        ]
        teams.append(replace(team, exists=True, resources=tuple(mine)))
    names = {team.name for team in teams}
    rows = {row.key: row for row in policy.bindings}
    held = tuple(
        row
        for row in rows.values()
        if row.role != "ghost" and (row.team in (None, "*", *names) or "{" in row.team) and fillable(row)
    )
    granted = {}
    for grant in policy.grants:
        owner = owner_by_head(tuple(teams), grant.resource)
        named = grant.team if owner is None else None
        if (named or owner) in names and (grant.to_team is None or grant.to_team in names):
            grant = replace(grant, owner=named or owner, team=named)
            granted[grant.key] = grant
    return replace(policy, teams=tuple(teams), bindings=held, grants=tuple(granted.values()))


def fillable(row: Binding) -> bool:
    return row.subject_kind != "group_regex" or all(
        f"?P<{name}>" in row.subject for name in ("team", "role") if "{" + name + "}" in f"{row.team}{row.role}"
    )


def bare(policy: Policy) -> tuple[Team, ...]:
    """Teams that Airflow has and we know nothing of."""
    return tuple(Team(team.name, managed_by="airflow") for team in policy.teams)
