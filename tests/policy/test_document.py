"""The policy file (DESIGN section 4): what is read, what is refused and how, and how it meets what is there."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta, timezone
from textwrap import dedent

import pytest
import tomlkit
from airflow_team_rbac.auth_manager.policy.document import PolicyFileError, Problem, merge, parse, render
from airflow_team_rbac.auth_manager.policy.model import Action, Binding, Grant, Kind, Origin, Policy, Reference, Team
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROLES = ["Admin", "Op", "User", "Viewer"]
TEN = datetime(2026, 12, 31, 10, tzinfo=UTC)

GOOD = """
version = 1

[teams.sales]
description = "Sales analytics"
prefixes = ["sales__", "eu-sales."]
asset_uris = ["s3://sales/"]
sources = ["bundle:sales_dags", "path:sales/"]
resources = ["dag:legacy_etl", "connection:crm"]

[teams.finance]

[[bindings]]
group = "sales-dev"
team = "sales"
role = "Op"
expires = 2026-12-31T12:00:00+02:00
reason = "Trial"

[[bindings]]
group_regex = '^af-(?P<team>[a-z0-9_-]+)-(?P<role>viewer|user|op)$'
team = "{team}"
role = "{role}"

[[bindings]]
user = "ann"
team = "*"
role = "viewer"

[[bindings]]
group = "airflow-admins"
scope = "deployment"
role = "Admin"

[[grants]]
to = "team:finance"
resource = "connection:sales__dwh"
actions = ["use", "read"]
expires = 2026-12-31T10:00:00Z
reason = "Q4 audit"

[[grants]]
to = "*"
resource = "dag:*"
team = "finance"
actions = ["read"]
reason = "Open books"

