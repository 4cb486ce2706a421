"""
The laws of the policy, held to for random policies, people, tasks and resources.

The first two compare the real rules with ``reference.py``, which is written from the DESIGN alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow_team_rbac.auth_manager.policy import document, evaluate
from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator
from airflow_team_rbac.auth_manager.policy.model import Decision, Grant, Kind, Policy, Rule
from airflow_team_rbac.auth_manager.policy.ownership import Ownership
from airflow_team_rbac.auth_manager.policy.plan import make_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import reference
from .reference import Someone
from .roles import ROLES, asks
from .worlds import TICK, TIMES, World, asked, grants, owner_by_head, policies, worlds


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


def reference_for_person(world: World) -> tuple[bool, Rule]:
    person = world.person
    someone = Someone(world.policy, ROLES, person.username, person.groups, person.global_roles, world.now)
    return someone.decide(world.asked.reference, world.asked.owner(world.policy), world.asked.action)


def reference_for_task(world: World) -> tuple[bool, Rule]:
    policy, asked_ = world.policy, world.asked
    return reference.decide_task(
        policy, world.dag.owner(policy), asked_.reference, asked_.owner(policy), asked_.action, world.now
    )


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

    @examples(2000)
    @given(worlds())
    def law(world: World) -> None:
        decision = world.for_person()
        check_said(decision)
        assert (decision.allowed, decision.rule) == reference_for_person(world)
        seen[decision.allowed, decision.rule] += 1

    outcomes(
        law,
        seen,
        {
            (True, Rule.SUPERUSER): 40,
            (True, Rule.TEAM_ROLE): 40,
            (True, Rule.GRANT): 40,
            (True, Rule.GLOBAL_ROLE): 10,
            (True, Rule.EVERYBODY): 3,
            (False, Rule.DISPUTED): 100,
            (False, Rule.UNOWNED): 50,
            (False, Rule.UNOWNED_CLOSED): 50,
            (False, Rule.OWNED_BY_OTHERS): 100,
        },
    )


def test_tasks_are_answered_as_the_reference_answers():
    seen: Counter[tuple[bool, Rule]] = Counter()

    @examples(2000)
    @given(worlds())
    def law(world: World) -> None:
        decision = world.for_task()
        check_said(decision)
        assert (decision.allowed, decision.rule) == reference_for_task(world)
        seen[decision.allowed, decision.rule] += 1

    outcomes(
        law,
        seen,
        {
            (True, Rule.OWN_TASK): 40,
            (True, Rule.PLATFORM_TASK): 40,
            (True, Rule.GRANT): 20,
            (True, Rule.EVERYBODY): 3,
            (True, Rule.TASK_OF_UNOWNED): 20,
            (False, Rule.TASK_OF_UNOWNED): 10,
            (False, Rule.DISPUTED): 100,
            (False, Rule.UNOWNED_CLOSED): 20,
            (False, Rule.OWNED_BY_OTHERS): 100,
        },
    )


@examples(1000)
@given(st.data(), worlds())
def test_a_new_grant_takes_nothing_from_anybody(data: st.DataObject, world: World):
    more = data.draw(grants(world.policy.teams))
    at = data.draw(st.integers(0, len(world.policy.grants)))
    wider = replace(world.policy, grants=(*world.policy.grants[:at], more, *world.policy.grants[at:]))
    assert world.for_person(wider).allowed >= world.for_person().allowed
    assert world.for_task(wider).allowed >= world.for_task().allowed


@examples(1000)
@given(st.data(), worlds())
def test_a_binding_less_gives_nothing_to_anybody(data: st.DataObject, world: World):
    held = world.policy.bindings
    at = data.draw(st.integers(0, len(held)))
    narrower = replace(world.policy, bindings=held[:at] + held[at + 1 :])
    assert world.for_person(narrower).allowed <= world.for_person().allowed
    assert world.for_task(narrower) == world.for_task()


@examples(2000)
@given(st.data(), policies())
def test_a_team_owns_only_what_is_exactly_its_own(data: st.DataObject, policy: Policy):
    question = data.draw(asked(policy))
    owner = question.resource(Evaluator(policy)).owner
    if owner.team is None:
        return
    [team] = [team for team in policy.teams if team.name == owner.team]
    assert team.exists
    assert (
        question.native == team.name
        or question.reference in team.resources
        or question.reference.id.startswith(team.prefixes)
        or (question.reference.kind is Kind.ASSET and (question.uri or "").startswith(team.asset_uris))
    )


@examples(1000)
@given(policies(), st.text("SsſIiıİKkKf_-.", max_size=12), st.sampled_from(Kind))
def test_no_look_alike_is_a_team_s(policy: Policy, text: str, kind: Kind):
    owner = Ownership(policy.teams).owner(kind, text)
    exact = {team.name for team in policy.teams if text.startswith(team.prefixes)}
    assert owner.team is None or {owner.team} == exact
    folded = {
        team.name
        for team in policy.teams
        if any(reference.fold(text).startswith(reference.fold(prefix)) for prefix in team.prefixes)
    }
    assert owner.disputed or not folded or folded == exact


@examples(1000)
@given(st.data(), worlds())
def test_a_person_stands_until_the_next_end_and_not_longer(data: st.DataObject, world: World):
    evaluator = Evaluator(world.policy)
    made = world.principal(evaluator)
    resource, action = world.asked.resource(evaluator), world.asked.action

    assert made.until is None or made.until > world.now
    last = made.until - TICK if made.until else world.now + timedelta(days=1000)
    later = data.draw(st.sampled_from((*(time for time in TIMES if world.now < time <= last), last)))
    fresh = world.principal(evaluator, later)
    assert (fresh.superuser, fresh.everywhere, fresh.teams, fresh.grants) == (
        made.superuser,
        made.everywhere,
        made.teams,
        made.grants,
    )
    someone = Someone(
        world.policy, ROLES, world.person.username, world.person.groups, world.person.global_roles, later
    )
    decision = evaluator.decide(made, resource, action, asks(resource, action))
    expected, _ = someone.decide(world.asked.reference, world.asked.owner(world.policy), action)
    assert decision.allowed is expected
