"""The ``[[tests]]`` of a policy file: run by ``apply`` and ``check``, and a failing one refuses the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from .document import Problem, SelfTest
from .evaluate import Evaluator, Permits, Person, Resource, Roles
from .model import Action, Decision, Kind

Asks = Callable[[Resource, Action], Permits]
"""What FAB is asked for an action on a resource (the note under *Actions* in DESIGN section 3)."""


def decide_test(test: SelfTest, evaluator: Evaluator, roles: Roles, asks: Asks, now: datetime) -> Decision:
    """Answer what one test asks."""
    at = test.at or now
    kind, resource_id = test.resource.kind, test.resource.id
    resource = Resource(kind, resource_id, evaluator.ownership.owner(kind, resource_id))
    if test.task_dag is not None:
        dag = Resource(Kind.DAG, test.task_dag, evaluator.ownership.owner(Kind.DAG, test.task_dag))
        return evaluator.decide_task(dag, resource, test.action, at)
    # Signed in, but with no username that a binding or a grant could name.
    person = Person(test.user or "", frozenset(test.user_groups or ()), test.global_roles)
    principal = evaluator.principal(person, roles, at)
    return evaluator.decide(principal, resource, test.action, asks(resource, test.action))


def failures(tests: Iterable[SelfTest], evaluator: Evaluator, roles: Roles, asks: Asks, now: datetime) -> list[Problem]:
    """Run the tests and return those that fail, each with the decision's reason."""
    found = []
    for test in tests:
        decision = decide_test(test, evaluator, roles, asks, now)
        if decision.allowed is not test.expect:
            expected, got = ("allow", "deny") if test.expect else ("deny", "allow")
            message = f"expects {expected} and gets {got}: {decision.reason} [{decision.rule}]"
            found.append(Problem(test.key, message, line=test.line))
    return found
