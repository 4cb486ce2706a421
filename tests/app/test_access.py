"""``why``, ``who-can``, the API and the auth manager give one answer, and name the rule."""

from __future__ import annotations

import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AssetAliasDetails, AssetDetails
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.policy.model import ACTIONS, Action, Kind, Reference, Rule
from airflow_team_rbac.auth_manager.store.access import AccessCheck
from airflow_team_rbac.auth_manager.team_auth_manager import fab_asks

from .conftest import ALIASES, ASSETS, CONNECTIONS, DAGS, PEOPLE, POOLS, VARIABLES

RESOURCES = [
    *(f"dag:{name}" for name in (*DAGS, "sales__no_such_dag")),
    *(f"connection:{name}" for name in CONNECTIONS),
    *(f"variable:{name}" for name in VARIABLES),
    *(f"pool:{name}" for name in (*POOLS, "default_pool")),
    *(f"asset:{name}" for name in ASSETS),
    *(f"alias:{name}" for name in ALIASES),
]


@pytest.fixture
def check(company):
    with create_session() as session:
        manager = get_auth_manager()
        yield AccessCheck(manager.people, fab_asks(manager), session)


def request_of(company, action: Action, reference: Reference):
    """The request of Airflow's API that asks this, or None where only the auth manager is asked."""
    name = reference.id
    number = company.assets.get(name) or company.aliases.get(name)
    return {
        (Kind.DAG, Action.READ): ("GET", f"/dags/{name}", None),
        (Kind.DAG, Action.EDIT): ("PATCH", f"/dags/{name}", {"is_paused": True}),
        (Kind.DAG, Action.RUN): ("POST", f"/dags/{name}/dagRuns", {"logical_date": None}),
        (Kind.CONNECTION, Action.READ): ("GET", f"/connections/{name}", None),
        (Kind.CONNECTION, Action.EDIT): ("PATCH", f"/connections/{name}", {"connection_id": name, "conn_type": "http"}),
        (Kind.VARIABLE, Action.READ): ("GET", f"/variables/{name}", None),
        (Kind.VARIABLE, Action.EDIT): ("PATCH", f"/variables/{name}", {"key": name, "value": "1"}),
        (Kind.POOL, Action.READ): ("GET", f"/pools/{name}", None),
        (Kind.POOL, Action.EDIT): (
            "PATCH",
            f"/pools/{name}?update_mask=slots",
            {"pool": name, "slots": 3, "include_deferred": False},
        ),
        (Kind.ASSET, Action.READ): ("GET", f"/assets/{number}", None),
        (Kind.ALIAS, Action.READ): ("GET", f"/assets/aliases/{number}", None),
    }.get((reference.kind, action))


def ask_manager(company, name: str, action: Action, reference: Reference) -> bool:
    """Ask the auth manager what a route asks that does more than we want here, such as materialize."""
    manager = get_auth_manager()
    user = manager.deserialize_user({"sub": str(company.people[name])})
    if reference.kind is Kind.ASSET:
        details = AssetDetails(id=str(company.assets[reference.id]))
        return manager.is_authorized_asset(method="POST", user=user, details=details)
    details = AssetAliasDetails(id=str(company.aliases[reference.id]))
    return manager.is_authorized_asset_alias(method="POST", user=user, details=details)


CASES = [
    (name, resource, action)
    for name in PEOPLE
    for resource in RESOURCES
    for action in ACTIONS[Reference.parse(resource).kind]
    if action not in (Action.USE, Action.CONSUME)
]


def test_there_are_enough_cases():
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", PEOPLE)
def test_why_says_what_airflow_does(company, check, name):
    api, wrong = company.api(name), []
    for _, resource, action in (case for case in CASES if case[0] == name):
        reference = Reference.parse(resource)
        decision = check.user(name, action, reference)
        if request := request_of(company, action, reference):
            answer = api(*request)
            allowed = answer.status_code != 403
            if allowed and "no_such" not in resource:
                assert answer.status_code == 200, (resource, action, answer.text)
        else:
            allowed = ask_manager(company, name, action, reference)
        if allowed is not decision.allowed:
            wrong.append((resource, str(action), allowed, decision.reason))
        assert isinstance(decision.rule, Rule)
        assert decision.reason
    assert wrong == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_who_can_names_whom_why_allows(company, check, resource):
    reference = Reference.parse(resource)
    for action in ACTIONS[reference.kind]:
        may = {answer.subject for answer in check.who_can(action, reference) if answer.decision}
        assert {f"user:{name}" for name in PEOPLE if check.user(name, action, reference)} == {
            subject for subject in may if subject.startswith("user:")
        }