[[tests]]
user_groups = ["sales-dev"]
action = "edit"
resource = "dag:finance__close"
expect = "deny"
"""

SALES = Team(
    "sales",
    "Sales analytics",
    ("sales__", "eu-sales."),
    ("s3://sales/",),
    ("bundle:sales_dags", "path:sales/"),
    (Reference(Kind.DAG, "legacy_etl"), Reference(Kind.CONNECTION, "crm")),
)
FINANCE = Team("finance", prefixes=("finance__",))
GRANT = Grant(
    "team:finance",
    Reference(Kind.CONNECTION, "sales__dwh"),
    frozenset({Action.READ, Action.USE}),
    "sales",
    "Q4 audit",
    TEN,
)


def read(text: str, current: Policy | None = None, *, prune: bool = False) -> Policy:
    return merge(parse(dedent(text)), current or Policy(), ROLES, prune=prune)


def problems(text: str, current: Policy | None = None, *, prune: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(PolicyFileError) as refused:
        read(text, current, prune=prune)
    assert str(refused.value) == "\n".join(map(str, refused.value.problems))
    return refused.value.problems


# What is read ----------------------------------------------------------------------------------------


def test_a_whole_file():
    policy = read(GOOD)
    assert policy.teams == (FINANCE, SALES)
    assert policy.bindings == (
        Binding("group", "sales-dev", "Op", "sales", TEN, "Trial"),
        Binding("group_regex", "^af-(?P<team>[a-z0-9_-]+)-(?P<role>viewer|user|op)$", "{role}", "{team}"),
        Binding("user", "ann", "viewer", "*"),
        Binding("group", "airflow-admins", "Admin", None),
    )
    books = Grant("*", Reference(Kind.DAG, "*"), frozenset({Action.READ}), "finance", "Open books", team="finance")
    assert policy.grants == (GRANT, books)
    assert {row.managed_by for row in policy.teams} == {"file"}
    assert {row.origin.managed_by for row in (*policy.bindings, *policy.grants)} == {"file"}


def test_a_test_of_a_file():
    [test] = parse(GOOD).tests
    assert (test.user_groups, test.user, test.task_dag) == (("sales-dev",), None, None)
    assert (test.action, test.resource, test.expect) == (
        Action.EDIT,
        Reference(Kind.DAG, "finance__close"),
        False,
    )
    assert (test.at, test.global_roles) == (None, ())
    assert test.line == GOOD.splitlines().index("[[tests]]") + 1


def test_the_least_file():
    assert read("version = 1") == Policy()


def test_settings_are_not_the_files():
    current = Policy(superuser_roles=frozenset({"Root"}), unowned_denied=True)
    merged = read(GOOD, current)
    assert merged.superuser_roles == {"Root"}
    assert merged.unowned_denied


@pytest.mark.parametrize(
    ("written", "prefixes"),
    [("", ("sales__",)), ("prefixes = []", ()), ('prefixes = ["s.", "t-"]', ("s.", "t-"))],
    ids=["not given", "none", "two"],
)
def test_prefixes(written: str, prefixes: tuple[str, ...]):
    assert read(f"version = 1\n[teams.sales]\n{written}").teams == (Team("sales", prefixes=prefixes),)


@pytest.mark.parametrize("name", ["abc", "a" * 50, "sales_eu-2", "123", "___"])
def test_team_names(name: str):
    assert read(f"version = 1\n[teams.{name}]\nprefixes = ['x__']").teams[0].name == name


@pytest.mark.parametrize("to", ["team:sales", "group:CN=a,OU=b:c", "user:ann@example.com", "platform", "*"])
def test_subjects_of_grants(to: str):
    policy = read(
        f"""
        version = 1
        [teams.sales]
        [[grants]]
        to = "{to}"
        resource = "dag:sales__x"
        actions = ["read"]
        reason = "so"
        """
    )
    assert policy.grants[0].to == to


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("dag", ["read", "run", "edit"]),
        ("connection", ["read", "edit", "use"]),
        ("variable", ["read", "edit", "use"]),
        ("pool", ["read", "edit", "use"]),
        ("asset", ["read", "trigger", "consume"]),
        ("alias", ["read", "trigger", "consume"]),
    ],
)
def test_actions_of_each_kind(kind: str, actions: list[str]):
    def grants(words: list[str]) -> str:
        return f"""
        version = 1
        [teams.sales]
        [[grants]]
        to = "*"
        resource = "{kind}:sales__x"
        actions = {words}
        reason = "so"
        """

    assert read(grants(actions)).grants[0].actions == set(map(Action, actions))
    for word in {"read", "run", "edit", "use", "trigger", "consume", "create", "delete", "Read", "*"} - set(actions):
        [problem] = problems(grants([word]))
        assert problem.key == "grants[0].actions"
        assert problem.message == f"'{word}' is no action for a {kind}; the actions are {', '.join(actions)}"


# What is refused -------------------------------------------------------------------------------------

TEAMS = """
version = 1
[teams.sales]
[teams.finance]
"""


def with_binding(lines: str) -> str:
    return f"{TEAMS}[[bindings]]\n{lines}"


def with_grant(**changed: str | None) -> str:
    lines = {"to": '"team:finance"', "resource": '"dag:sales__x"', "actions": '["read"]', "reason": '"so"'}
    lines = {key: value for key, value in (lines | changed).items() if value is not None}
    return f"{TEAMS}[[grants]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())


def with_test(**changed: str | None) -> str:
    lines = {"user": '"ann"', "resource": '"dag:sales__x"', "action": '"read"', "expect": '"deny"'}
    lines = {key: value for key, value in (lines | changed).items() if value is not None}
    return f"{TEAMS}[[tests]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())


def in_team(line: str, others: str = "") -> str:
    return f"version = 1\n{others}\n[teams.sales]\n{line}"


OTHER = "[teams.other]\n"
TIME = "write a time with its zone, such as 2026-12-31T00:00:00Z"
WHY = "say why, for whoever reads this next year"
REFUSED = [
    # Unknown keys.
    ("unknown key", "version = 1\nbinding = []", "binding", "unknown key; the keys here are version, teams, bindings"),
    ("unknown table", "version = 1\n[roles.x]", "roles", "unknown key"),
    (
        "unknown key of a team",
        in_team("prefix = 's__'"),
        "teams.sales.prefix",
        "unknown key; the keys here are description, prefixes, asset_uris, sources, resources",
    ),
    (
        "unknown key of a binding",
        with_binding("group = 'g'\nteam = 'sales'\nrole = 'Op'\nexpiry = 1"),
        "bindings[0].expiry",
        "unknown key; the keys here are group, group_regex, user, team, scope, role, expires, reason",
    ),
    (
        "unknown key of a grant",
        with_grant(action='"read"'),
        "grants[0].action",
        "unknown key; the keys here are to, resource, actions, reason, team, expires",
    ),
    (
        "unknown key of a test",
        with_test(groups='["g"]'),
        "tests[0].groups",
        "unknown key; the keys here are user_groups, user, task_dag, global_roles, action, resource, expect, at",
    ),
    # Version.
    ("no version", "[teams.sales]", "version", "is missing; write version = 1"),
    ("empty file", "", "version", "is missing; write version = 1"),
    ("a later version", "version = 2", "version", "is not a version that this release reads; write version = 1"),
    ("a text as version", "version = '1'", "version", "is not a version that this release reads"),
    # Unknown teams and roles.
    (
        "unknown team of a binding",
        with_binding("group = 'g'\nteam = 'salles'\nrole = 'Op'"),
        "bindings[0].team",
        "there is no team 'salles'; add [teams.salles], or write one of finance, sales",
    ),
    (
        "empty team of a binding",
        with_binding("group = 'g'\nteam = ''\nrole = 'Op'"),
        "bindings[0].team",
        "there is no team ''",
    ),
    (
        "unknown team to grant to",
        with_grant(to='"team:salles"'),
        "grants[0].to",
        "there is no team 'salles'; add [teams.salles], or write one of finance, sales",
    ),
    ("every team to grant to", with_grant(to='"team:*"'), "grants[0].to", "there is no team '*'"),
    (
        "unknown team of a grant",
        with_grant(team='"salles"'),
        "grants[0].team",
        "there is no team 'salles'; add [teams.salles], or write one of finance, sales",
    ),
    (
        "unknown role",
        with_binding("group = 'g'\nteam = 'sales'\nrole = 'Operator'"),
        "bindings[0].role",
        "there is no FAB role 'Operator'; the roles are Admin, Op, User, Viewer",
    ),
    (
        "unknown role in the deployment",
        with_binding("group = 'g'\nscope = 'deployment'\nrole = ''"),
        "bindings[0].role",
        "there is no FAB role ''; the roles are Admin, Op, User, Viewer",
    ),
    (
        "unknown role of a test",
        with_test(global_roles='["Op", "Boss"]'),
        "tests[0].global_roles",
        "there is no FAB role 'Boss'",
    ),
    # Overlapping prefixes.
    (
        "prefix begins another team's",
        "version = 1\n[teams.data]\nprefixes = ['data_']\n[teams.eng]\nprefixes = ['data_eng_']",
        "teams.eng.prefixes[0]",
        "'data_eng_' and 'data_' of team data overlap: one begins the other, letter case ignored; write a prefix "
        "that neither begins nor is begun by it",
    ),
    (
        "prefix is begun by another team's",
        "version = 1\n[teams.data]\nprefixes = ['data_']\n[teams.eng]\nprefixes = ['data_eng_']",
        "teams.data.prefixes[0]",
        "'data_' and 'data_eng_' of team eng overlap",
    ),
    (
        "same prefix",
        "version = 1\n[teams.one]\nprefixes = ['a__', 'x__']\n[teams.two]\nprefixes = ['b__', 'x__']",
        "teams.two.prefixes[1]",
        "'x__' and 'x__' of team one overlap",
    ),
    (
        "same prefix in another letter case",
        "version = 1\n[teams.one]\nprefixes = ['x__']\n[teams.two]\nprefixes = ['X__']",
        "teams.two.prefixes[0]",
        "'X__' and 'x__' of team one overlap",
    ),
    (
        "default prefix of another team",
        in_team("prefixes = ['other__x_']", OTHER),
        "teams.sales.prefixes[0]",
        "'other__x_' and 'other__' of team other overlap",
    ),
    (
        "URIs overlap",
        "version = 1\n[teams.one]\nasset_uris = ['s3://x/']\n[teams.two]\nasset_uris = ['S3://X/y/']",
        "teams.two.asset_uris[0]",
        "'S3://X/y/' and 's3://x/' of team one overlap: one begins the other, letter case ignored; write a URI that",
    ),
    (
        "two teams list the same",
        in_team("resources = ['dag:x']", OTHER + "resources = ['dag:y', 'dag:x']"),
        "teams.sales.resources",
        "dag:x is listed by other and by sales; leave it to one of them",
    ),
    # A prefix without a delimiter.
    *(
        (
            f"no delimiter: {prefix}",
            in_team(f"prefixes = ['ok__', '{prefix}']"),
            "teams.sales.prefixes[1]",
            f"'{prefix}' does not end in a delimiter, so it would also begin the ids of others; write '{prefix}__'",
        )
        for prefix in ("sales", "sales__x", "sales__1", "sales__ß", "٣")
    ),
    ("empty prefix", in_team("prefixes = ['']"), "teams.sales.prefixes[0]", "does not end in a delimiter"),
    ("pattern as prefix", in_team("prefixes = ['sales_*']"), "teams.sales.prefixes[0]", "plain ASCII only, and no '*'"),
    ("look-alike in prefix", in_team("prefixes = ['ſales__']"), "teams.sales.prefixes[0]", "plain ASCII only"),
    *(
        (
            f"begins everybody's pool: {prefix}",
            in_team(f"prefixes = ['{prefix}']"),
            "teams.sales.prefixes[0]",
            f"'{prefix}' begins 'default_pool'; write a longer one",
        )
        for prefix in ("default_", "DEFAULT_")
    ),
    (
        "URI without a delimiter",
        in_team("asset_uris = ['s3://sales']"),
        "teams.sales.asset_uris[0]",
        "'s3://sales' does not end in a delimiter, so it would also begin others; write 's3://sales/'",
    ),
    ("empty URI", in_team("asset_uris = ['']"), "teams.sales.asset_uris[0]", "does not end in a delimiter"),
    *(
        (
            f"no source: {source}",
            in_team(f"sources = ['bundle:ok', '{source}']"),
            "teams.sales.sources[1]",
            f"'{source}' is no source; write 'bundle:<name>' or 'path:<folder>/'",
        )
        for source in ("sales_dags", "bundle:", "git:x", "")
    ),
    (
        "resource without a kind",
        in_team("resources = ['legacy']"),
        "teams.sales.resources[0]",
        "'legacy' is not of the form kind:id; write for example 'connection:sales__dwh'",
    ),
    (
        "resource of no kind",
        in_team("resources = ['dag:ok', 'task:x']"),
        "teams.sales.resources[1]",
        "'task' is not a kind of resource; the kinds are dag, connection, variable, pool, asset, alias",
    ),
    (
        "pattern as resource",
        in_team("resources = ['dag:legacy_*']"),
        "teams.sales.resources[0]",
        "'dag:legacy_*' is a pattern; name one resource, or use prefixes",
    ),
    (
        "everybody's pool as resource",
        in_team("resources = ['pool:default_pool']"),
        "teams.sales.resources[0]",
        "default_pool is everybody's; leave it out",
    ),
    # Team names.
    *(
        (
            f"team name {name}",
            f"version = 1\n[teams.'{name}']\nprefixes = ['x__']",
            f"teams.{name}",
            f"is no team name; write [a-z0-9_-]{{3,50}}, such as '{suggested}'",
        )
        for name, suggested in (
            ("Sales", "sales"),
            ("ab", "ab_"),
            ("a" * 51, "a" * 50),
            ("sales eu", "sales_eu"),
            ("*", "___"),
        )
    ),
    # A grant without a reason, or across owners.
    ("no reason", with_grant(reason=None), "grants[0].reason", f"is missing; {WHY}"),
    ("empty reason", with_grant(reason='" "'), "grants[0].reason", f"is empty; {WHY}"),
    (
        "across owners",
        with_grant(resource='"dag:*"'),
        "grants[0].resource",
        "dag:* names no one team's resources: a grant reaches what one team owns; begin it with a team's prefix, or "
        'add team = "…"',
    ),
    ("of nobody", with_grant(resource='"dag:other"'), "grants[0].resource", "dag:other names no one team's resources"),
    ("of a part", with_grant(resource='"dag:sales_*"'), "grants[0].resource", "names no one team's resources"),
    ("in another case", with_grant(resource='"dag:SALES__*"'), "grants[0].resource", "names no one team's resources"),
    (
        "of another than named",
        with_grant(team='"finance"'),
        "grants[0].team",
        "dag:sales__x is of team sales, not of finance; write team = 'sales'",
    ),
    ("no kind", with_grant(resource='"sales__x"'), "grants[0].resource", "is not of the form kind:id"),
    *(
        (f"to nobody: {to}", with_grant(to=f'"{to}"'), "grants[0].to", f"'{to}' is nobody; write team:<t>, group:<g>,")
        for to in ("finance", "teams:finance", "user:", "", "**", "everyone", "Platform")
    ),
    ("no actions", with_grant(actions="[]"), "grants[0].actions", "at least 1 item"),
    ("without actions", with_grant(actions=None), "grants[0].actions", "is missing; write it"),
    (
        "the same twice",
        with_grant() + '\n[[grants]]\nto = "team:finance"\nresource = "dag:sales__x"\nactions = ["run"]\nreason = "so"',
        "grants[1]",
        "is to the same and for the same as grants[0]; make one of the two",
    ),
    # An expiry without a zone.
    *(
        (f"{what}: a time without its zone", text, key, f"2026-01-01 10:00:00 has no time zone; {TIME}")
        for what, text, key in (
            ("grant", with_grant(expires="2026-01-01T10:00:00"), "grants[0].expires"),
            (
                "binding",
                with_binding("group = 'g'\nteam = 'sales'\nrole = 'Op'\nexpires = 2026-01-01T10:00:00"),
                "bindings[0].expires",
            ),
            ("test", with_test(at="2026-01-01T10:00:00"), "tests[0].at"),
        )
    ),
    *(
        (f"no time: {value}", with_grant(expires=value), "grants[0].expires", f"is not a time; {TIME}")
        for value in ("2026-01-01", "10:00:00", '"2026-01-01T10:00:00Z"', "1767225600", "true", "[]")
    ),
    # A regex that does not compile, and templates.
    (
        "regex",
        with_binding("group_regex = 'af-('\nteam = 'sales'\nrole = 'Op'"),
        "bindings[0].group_regex",
        "'af-(' does not compile: missing ), unterminated subpattern at position 3; mend the regular expression",
    ),
    (
        "template of no named group",
        with_binding("group_regex = 'af-(?P<t>.+)'\nteam = '{team}'\nrole = 'Op'"),
        "bindings[0].team",
        "'{team}' stands for a named group of group_regex, and there is none; write (?P<team>…) there",
    ),
    (
        "template of a role",
        with_binding("group_regex = 'af-(?P<team>.+)'\nteam = '{team}'\nrole = '{role}'"),
        "bindings[0].role",
        "'{role}' stands for a named group of group_regex, and there is none; write (?P<role>…) there",
    ),
    (
        "template without a regex",
        with_binding("group = 'g'\nteam = '{team}'\nrole = 'Op'"),
        "bindings[0].team",
        "'{team}' stands for a named group of group_regex, and there is none",
    ),
    *(
        (
            f"template that is more than a name: {template}",
            with_binding(f"group_regex = 'af-(?P<team>.+)'\nteam = '{template}'\nrole = 'Op'"),
            "bindings[0].team",
            "stands for a named group of group_regex, and there is none",
        )
        for template in ("{team.x}", "{team[0]}", "{team!r}", "{team:>9}", "{}", "{0}")
    ),
    # Who and where.
    (
        "nobody",
        with_binding("team = 'sales'\nrole = 'Op'"),
        "bindings[0]",
        "has none of them; write exactly one of group, group_regex, user",
    ),
    (
        "two at once",
        with_binding("group = 'g'\nuser = 'u'\nteam = 'sales'\nrole = 'Op'"),
        "bindings[0]",
        "has group and user; write exactly one of group, group_regex, user",
    ),
    (
        "nowhere",
        with_binding("group = 'g'\nrole = 'Op'"),
        "bindings[0]",
        "has none of them; write exactly one of team, scope",
    ),
    (
        "two places",
        with_binding("group = 'g'\nteam = 'sales'\nscope = 'deployment'\nrole = 'Op'"),
        "bindings[0]",
        "has team and scope; write exactly one of team, scope",
    ),
    *(
        (
            f"empty {who}",
            with_binding(f"{who} = ''\nteam = 'sales'\nrole = 'Op'"),
            f"bindings[0].{who}",
            "is empty; write a name",
        )
        for who in ("group", "group_regex", "user")
    ),
    ("no role", with_binding("group = 'g'\nteam = 'sales'"), "bindings[0].role", "is missing; write it"),
    (
        "another scope",
        with_binding("group = 'g'\nscope = 'global'\nrole = 'Op'"),
        "bindings[0].scope",
        "input should be 'deployment'",
    ),
    (
        "the same twice",
        with_binding("group = 'g'\nteam = 'sales'\nrole = 'Op'\n" * 1)
        + "[[bindings]]\ngroup = 'g'\nteam = 'sales'\nrole = 'Op'\nreason = 'again'",
        "bindings[1]",
        "says the same as bindings[0]; leave one of them out",
    ),
    # Tests.
    (
        "test without a subject",
        with_test(user=None),
        "tests[0]",
        "has none of them; write exactly one of user_groups, user, task_dag",
    ),
    ("test with two", with_test(task_dag='"x"'), "tests[0]", "has user and task_dag; write exactly one of"),
    ("test of a pattern", with_test(resource='"dag:sales__*"'), "tests[0].resource", "a test asks about one resource"),
    ("test of no kind", with_test(resource='"sales__x"'), "tests[0].resource", "is not of the form kind:id"),
    (
        "test of no action",
        with_test(action='"use"'),
        "tests[0].action",
        "'use' is no action for a dag; the actions are",
    ),
    ("test that expects", with_test(expect='"yes"'), "tests[0].expect", "input should be 'allow' or 'deny'"),
    ("test of nothing", with_test(resource=None), "tests[0].resource", "is missing; write it"),
    # Not TOML.
    ("not TOML", "version = 1\n[teams.sales", "the file", "is not TOML: "),
    ("JSON", '{"version": 1}', "the file", "is not TOML: "),
    ("the same key twice", "version = 1\nversion = 1", "the file", "is not TOML: "),
    ("the same table twice", "version = 1\n[teams.a]\n[teams.a]", "the file", "is not TOML: "),
    ("no such day", "version = 2026-02-31T00:00:00Z", "the file", "is not TOML: "),
    ("binary", "\0\1\2", "the file", "is not TOML: "),
    ("nested deeply", "version = " + "[" * 10_000, "the file", "is not TOML: "),
    ("nested deeply, tables", "version = 1\n[" + "a." * 10_000 + "a]", "the file", "is not TOML: "),
    # Wrong types.
    ("teams as a list", "version = 1\nteams = ['sales']", "teams", "input should be a valid dictionary"),
    ("team as a text", "version = 1\n[teams]\nsales = 'x'", "teams.sales", "input should be"),
    ("bindings as a table", "version = 1\n[bindings]\ngroup = 'g'", "bindings", "input should be a valid list"),
    ("binding as a text", "version = 1\nbindings = ['x']", "bindings[0]", "input should be"),
    ("prefixes as a text", in_team("prefixes = 's__'"), "teams.sales.prefixes", "input should be a valid list"),
    ("prefix as a number", in_team("prefixes = [1]"), "teams.sales.prefixes[0]", "input should be a valid string"),
    ("groups as a text", with_test(user=None, user_groups='"g"'), "tests[0].user_groups", "should be a valid list"),
]


@pytest.mark.parametrize(("text", "key", "message"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_refused(text: str, key: str, message: str):
    found = problems(text)
    assert key in [problem.key for problem in found], found
    assert any(message in problem.message for problem in found if problem.key == key), found


def test_a_refused_row_is_the_only_thing_refused():
    """Each row above has one mistake: what is said of it is not followed by what follows from it."""
    many = {name: found for name, text, *_ in REFUSED if len(found := problems(text)) > 1}
    many.pop("two at once", None)  # see the next test
    assert {name for name, found in many.items() if " overlap" not in found[0].message} == set()


def test_two_subjects_are_not_called_empty():
    [problem] = problems(with_binding("group = 'g'\nuser = 'u'\nteam = 'sales'\nrole = 'Op'"))
    assert problem.key == "bindings[0]"


@pytest.mark.parametrize("name", ["expires", "at"])
def test_a_team_may_have_the_name_of_a_key(name: str):
    [problem] = problems(f"version = 1\n[teams]\n{name} = 5")
    assert problem.key == f"teams.{name}"
    assert "time" not in problem.message


def test_all_mistakes_are_said_at_once():
    shape = problems(
        """
        versio = 1
        [teams.sales]
        prefix = "x"
        [[bindings]]
        role = 1
        [[grants]]
        to = "*"
        """
    )
    assert [problem.key for problem in shape] == [
        "version",
        "teams.sales.prefix",
        "bindings[0].role",
        "grants[0].resource",
        "grants[0].actions",
        "grants[0].reason",
        "versio",
    ]
    words = problems(
        """
        version = 1
        [teams.sales]
        prefixes = ["sales", "ok__"]
        sources = ["x"]
        resources = ["y"]
        [[bindings]]
        group_regex = "("
        role = "Op"
        [[grants]]
        to = "x"
        resource = "dag:ok__x"
        actions = ["use", "fly"]
        reason = ""
        [[tests]]
        user = "x"
        resource = "dag:*"
        action = "use"
        expect = "deny"
        """
    )
    assert [problem.key for problem in words] == [
        "teams.sales.prefixes[0]",
        "teams.sales.sources[0]",
        "teams.sales.resources[0]",
        "bindings[0]",
        "bindings[0].group_regex",
        "grants[0].to",
        "grants[0].reason",
        "grants[0].actions",
        "grants[0].actions",
        "tests[0].resource",
        "tests[0].action",
    ]
    meaning = problems(
        """
        version = 1
        [teams.Sales]
        prefixes = ["x_"]
        [teams.finance]
        prefixes = ["X_Y_"]
        [[bindings]]
        group = "g"
        team = "nobody"
        role = "Nothing"
        [[grants]]
        to = "team:nobody"
        resource = "dag:z"
        actions = ["read"]
        reason = "so"
        [[tests]]
        user = "x"
        global_roles = ["Nothing"]
        resource = "dag:z"
        action = "read"
        expect = "deny"
        """
    )
    assert [problem.key for problem in meaning] == [
        "teams.Sales",
        "teams.Sales.prefixes[0]",
        "teams.finance.prefixes[0]",
        "bindings[0].role",
        "bindings[0].team",
        "grants[0].to",
        "grants[0].resource",
        "tests[0].global_roles",
    ]


# Lines -----------------------------------------------------------------------------------------------


def test_lines():
    text = """\
