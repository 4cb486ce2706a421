"""The ``[[tests]]`` of a policy file: whom they ask about, when, and what a failing one says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from airflow_team_rbac.auth_manager.policy.document import Problem, merge, parse
from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator
from airflow_team_rbac.auth_manager.policy.model import Policy, Rule
from airflow_team_rbac.auth_manager.policy.selftests import decide_test, failures

from .roles import ROLES, asks, find_role

END = datetime(2026, 12, 31, tzinfo=UTC)
TICK = timedelta(microseconds=1)

POLICY = """\
version = 1

[teams.sales]
asset_uris = ["s3://sales/"]

[teams.finance]

[[bindings]]
group = "sales-dev"
team = "sales"
role = "Op"

[[bindings]]
group = "sales-viewers"
team = "sales"
role = "Viewer"
expires = 2026-12-31T00:00:00Z

[[bindings]]
user = "ann"
team = "finance"
role = "Viewer"

[[bindings]]
group = "admins"
scope = "deployment"
role = "Admin"

[[grants]]
to = "team:finance"
resource = "connection:sales__dwh"
actions = ["use", "read"]
expires = 2026-12-31T00:00:00Z
reason = "Q4 audit"

[[grants]]
to = "*"
resource = "variable:sales__rates"
actions = ["read"]
reason = "for all"

