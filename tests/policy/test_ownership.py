"""*Owner of a resource* in DESIGN section 3, line by line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airflow_team_rbac.auth_manager.policy.model import Kind, Reference, Team, fold
from airflow_team_rbac.auth_manager.policy.ownership import Ownership
from hypothesis import given, settings
from hypothesis import strategies as st

from . import reference

ref = Reference.parse

SALES = Team(
    "sales",
    prefixes=("sales__", "eu-sales."),
    asset_uris=("s3://sales/", "s3://Shared-Sales/"),
    resources=(
        ref("dag:legacy_etl"),
        ref("connection:crm"),
        ref("variable:Kiosk"),
        ref("pool:crm"),
        ref("asset:orders"),
        ref("dag:finance__lent"),
        ref("connection:finance__lent"),
    ),
)
FINANCE = Team("finance", prefixes=("finance__",), asset_uris=("s3://finance/",), resources=(ref("asset:ledger"),))
SKIS = Team("skis", prefixes=("skis__",))
GONE = Team("gone", prefixes=("gone__",), asset_uris=("s3://gone/",), resources=(ref("dag:orphan"),), exists=False)
BARE = Team("bare")  # known by its name alone: Airflow's own
TEAMS = (SALES, FINANCE, SKIS, GONE, BARE)
OWNERSHIP = Ownership(TEAMS)


def rows(*lines: tuple[str, ...]) -> list:
    """Make parameters of (what it shows, resource, ..., owner)."""
    return [pytest.param(*line[1:], id=f"{line[0]}: {line[1]}") for line in lines]


@pytest.mark.parametrize(
    ("resource", "owner"),
    rows(
        # Rule 2: what a team lists is its own.
        ("adopted", "dag:legacy_etl", "sales"),
        ("adopted", "connection:crm", "sales"),
        ("adopted", "pool:crm", "sales"),
        ("adopted", "asset:orders", "sales"),
        ("adopted under another kind", "variable:crm", "unowned"),
        ("adopted under another kind", "connection:legacy_etl", "unowned"),
        ("adopted, and that is no prefix", "dag:legacy_etl_2", "unowned"),
        ("adopted, and that is no prefix", "dag:legacy_et", "unowned"),
        ("adopted before the prefix is looked at", "dag:finance__lent", "sales"),
        ("not adopted, by its prefix", "dag:finance__lent2", "finance"),
        ("not adopted, by its prefix", "variable:finance__lent", "finance"),
        # Rule 3: what begins with a team's prefix, of every kind.
        *((f"{kind} by prefix", f"{kind}:sales__dwh", "sales") for kind in Kind),
        ("second prefix", "dag:eu-sales.load", "sales"),
        ("nothing after the prefix", "dag:sales__", "sales"),
        ("more delimiters", "dag:sales____x", "sales"),
        ("letter case after the prefix is free", "dag:sales__DWH", "sales"),
        ("the prefix of another team inside", "dag:sales__finance__x", "sales"),
        ("prefix cut short", "dag:sales_", "unowned"),
        ("prefix without its delimiter", "dag:sales", "unowned"),
        ("half a delimiter", "dag:sales_x", "unowned"),
        ("another delimiter", "dag:sales--x", "unowned"),
        ("dot is no wildcard", "dag:eu-salesXload", "unowned"),
        ("longer name", "dag:salesforce__x", "unowned"),
        ("delimiter first", "dag:_sales__x", "unowned"),
        ("in the middle", "dag:my_sales__x", "unowned"),
        ("space first", "dag: sales__x", "unowned"),
        ("team without a prefix", "dag:bare__x", "unowned"),
        ("nobody's", "connection:smtp_default", "unowned"),
        ("empty", "dag:", "unowned"),
        # Rule 4: another letter case.
        *((f"{kind}, upper case", f"{kind}:SALES__dwh", "disputed") for kind in Kind),
        ("one letter", "dag:Sales__x", "disputed"),
        ("one letter", "dag:saleS__x", "disputed"),
        ("second prefix", "dag:EU-sales.load", "disputed"),
        ("long s", "dag:ſaleſ__x", "disputed"),
        ("long s", "dag:skiſ__x", "disputed"),
        ("dotless i", "connection:skıs__x", "disputed"),
        ("kelvin", "dag:s\N{KELVIN SIGN}is__x", "disputed"),
        ("look-alikes that no letter case makes", "dag:ѕales__x", "unowned"),  # a Cyrillic letter
        ("look-alikes that no letter case makes", "dag:skİs__x", "unowned"),  # folds to two letters
        ("adopted connection in another case", "connection:CRM", "disputed"),
        ("adopted connection in another case", "connection:Crm", "disputed"),
        ("adopted variable in another case", "variable:kiosk", "disputed"),
        ("adopted variable, look-alike", "variable:\N{KELVIN SIGN}iosk", "disputed"),
        ("adopted variable, look-alike", "variable:kıosk", "disputed"),
        ("adopted under another prefix, other case", "connection:FINANCE__lent", "disputed"),
        ("adopted under another prefix, other case", "connection:finance__LENT", "disputed"),
        # Environment variables answer for connections and variables only.
        ("adopted Dag in another case", "dag:LEGACY_ETL", "unowned"),
        ("adopted pool in another case", "pool:CRM", "unowned"),
        ("adopted Dag in another case, by its prefix", "dag:finance__LENT", "finance"),
        # Rule 4: a team that is gone.
        ("prefix of a team that is gone", "dag:gone__x", "disputed"),
        ("prefix of a team that is gone, other case", "dag:GONE__x", "disputed"),
        ("adopted by a team that is gone", "dag:orphan", "disputed"),
        # Airflow's own pool is everybody's.
        ("everybody's", "pool:default_pool", "unowned"),
        ("everybody's name under another kind", "dag:default_pool", "unowned"),
    ),
)
def test_owner_by_id(resource: str, owner: str):
    kind, _, name = resource.partition(":")
    assert str(OWNERSHIP.owner(Kind(kind), name)) == owner


@pytest.mark.parametrize(
    ("resource", "uri", "owner"),
    rows(
        ("by its name, whatever its URI", "asset:sales__x", "s3://elsewhere/x", "sales"),
        ("by its name, without a URI", "asset:sales__x", None, "sales"),
        ("by its name, with an empty URI", "asset:sales__x", "", "sales"),
        ("by its URI", "asset:clicks", "s3://sales/clicks", "sales"),
        ("by its second URI", "asset:clicks", "s3://Shared-Sales/clicks", "sales"),
        ("by nothing", "asset:clicks", "s3://elsewhere/clicks", "unowned"),
        ("both the same", "asset:sales__x", "s3://sales/x", "sales"),
        ("adopted, and its URI the same", "asset:orders", "s3://sales/orders", "sales"),
        ("name and URI of two teams", "asset:sales__x", "s3://finance/x", "disputed"),
        ("name and URI of two teams", "asset:finance__x", "s3://sales/x", "disputed"),
        ("adopted, and a URI of another team", "asset:ledger", "s3://sales/ledger", "disputed"),
        ("URI without its delimiter", "asset:clicks", "s3://sales", "unowned"),
        ("URI with a longer name", "asset:clicks", "s3://salesforce/x", "unowned"),
        ("URI of another scheme", "asset:clicks", "gs://sales/x", "unowned"),
        ("URI in another case", "asset:clicks", "S3://SALES/clicks", "disputed"),
        ("URI in another case", "asset:clicks", "s3://shared-sales/clicks", "disputed"),
        ("URI with a look-alike", "asset:clicks", "s3://ſales/clicks", "disputed"),
        ("URI of a team that is gone", "asset:clicks", "s3://gone/x", "disputed"),
        ("name fine, URI in another case", "asset:sales__x", "S3://sales/x", "disputed"),
        ("name fine, URI in another case of another team", "asset:sales__x", "S3://finance/x", "disputed"),
        ("name in another case, URI fine", "asset:SALES__x", "s3://sales/x", "disputed"),
        ("name in another case, no team's URI", "asset:SALES__x", "s3://elsewhere/x", "disputed"),
        ("name fine, URI of a team that is gone", "asset:sales__x", "s3://gone/x", "disputed"),
        ("name of a team that is gone, URI fine", "asset:gone__x", "s3://sales/x", "disputed"),
        ("both of a team that is gone", "asset:gone__x", "s3://gone/x", "disputed"),
        ("a prefix is no URI", "asset:clicks", "sales__x", "unowned"),
        ("a URI is no name", "asset:s3://sales/x", None, "unowned"),
        ("an alias has no URI", "alias:clicks", "s3://sales/x", "unowned"),
        ("nor has a Dag", "dag:sales__x", "s3://finance/x", "sales"),
    ),
)
def test_owner_of_an_asset(resource: str, uri: str | None, owner: str):
    kind, _, name = resource.partition(":")
    assert str(OWNERSHIP.owner(Kind(kind), name, uri=uri)) == owner


@pytest.mark.parametrize(
    ("resource", "native", "owner"),
    rows(
        ("rule 1, before the prefix", "connection:sales__x", "finance", "finance"),
        ("rule 1, before what is adopted", "connection:crm", "finance", "finance"),
        ("rule 1, where nothing else says so", "connection:smtp", "bare", "bare"),
        ("rule 1, before the letter case", "connection:SALES__x", "finance", "finance"),
        ("the same twice", "dag:sales__x", "sales", "sales"),
        ("a native team that is gone", "connection:smtp", "gone", "disputed"),
        ("a native team never heard of", "connection:sales__x", "nobody", "disputed"),
        ("an empty native team is none that there is", "connection:sales__x", "", "disputed"),
        ("null says nothing", "connection:sales__x", None, "sales"),
        ("null says nothing", "connection:smtp", None, "unowned"),
        ("everybody's pool stays everybody's", "pool:default_pool", "sales", "unowned"),
    ),
)
def test_native_owner(resource: str, native: str | None, owner: str):
    kind, _, name = resource.partition(":")
    assert str(OWNERSHIP.owner(Kind(kind), name, native)) == owner


def test_owned_unowned_or_disputed_and_never_two_of_them():
    for name, owned, unowned, disputed in (
        ("sales__x", True, False, False),
        ("other", False, True, False),
        ("SALES__x", False, False, True),
    ):
        owner = OWNERSHIP.owner(Kind.DAG, name)
        assert (owner.team is not None, owner.is_unowned, owner.disputed) == (owned, unowned, disputed)


def test_nothing_makes_the_default_pool_a_team_s():
    greedy = Team("greedy", prefixes=("default_",), resources=(ref("pool:default_pool"),))
    assert Ownership([greedy]).owner(Kind.POOL, "default_pool").is_unowned
    assert Ownership([greedy]).owner(Kind.POOL, "default_pool2").team == "greedy"
    assert Ownership([greedy]).owner(Kind.DAG, "default_pool").team == "greedy"


def test_one_team_s_prefixes_may_begin_each_other():
    ownership = Ownership([Team("sales", prefixes=("s_", "s_eu_", "S_EU_"))])
    for name in ("s_x", "s_eu_x", "S_EU_x", "s_EU_x"):
        assert ownership.owner(Kind.DAG, name).team == "sales", name
    assert ownership.owner(Kind.DAG, "S_x").disputed
    assert ownership.owner(Kind.DAG, "S_eu_x").disputed


def test_two_teams_prefixes_that_begin_each_other_make_a_dispute():
    # The file refuses them; a policy that has them all the same must give nobody more for it.
    ownership = Ownership([Team("data", prefixes=("data_",)), Team("eng", prefixes=("data_eng_",))])
    assert ownership.owner(Kind.DAG, "data_eng_x").disputed
    assert ownership.owner(Kind.DAG, "data_x").team == "data"


def test_a_team_that_comes_back_owns_its_things_again():
    there = Ownership([replace(team, exists=True) for team in TEAMS])
    assert there.owner(Kind.DAG, "gone__x").team == "gone"
    assert there.owner(Kind.DAG, "orphan").team == "gone"


@pytest.mark.parametrize("kind", [Kind.CONNECTION, Kind.VARIABLE])
def test_two_teams_that_list_the_same_in_two_letter_cases_make_a_dispute(kind: Kind):
    # AIRFLOW_CONN_CRM answers for both.
    ownership = Ownership(
        [Team("sales", resources=(Reference(kind, "crm"),)), Team("finance", resources=(Reference(kind, "CRM"),))]
    )
    assert ownership.owner(kind, "crm").disputed
    assert ownership.owner(kind, "CRM").disputed


def test_one_team_may_list_the_same_in_two_letter_cases():
    ownership = Ownership([Team("sales", resources=(ref("connection:crm"), ref("connection:CRM")))])
    assert ownership.owner(Kind.CONNECTION, "crm").team == "sales"
    assert ownership.owner(Kind.CONNECTION, "CRM").team == "sales"
    assert ownership.owner(Kind.CONNECTION, "Crm").disputed


@pytest.mark.parametrize(
    ("pattern", "owner"),
    rows(
        ("one thing by its prefix", "dag:sales__x", "sales"),
        ("one thing that is adopted", "dag:legacy_etl", "sales"),
        ("one thing that is adopted", "connection:finance__lent", "sales"),
        ("one thing of nobody", "dag:other", None),
        ("one thing in another case", "dag:SALES__x", None),
        ("one thing of a team that is gone", "dag:gone__x", None),
        ("pattern after a prefix", "dag:sales__*", "sales"),
        ("pattern after a prefix", "dag:sales__x*y*", "sales"),
        ("pattern after the second prefix", "pool:eu-sales.*", "sales"),
        ("pattern within a prefix", "dag:sales_*", None),
        ("pattern within a prefix", "dag:sales*__x", None),
        ("pattern before a prefix", "dag:*sales__x", None),
        ("pattern of everything", "dag:*", None),
        ("pattern after a prefix in another case", "dag:SALES__*", None),
        ("pattern of what is adopted", "dag:legacy*", None),
    ),
)
def test_owner_of_a_grants_resource(pattern: str, owner: str | None):
    assert OWNERSHIP.owner_of_pattern(ref(pattern)) == owner


@pytest.mark.parametrize(
    ("resource", "because"),
    [
        ("dag:legacy_etl", "team sales lists it in its resources"),
        ("dag:sales__x", "its id begins with 'sales__'"),
        ("dag:eu-sales.x", "its id begins with 'eu-sales.'"),
        ("asset:sales__x", "its name begins with 'sales__'"),
        ("alias:sales__x", "its name begins with 'sales__'"),
        ("dag:SALES__x", "'sales__' of team sales in another letter case"),
        ("connection:CRM", "it is connection:crm of team sales in another letter case"),
        ("dag:gone__x", "its id begins with 'gone__', but there is no team gone"),
        ("dag:other", "no team lists it and no team's prefix begins it"),
        ("pool:default_pool", "no team lists it and no team's prefix begins it"),
    ],
)
def test_it_says_why(resource: str, because: str):
    asked = ref(resource)
    assert because in OWNERSHIP.owner(asked.kind, asked.id).because


def test_it_says_why_of_native_teams_and_uris():
    owner = OWNERSHIP.owner
    assert owner(Kind.DAG, "x", "sales").because == "Airflow stores that team for it"
    assert owner(Kind.ASSET, "x", uri="s3://sales/x").because == "its URI begins with 's3://sales/'"
    both = owner(Kind.ASSET, "sales__x", uri="s3://finance/x").because
    assert both == "its name is of team sales and its URI of team finance"
    fine_and_not = owner(Kind.ASSET, "sales__x", uri="S3://finance/x").because
    assert fine_and_not == "its URI begins with 's3://finance/' of team finance in another letter case"
    not_and_fine = owner(Kind.ASSET, "SALES__x", uri="s3://finance/x").because
    assert not_and_fine == "its name begins with 'sales__' of team sales in another letter case"
    overlap = Ownership([Team("data", prefixes=("data_",)), Team("eng", prefixes=("data_eng_",))])
    assert overlap.owner(Kind.DAG, "data_eng_x").because == "prefixes of data and eng both begin it"


def test_by_id_leaves_native_teams_and_gone_teams_aside():
    assert OWNERSHIP.by_id(Kind.DAG, "sales__x").team == "sales"
    assert OWNERSHIP.by_id(Kind.DAG, "gone__x").team == "gone"
    assert OWNERSHIP.by_id(Kind.CONNECTION, "CRM").disputed
    assert OWNERSHIP.by_id(Kind.DAG, "other") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("abc-1", "ABC-1"), ("s", "ſ"), ("S", "ſ"), ("i", "ı"), ("k", "\N{KELVIN SIGN}"), ("ß", "SS"), ("ΣΑΣ", "σας")],
)
def test_folded_alike(one: str, other: str):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("i", "İ"), ("a", "а"), ("_", "-"), ("a", "á"), ("s", "ss")])
def test_folded_apart(one: str, other: str):
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("pattern", "matched", "not_matched"),
    [
        ("dag:a__b", ["a__b"], ["a__bc", "a__", "xa__b", "A__b", ""]),
        ("dag:a__*", ["a__", "a__b", "a__b*", "a__b\nc", "a__*"], ["a_", "A__b", "xa__b"]),
        ("dag:a__*_v1", ["a___v1", "a__x_v1", "a__x_v1_v1"], ["a__x_v2", "a__x_v1x", "a__v1"]),
        ("dag:a*a", ["aa", "aba", "aaa"], ["a", "ab", "baa"]),
        ("dag:*", ["", "x", "x\ny"], []),
        ("dag:a.b*", ["a.b", "a.bc"], ["axb", "axbc"]),
        ("dag:a[bc]?*", ["a[bc]?", "a[bc]?d"], ["ab", "abd"]),
        ("dag:a**b", ["ab", "axb"], ["a"]),
    ],
)
def test_patterns(pattern: str, matched: list[str], not_matched: list[str]):
    resources = ref(pattern)
    assert [text for text in matched if not resources.matches(text)] == []
    assert [text for text in not_matched if resources.matches(text)] == []


@settings(max_examples=1000, derandomize=True, database=None, deadline=None)
@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_patterns_match_as_the_reference_matches(pattern: str, text: str):
    assert Reference(Kind.DAG, pattern).matches(text) is reference.matches(pattern, text)


def test_no_pattern_takes_for_ever():
    assert not Reference(Kind.DAG, "a*" * 50 + "b").matches("a" * 250)
    assert Reference(Kind.DAG, "a*" * 50 + "b").matches("a" * 250 + "b")
    assert not Reference(Kind.DAG, "*" * 50 + "b").matches("a" * 250)


def test_a_reference_with_a_colon_in_its_id():
    assert ref("asset:s3://sales/x") == Reference(Kind.ASSET, "s3://sales/x")
    assert str(ref("asset:s3://sales/x")) == "asset:s3://sales/x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sales__dwh", "'sales__dwh' is not of the form kind:id; write for example 'connection:sales__dwh'"),
        ("", "not of the form kind:id"),
        ("dag:", "not of the form kind:id"),
        (":x", "'' is not a kind of resource; the kinds are dag, connection, variable, pool, asset, alias"),
        ("Dag:x", "'Dag' is not a kind of resource"),
        ("dags:x", "'dags' is not a kind of resource"),
        (" dag:x", "' dag' is not a kind of resource"),
    ],
)
def test_what_is_no_reference(text: str, said: str):
    with pytest.raises(ValueError, match="is not") as refused:
        ref(text)
    assert said in str(refused.value)