version = 2
# a comment
[teams.sales]   # another
prefixes = ["sales"]

[ teams.finance ]
prefixes = ["finance"]
[[bindings]]
role = 1

[[ bindings ]]
role = 1
  [[grants]]
to = 1
"""
    found = {problem.key: problem.line for problem in problems(text)}
    assert found == {
        "version": None,
        "bindings[0].role": 8,
        "bindings[1].role": 11,
        "grants[0].to": 13,
        "grants[0].resource": 13,
        "grants[0].actions": 13,
        "grants[0].reason": 13,
    }
    found = {problem.key: problem.line for problem in problems(text.replace("= 2", "= 1").split("[[bind")[0])}
    assert found == {"teams.sales.prefixes[0]": 3, "teams.finance.prefixes[0]": 6}


def test_lines_of_what_means_nothing():
    found = problems(with_grant(to='"team:salles"', resource='"dag:*"'))
    assert [(problem.key, problem.line) for problem in found] == [("grants[0].to", 5), ("grants[0].resource", 5)]
    assert str(found[0]).startswith("grants[0].to (line 5): there is no team 'salles'")


def test_no_line_where_none_can_be_told():
    found = problems("version = 1\nbindings = [{role = 1}]\nteams.sales.prefixes = ['x']")
    assert [(problem.key, problem.line) for problem in found] == [("bindings[0].role", None)]
    assert str(found[0]).startswith("bindings[0].role: ")


def test_lines_with_windows_line_ends():
    [problem] = problems("version = 1\r\n\r\n[teams.sales]\r\nprefixes = ['x']\r\n")
    assert problem.line == 3


# Hostile files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('version = 1\n"a." = 1'),
        pytest.param('version = 1\n"a[" = 1'),
        pytest.param('version = 1\n"[0]x" = 1'),
        'version = 1\n"" = 1',
        pytest.param('version = 1\n[teams."sales."]\nx = 1'),
        pytest.param('version = 1\n[teams."a[b"]\nx = 1'),
        pytest.param('version = 1\n[teams."a[0]."]\nx = 1'),
        'version = 1\n[teams.""]\nx = 1',
        'version = 1\n[teams."\\u0000"]\nx = 1',
    ],
)
def test_keys_that_look_like_paths(text: str):
    problems(text)


@pytest.mark.parametrize(
    "regex",
    [
        pytest.param("a{99999999999999999999}", id="repeated too often"),
        pytest.param("(" * 5000 + ")" * 5000, id="nested deeply"),
        pytest.param("(?P<team>" * 101 + ")" * 101, id="the same name twice"),
        "[",
        "\\",
        "(?i",
    ],
)
def test_regexes_that_no_one_compiles(regex: str):
    found = problems(with_binding(f"group_regex = '{regex}'\nteam = 'sales'\nrole = 'Op'"))
    assert [problem.key for problem in found] == ["bindings[0].group_regex"]
    assert "mend the regular expression" in found[0].message


@pytest.mark.parametrize("template", ["{team}{", "{team}}", "{x{team}}", "}{team}", "{team}{{", "{{team}}"])
def test_templates_that_no_one_fills_in(template: str):
    found = problems(with_binding(f"group_regex = 'af-(?P<team>.+)'\nteam = '{template}'\nrole = 'Op'"))
    assert [problem.key for problem in found] == ["bindings[0].team"]
    found = problems(
        with_binding(f"group_regex = 'af-(?P<team>.+)'\nteam = 'sales'\nrole = '{template}'"),
    )
    assert [problem.key for problem in found] == ["bindings[0].role"]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("9" * 10_000, id="decimal"),
        pytest.param("0x" + "f" * 10_000, id="hexadecimal"),
        pytest.param("0b" + "1" * 100_000, id="binary"),
        "1e99999",
        "inf",
        "nan",
    ],
)
def test_numbers_of_any_size(number: str):
    problems(f"version = {number}")


@pytest.mark.parametrize("version", ["true", "1.0"])
def test_what_only_equals_one(version: str):
    assert [problem.key for problem in problems(f"version = {version}")] == ["version"]


def test_large_files():
    grants = "".join(
        f"[[grants]]\nto = 'user:u{n}'\nresource = 'dag:sales__*'\nactions = ['read']\nreason = 'x'\n"
        for n in range(1000)
    )
    assert len(read(TEAMS + grants).grants) == 1000
    assert len(problems(TEAMS + "[[grants]]\nto = 'x'\n" * 1000)) == 3000
    assert read("version = 1\n" + "# " + "x" * 1_000_000) == Policy()
    long = read(f"version = 1\n[teams.sales]\ndescription = '{'x' * 1_000_000}'").teams[0].description
    assert len(long) == 1_000_000


def read_or_refused(text: str) -> None:
    try:
        read(text)
    except PolicyFileError as error:
        refused = error.problems
    else:
        return
    assert refused
    assert all(problem.message for problem in refused)


words = st.text(string.ascii_letters + "_-.:*{}[]()\"'\\/ é\n\0", max_size=12)
values = st.recursive(
    st.one_of(
        st.none().map(lambda _: 1),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        words,
        st.datetimes(timezones=st.one_of(st.none(), st.just(UTC))),
        st.dates(),
        st.times(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
SHAPE = {
    "teams": {"sales": dict.fromkeys(("description", "prefixes", "asset_uris", "sources", "resources"))},
    "bindings": [dict.fromkeys(("group", "group_regex", "user", "team", "scope", "role", "expires", "reason"))],
    "grants": [dict.fromkeys(("to", "resource", "actions", "reason", "team", "expires"))],
    "tests": [dict.fromkeys(("user_groups", "user", "task_dag", "global_roles", "action", "resource", "expect", "at"))],
}
FITTING = {
    "prefixes": st.lists(words, max_size=3),
    "asset_uris": st.lists(words, max_size=3),
    "sources": st.lists(st.builds("bundle:{}".format, words), max_size=2),
    "resources": st.lists(st.builds("dag:{}".format, words), max_size=2),
    "group": words,
    "group_regex": words,
    "user": words,
    "team": words,
    "role": words,
    "reason": words,
    "to": st.one_of(words, st.builds("user:{}".format, words)),
    "resource": st.builds("dag:{}".format, words),
    "actions": st.lists(st.sampled_from(("read", "run", "fly")), max_size=2),
    "action": st.sampled_from(("read", "fly")),
    "user_groups": st.lists(words, max_size=2),
    "expect": st.just("deny"),
    "scope": st.just("deployment"),
    "expires": st.datetimes(timezones=st.just(UTC)),
    "at": st.datetimes(timezones=st.just(UTC)),
}


@st.composite
def files(draw: st.DrawFn) -> dict:
    """Draw a file in which every key has what it should have, or anything, or is not there."""

    def block(keys: dict) -> dict:
        chosen = {}
        for key in keys:
            how = draw(st.integers(0, 5))
            if how == 0:
                chosen[key] = draw(values)
            elif how < 5 and key in FITTING:
                chosen[key] = draw(FITTING[key])
        return chosen

    file: dict = {"version": 1}
    file["teams"] = {draw(st.one_of(st.just("sales"), words)): block(SHAPE["teams"]["sales"])}
    for name in ("bindings", "grants", "tests"):
        file[name] = [block(SHAPE[name][0])]
    if draw(st.integers(0, 3)) == 0:
        file[draw(st.one_of(st.sampled_from(sorted(file)), words))] = draw(values)
    return file


@settings(max_examples=250, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_a_file_is_read_or_refused_and_nothing_else(file: dict):
    read_or_refused(tomlkit.dumps(file))


@settings(max_examples=500, derandomize=True, database=None, deadline=None)
@given(st.text())
def test_a_text_is_read_or_refused_and_nothing_else(text: str):
    with pytest.raises(PolicyFileError):
        parse(text)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.data())
def test_a_broken_file_is_read_or_refused_and_nothing_else(data: st.DataObject):
    start, length = data.draw(st.integers(0, len(GOOD))), data.draw(st.integers(0, 20))
    instead = data.draw(st.sampled_from(("", "[", "]]", '"', "'''", "=", "{", "\n", "1", "\\", "a.b", "2026-01-01")))
    read_or_refused(GOOD[:start] + instead + GOOD[start + length :])


# Back to text ----------------------------------------------------------------------------------------


def test_a_file_is_written_back():
    policy = read(GOOD)
    assert read(render(policy)) == policy
    assert render(read(render(policy))) == render(policy)


def test_how_it_is_written():
    policy = Policy(
        (Team("sales", prefixes=("sales__",)), Team("bare", prefixes=())),
        (Binding("group", "g", "Op", None), Binding("user", "u", "Op", "*", TEN, "so")),
        (GRANT,),
    )
    assert render(policy) == dedent(
        """\
        version = 1

        [teams.sales]
        prefixes = ["sales__"]

        [teams.bare]
        prefixes = []

        [[bindings]]
        group = "g"
        scope = "deployment"
        role = "Op"

        [[bindings]]
        user = "u"
        team = "*"
        role = "Op"
        expires = 2026-12-31T10:00:00Z
        reason = "so"

        [[grants]]
        to = "team:finance"
        resource = "connection:sales__dwh"
        actions = ["read", "use"]
        expires = 2026-12-31T10:00:00Z
        reason = "Q4 audit"
        """
    )


def test_airflows_own_teams_are_not_written():
    policy = Policy((Team("bare", managed_by="airflow"), Team("ours", prefixes=("ours__",), managed_by="ui")))
    assert "bare" not in render(policy)
    assert parse(render(policy)).teams == {"ours": Team("ours", prefixes=("ours__",))}


def test_nothing_is_written_back_as_nothing():
    assert render(Policy()).strip() == "version = 1"
    assert read(render(Policy())) == Policy()


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
    st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3.5))])),
)
def test_any_text_and_time_is_written_back(text: str, name: str, when: datetime):
    sales = Team("sales", text, ("sales__",), sources=("bundle:x",), resources=(Reference(Kind.DAG, "x" + name),))
    if "*" in name:
        sales = Team("sales", text, ("sales__",))
    policy = Policy(
        (sales,),
        (Binding("group", name, "Op", "sales", when, text), Binding("user", name, "Op", None)),
        (
            Grant(f"group:{name}", Reference(Kind.DAG, f"sales__{name}"), frozenset({Action.RUN}), "sales", "y" + text),
            Grant("*", Reference(Kind.DAG, "sales__x"), frozenset({Action.RUN}), "sales", "z", when),
        ),
    )
    if "\n" in name:  # nobody's name
        return
    assert read(render(policy)) == policy


# What is there already -------------------------------------------------------------------------------


def managed(by: str, row: int = 7) -> Origin:
    return Origin(row, by, "ann")


CURRENT = Policy(
    (
        Team("Old Name", prefixes=("old.",), managed_by="airflow"),
        Team("by-file", prefixes=("by-file__",)),
        Team("by-ui", prefixes=("by-ui__",), managed_by="ui"),
        Team("gone", prefixes=("gone__",), managed_by="ui", exists=False),
    ),
    (
        Binding("group", "g", "Op", "by-ui", origin=managed("file")),
        Binding("group", "g", "User", "by-ui", origin=managed("ui")),
    ),
    (
        Grant("*", Reference(Kind.DAG, "by-ui__f"), frozenset({Action.READ}), "by-ui", "f", origin=managed("file")),
        Grant("*", Reference(Kind.DAG, "by-ui__u"), frozenset({Action.READ}), "by-ui", "u", origin=managed("api")),
    ),
)


def names(policy: Policy) -> tuple[list[str], list[str], list[str]]:
    return (
        [team.name for team in policy.teams],
        [row.role for row in policy.bindings],
        [row.resource.id for row in policy.grants],
    )


def test_what_an_earlier_file_made_is_kept():
    assert read("version = 1", CURRENT) == CURRENT


def test_what_an_earlier_file_made_is_dropped_with_prune():
    pruned = read("version = 1", CURRENT, prune=True)
    assert names(pruned) == (["Old Name", "by-ui", "gone"], ["User"], ["by-ui__u"])


def test_what_the_file_still_has_is_not_dropped():
    text = """
    version = 1
    [teams.by-file]
    [[bindings]]
    group = "g"
    team = "by-ui"
    role = "Op"
    [[grants]]
    to = "*"
    resource = "dag:by-ui__f"
    actions = ["read"]
    reason = "f"
    """
    assert names(read(text, CURRENT, prune=True)) == (
        ["Old Name", "by-file", "by-ui", "gone"],
        ["User", "Op"],
        ["by-ui__u", "by-ui__f"],
    )
    assert read(text, CURRENT) == CURRENT


def test_the_file_takes_over_rows_that_were_made_elsewhere():
    policy = read(
        """
        version = 1
        [teams.by-ui]
        description = "now in the file"
        prefixes = ["by-ui__", "new__"]
        [[bindings]]
        group = "g"
        team = "by-ui"
        role = "User"
        reason = "now in the file"
        [[grants]]
        to = "*"
        resource = "dag:by-ui__u"
        actions = ["run"]
        reason = "now in the file"
        """,
        CURRENT,
    )
    assert names(policy) == (names(CURRENT)[0], ["Op", "User"], ["by-ui__f", "by-ui__u"])
    team, binding, grant = policy.teams[2], policy.bindings[1], policy.grants[1]
    assert (team.managed_by, team.prefixes) == ("file", ("by-ui__", "new__"))
    assert (binding.origin.managed_by, binding.reason) == ("file", "now in the file")
    assert (grant.origin.managed_by, grant.actions) == ("file", {Action.RUN})


def test_a_row_is_the_same_by_whom_it_is_for_and_what():
    text = """
    version = 1
    [[bindings]]
    group = "g"
    team = "*"
    role = "Op"
    [[bindings]]
    user = "g"
    team = "by-ui"
    role = "Op"
    [[bindings]]
    group = "g"
    scope = "deployment"
    role = "Op"
    [[grants]]
    to = "platform"
    resource = "dag:by-ui__f"
    actions = ["read"]
    reason = "f"
    [[grants]]
    to = "*"
    resource = "pool:by-ui__f"
    actions = ["read"]
    reason = "f"
    [[grants]]
    to = "*"
    resource = "dag:by-ui__f"
    team = "by-ui"
    actions = ["read"]
    reason = "f"
    """
    policy = read(text, CURRENT)
    assert (len(policy.bindings), len(policy.grants)) == (2 + 3, 2 + 3)


def test_names_that_are_there_are_accepted_as_stored():
    assert read("version = 1\n[teams.'Old Name']\nprefixes = ['old.']", CURRENT).teams[0].name == "Old Name"
    [problem] = problems("version = 1\n[teams.'Old name']\nprefixes = ['x.']", CURRENT)
    assert "is no team name" in problem.message


def test_teams_that_are_there_can_be_named():
    read("version = 1\n[[bindings]]\ngroup = 'x'\nteam = 'Old Name'\nrole = 'Op'", CURRENT)
    read(
        "version = 1\n[[grants]]\nto = 'team:by-ui'\nresource = 'dag:old.x'\nactions = ['read']\nreason = 'x'", CURRENT
    )


def test_what_is_pruned_cannot_be_named():
    text = "version = 1\n[[bindings]]\ngroup = 'x'\nteam = 'by-file'\nrole = 'Op'"
    read(text, CURRENT)
    [problem] = problems(text, CURRENT, prune=True)
    assert problem.key == "bindings[0].team"


@pytest.mark.parametrize("prefix", ["by-ui__", "BY-UI__", "by-ui__x_", "by-", "gone__", "old."])
def test_prefixes_of_teams_that_are_there_count_too(prefix: str):
    [problem, *_] = problems(f"version = 1\n[teams.new]\nprefixes = ['{prefix}']", CURRENT)
    assert problem.key == "teams.new.prefixes[0]"
    assert "overlap" in problem.message


def test_a_prefix_that_is_given_up_is_free():
    text = "version = 1\n[teams.by-ui]\nprefixes = []\n[teams.new]\nprefixes = ['by-ui__']"
    assert read(text, CURRENT).teams[3:] == (Team("gone", prefixes=("gone__",)), Team("new", prefixes=("by-ui__",)))
    pruned = read("version = 1\n[teams.new]\nprefixes = ['by-file__']", CURRENT, prune=True)
    assert names(pruned)[0] == ["Old Name", "by-ui", "gone", "new"]


def test_one_team_s_own_prefixes_may_overlap():
    read("version = 1\n[teams.sales]\nprefixes = ['s_', 's_eu_']\nasset_uris = ['s3://a/', 's3://a/b/']")


def test_prefixes_and_uris_do_not_meet():
    read("version = 1\n[teams.one]\nprefixes = ['s3://']\n[teams.two]\nasset_uris = ['s3://']")


@pytest.mark.parametrize("kind", ["connection", "variable"])
def test_two_teams_do_not_list_the_same_in_two_letter_cases(kind: str):
    [problem] = problems(
        f"version = 1\n[teams.one]\nresources = ['{kind}:crm']\n[teams.two]\nresources = ['{kind}:CRM']"
    )
    assert problem.key == "teams.two.resources"


def test_other_kinds_are_told_apart_by_letter_case():
    read("version = 1\n[teams.one]\nresources = ['dag:crm']\n[teams.two]\nresources = ['dag:CRM', 'pool:crm']")


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ("prefixes = ['a__', 'a__']", "teams.sales.prefixes[1]"),
        ("asset_uris = ['s3://a/', 's3://a/']", "teams.sales.asset_uris[1]"),
        ("sources = ['bundle:a', 'bundle:a']", "teams.sales.sources[1]"),
        ("resources = ['dag:a', 'dag:a']", "teams.sales.resources[1]"),
    ],
)
def test_the_same_twice_in_a_team(block: str, key: str):
    [problem] = problems(in_team(block))
    assert problem.key == key
    assert "twice" in problem.message


def test_a_grant_of_what_is_adopted():
    text = """
    version = 1
    [teams.sales]
    resources = ["dag:legacy", "connection:finance__lent"]
    [teams.finance]
    [[grants]]
    to = "*"
    resource = "dag:legacy"
    actions = ["read"]
    reason = "x"
    [[grants]]
    to = "*"
    resource = "connection:finance__lent"
    actions = ["read"]
    reason = "x"
    [[grants]]
    to = "*"
    resource = "connection:finance__*"
    actions = ["read"]
    reason = "x"
    """
    assert [grant.owner for grant in read(text).grants] == ["sales", "sales", "finance"]


def test_a_role_is_found_whatever_its_letter_case():
    text = with_binding("group = 'g'\nteam = 'sales'\nrole = 'oP'")
    assert read(text).bindings[0].role == "oP"
    read(with_test(global_roles='["oP"]'))


def test_the_example_of_the_repository(pytestconfig: pytest.Config):
    read((pytestconfig.rootpath / "examples" / "policy.toml").read_text())