[[grants]]
to = "user:bob"
resource = "dag:sales__etl"
actions = ["run"]
reason = "on call"
"""


def run(test: str, now: datetime = END - TICK, **settings) -> list[Problem]:
    text = POLICY + "\n[[tests]]\n" + dedent(test)
    document = parse(text)
    evaluator = Evaluator(merge(document, Policy(**settings), list(ROLES), prune=False))
    return failures(document.tests, evaluator, find_role, asks, now)


def one_test(subject: str, action: str, resource: str, expect: str, more: str = "") -> str:
    return f'{subject}\naction = "{action}"\nresource = "{resource}"\nexpect = "{expect}"\n{more}'


CASES = [
    # user_groups: somebody who is signed in and in these groups, without a name.
    ("groups", 'user_groups = ["sales-dev"]', "edit", "dag:sales__etl", True),
    ("groups, of another team", 'user_groups = ["sales-dev"]', "read", "dag:finance__etl", False),
    ("groups, several", 'user_groups = ["x", "sales-viewers"]', "read", "dag:sales__etl", True),
    ("groups, several, no more", 'user_groups = ["x", "sales-viewers"]', "edit", "dag:sales__etl", False),
    ("groups, none", "user_groups = []", "read", "dag:sales__etl", False),
    ("groups, none, is signed in", "user_groups = []", "read", "variable:sales__rates", True),
    ("groups, none, is signed in", "user_groups = []", "read", "pool:default_pool", True),
    ("groups, a superuser's", 'user_groups = ["admins"]', "edit", "connection:SALES__dwh", True),
    ("groups are no users", 'user_groups = ["ann"]', "read", "dag:finance__etl", False),
    # user: by name, in no group.
    ("user", 'user = "ann"', "read", "dag:finance__etl", True),
    ("user, no more", 'user = "ann"', "edit", "dag:finance__etl", False),
    ("user, by a grant to the team", 'user = "ann"', "read", "connection:sales__dwh", True),
    ("user, by a grant to them", 'user = "bob"', "run", "dag:sales__etl", True),
    ("user, by nothing", 'user = "bob"', "edit", "dag:sales__etl", False),
    ("users are no groups", 'user = "sales-dev"', "read", "dag:sales__etl", False),
    # global_roles: FAB roles on top.
    ("global role, unowned", 'user = "tom"\nglobal_roles = ["Viewer"]', "read", "dag:nightly", True),
    ("global role, its letter case", 'user = "tom"\nglobal_roles = ["viewer"]', "read", "dag:nightly", True),
    ("global role, owned", 'user = "tom"\nglobal_roles = ["Op"]', "read", "dag:sales__etl", False),
    ("global role, a superuser's", 'user = "tom"\nglobal_roles = ["Admin"]', "edit", "dag:gone__etl", True),
    ("global role and groups", 'user_groups = ["sales-dev"]\nglobal_roles = ["User"]', "run", "dag:nightly", True),
    ("no global role", 'user = "tom"', "read", "dag:nightly", False),
    # task_dag: a task of that Dag, which need not exist.
    ("task", 'task_dag = "finance__close"', "use", "connection:sales__dwh", True),
    ("task, no more", 'task_dag = "finance__close"', "edit", "connection:sales__dwh", False),
    ("task, its own", 'task_dag = "sales__etl"', "edit", "variable:sales__x", True),
    ("task, another's", 'task_dag = "sales__etl"', "use", "connection:finance__x", False),
    ("task, unowned", 'task_dag = "sales__etl"', "use", "connection:smtp", True),
    ("task, of the platform", 'task_dag = "nightly"', "use", "connection:sales__dwh", False),
    ("task, of the platform", 'task_dag = "nightly"', "edit", "variable:x", True),
    ("task, asset", 'task_dag = "finance__close"', "consume", "asset:sales__orders", False),
    ("task, disputed", 'task_dag = "SALES__etl"', "use", "connection:sales__dwh", False),
    # An asset is named by its name, which says nothing of its URI.
    ("asset", 'user_groups = ["sales-dev"]', "trigger", "asset:sales__orders", True),
    ("asset by its URI", 'user_groups = ["sales-dev"]', "read", "asset:s3://sales/orders", False),
]


@pytest.mark.parametrize(
    ("subject", "action", "resource", "allowed"),
    [pytest.param(*case[1:], id=f"{case[0]}: {case[2]} {case[3]}") for case in CASES],
)
def test_what_is_expected(subject: str, action: str, resource: str, allowed: bool):
    right, wrong = ("allow", "deny") if allowed else ("deny", "allow")
    assert run(one_test(subject, action, resource, right)) == []
    [problem] = run(one_test(subject, action, resource, wrong))
    assert problem.message.startswith(f"expects {wrong} and gets {right}: ")


@pytest.mark.parametrize(
    ("at", "expect"),
    [
        ("2026-12-30T23:59:59.999999Z", "allow"),
        ("2026-12-31T00:00:00Z", "deny"),
        ("2026-12-31T01:59:59+02:00", "allow"),
        ("2026-12-31T02:00:00+02:00", "deny"),
    ],
)
@pytest.mark.parametrize(
    ("subject", "action", "resource"),
    [
        ('user_groups = ["sales-viewers"]', "read", "dag:sales__etl"),
        ('user = "ann"', "read", "connection:sales__dwh"),
        ('task_dag = "finance__close"', "use", "connection:sales__dwh"),
    ],
)
def test_at_moves_the_clock(subject: str, action: str, resource: str, at: str, expect: str):
    test = one_test(subject, action, resource, expect, f"at = {at}")
    assert run(test, now=END - TICK) == []
    assert run(test, now=END) == []


def test_without_at_it_is_now():
    test = one_test('user_groups = ["sales-viewers"]', "read", "dag:sales__etl", "allow")
    assert run(test, now=END - TICK) == []
    [problem] = run(test, now=END)
    assert "gets deny" in problem.message


def test_settings_count():
    test = one_test('user = "tom"\nglobal_roles = ["Viewer"]', "read", "dag:nightly", "allow")
    assert run(test) == []
    [problem] = run(test, unowned_denied=True)
    assert problem.message.endswith("[unowned-closed]")
    assert (
        run(one_test('user = "tom"\nglobal_roles = ["Viewer"]', "edit", "dag:x", "allow"), superuser_roles={"Viewer"})
        == []
    )


def test_what_a_failing_test_says():
    [problem] = run(one_test('user_groups = ["sales-viewers"]', "edit", "dag:sales__etl", "allow"))
    assert problem == Problem(
        "tests[0]",
        "expects allow and gets deny: dag:sales__etl belongs to team sales because its id begins with 'sales__', where "
        "somebody in these groups holds Viewer (group sales-viewers, until 2026-12-31T00:00:00+00:00), and no live "
        "grant permits it [team-role-lacks-it]",
        line=POLICY.count("\n") + 2,
    )
    [problem] = run(one_test('user = "bob"', "run", "dag:sales__etl", "deny"))
    assert problem.message == (
        "expects deny and gets allow: dag:sales__etl belongs to team sales because its id begins with 'sales__', and "
        "by a grant user:bob may run dag:sales__etl of sales (on call) [grant]"
    )
    [problem] = run(one_test('task_dag = "finance__x"', "use", "pool:sales__x", "allow"))
    assert "a task of dag:finance__x (team finance)" in problem.message


def test_all_failing_tests_are_said_and_only_those():
    tests = [
        one_test('user = "bob"', "run", "dag:sales__etl", "deny"),
        one_test('user = "bob"', "run", "dag:sales__etl", "allow"),
        one_test('user = "ann"', "run", "dag:sales__etl", "allow"),
    ]
    found = run("\n[[tests]]\n".join(tests))
    assert [problem.key for problem in found] == ["tests[0]", "tests[2]"]
    assert found[1].line == found[0].line + 2 * 6


def test_no_tests():
    assert failures((), Evaluator(Policy()), find_role, asks, END) == []


def test_the_decision_of_a_test():
    document = parse(POLICY + "[[tests]]\n" + one_test('user_groups = ["sales-dev"]', "edit", "dag:sales__x", "deny"))
    evaluator = Evaluator(merge(document, Policy(), list(ROLES), prune=False))
    decision = decide_test(document.tests[0], evaluator, find_role, asks, END)
    assert (decision.allowed, decision.rule) == (True, Rule.TEAM_ROLE)


def test_the_example_of_the_repository_passes(pytestconfig: pytest.Config):
    document = parse((pytestconfig.rootpath / "examples" / "policy.toml").read_text())
    policy = merge(document, Policy(), list(ROLES), prune=False)
    assert document.tests
    assert failures(document.tests, Evaluator(policy), find_role, asks, END) == []