@pytest.mark.parametrize(
    ("dag", "action", "resource", "rule"),
    [
        ("sales__etl", "use", "connection:sales__dwh", Rule.OWN_TASK),
        ("legacy_etl", "use", "connection:crm", Rule.OWN_TASK),
        ("finance__etl", "use", "connection:sales__dwh", Rule.GRANT),
        ("finance__etl", "edit", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
        ("finance__etl", "use", "connection:crm", Rule.OWNED_BY_OTHERS),
        ("finance__etl", "use", "connection:CRM", Rule.DISPUTED),
        ("sales__etl", "use", "connection:SALES__dwh", Rule.DISPUTED),
        ("SALES__etl", "use", "connection:shared", Rule.DISPUTED),
        ("ops__etl", "use", "connection:shared", Rule.TASK_OF_UNOWNED),
        ("ops__etl", "edit", "variable:limit", Rule.TASK_OF_UNOWNED),
        ("housekeeping", "edit", "variable:limit", Rule.PLATFORM_TASK),
        ("housekeeping", "use", "connection:sales__dwh", Rule.OWNED_BY_OTHERS),
        ("ops__etl", "use", "pool:default_pool", Rule.EVERYBODY),
        ("ops__etl", "read", "pool:sales__pool", Rule.GRANT),
        ("housekeeping", "read", "pool:sales__pool", Rule.GRANT),
        ("ops__etl", "use", "pool:sales__pool", Rule.OWNED_BY_OTHERS),
        ("finance__etl", "run", "dag:sales__shared_close", Rule.GRANT),
        ("finance__etl", "run", "dag:sales__etl", Rule.OWNED_BY_OTHERS),
        ("finance__etl", "consume", "asset:sales__orders", Rule.OWNED_BY_OTHERS),
        ("finance__etl", "consume", "asset:weather", Rule.TASK_OF_UNOWNED),
        ("sales__etl", "trigger", "asset:raw_orders", Rule.OWN_TASK),
        ("sales__etl", "trigger", "asset:finance__raw", Rule.DISPUTED),
    ],
)
def test_why_of_tasks(check, dag, action, resource, rule):
    decision = check.task(dag, Action(action), Reference.parse(resource))
    assert decision.rule is rule
    assert decision.allowed is (
        rule not in (Rule.OWNED_BY_OTHERS, Rule.DISPUTED) and (action, rule) != ("edit", Rule.TASK_OF_UNOWNED)
    )


@pytest.mark.parametrize("name", PEOPLE)
def test_a_list_is_what_single_checks_allow(company, check, name):
    """Every list of the API that the auth manager filters holds exactly what may be read one by one."""
    api = company.api(name)
    lists = {
        Kind.DAG: ("/dags?limit=100&exclude_stale=false", "dags", "dag_id"),
        Kind.CONNECTION: ("/connections?limit=100", "connections", "connection_id"),
        Kind.VARIABLE: ("/variables?limit=100", "variables", "key"),
        Kind.POOL: ("/pools?limit=100", "pools", "name"),
    }
    for kind, (path, key, field) in lists.items():
        names = [ref.id for ref in map(Reference.parse, RESOURCES) if ref.kind is kind and "no_such" not in ref.id]
        expected = {item for item in names if check.user(name, Action.READ, Reference(kind, item))}
        answer = api.get(path)
        if answer.status_code == 403:
            assert expected <= {"default_pool"}, (kind, expected)
            continue
        found = answer.json()
        assert {row[field] for row in found[key]} == expected
        assert found["total_entries"] == len(expected)


def test_the_asset_ids_are_what_single_checks_allow(company, check):
    manager = get_auth_manager()
    for name, user_id in company.people.items():
        user = manager.deserialize_user({"sub": str(user_id)})
        expected = {
            number
            for asset, number in company.assets.items()
            if check.user(name, Action.READ, Reference(Kind.ASSET, asset))
        }
        assert manager.get_authorized_assets(user=user) == expected
