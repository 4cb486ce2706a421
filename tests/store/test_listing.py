"""The ids of a list are those that may be read one by one, and core may use them as it likes."""

from __future__ import annotations

import pytest
from airflow import settings
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store.listing import ASSETS
from airflow_team_rbac.auth_manager.team_auth_manager import TeamAuthManager
from sqlalchemy import func, insert, select
from sqlalchemy.orm import aliased

from ..world import Api
from .sql import statements

POLICY = """
[teams.sales]
resources = ["dag:legacy", "dag:finance__adopted"]
[teams.finance]
prefixes = ["finance__", "fin-"]
[teams.kiosk]

[[bindings]]
group = "sales"
team = "sales"
role = "Op"
[[bindings]]
group = "finance"
team = "finance"
role = "Viewer"
[[bindings]]
group = "engineers"
team = "*"
role = "Viewer"

[[grants]]
to = "team:finance"
resource = "dag:sales__shared*"
actions = ["read"]
reason = "r"
[[grants]]
to = "user:auditor"
resource = "dag:legacy"
actions = ["edit"]
reason = "r"
"""
DAGS = (
    *("sales__etl", "sales__shared", "sales__shared_too", "sales__", "sales_", "salesman", "legacy", "legacy_not"),
    *("finance__etl", "finance__adopted", "fin-close", "fin.close", "plain", "Plain", "Ünowned", "zz", "!first"),
    # In another letter case, as a reader sees it who ignores that: disputed.
    *("SALES__etl", "Sales__etl", "FIN-close", "\u017fales__etl", "\u212aiosk__etl", "kiosk__etl", "K\u0131osk__etl"),
)
PEOPLE: dict[str, dict[str, list[str]]] = {
    "nobody": {},
    "admin": {"roles": ["Admin"]},
    "viewer": {"roles": ["Viewer"]},
    "seller": {"groups": ["sales"]},
    "accountant": {"groups": ["finance"]},
    "both": {"groups": ["sales", "finance"]},
    "engineer": {"groups": ["engineers"]},
    "auditor": {"groups": []},
    "viewer_and_seller": {"roles": ["Viewer"], "groups": ["sales"]},
    "public": {"roles": ["Public"]},
}


@pytest.fixture
def manager(world):
    world.apply(POLICY)
    with create_session() as session:
        session.add(DagBundleModel(name="tests"))
        session.flush()
        numbers = dict.fromkeys(("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs"), 1)
        rest = numbers | {"bundle_name": "tests", "has_task_concurrency_limits": False}
        session.execute(insert(DagModel), [{"dag_id": dag_id} | rest for dag_id in DAGS])
    return TeamAuthManager()


@pytest.mark.parametrize("unowned", ["fab", "deny"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("name", PEOPLE)
def test_the_list_is_what_single_questions_allow(manager, world, monkeypatch, name, method, unowned):
    monkeypatch.setenv("AIRFLOW__TEAM_RBAC__UNOWNED", unowned)
    user = manager.people.find(world.person(name, **PEOPLE[name]))
    one_by_one = {
        dag_id for dag_id in DAGS if manager.is_authorized_dag(method=method, user=user, details=DagDetails(id=dag_id))
    }
    assert set(manager.get_authorized_dag_ids(user=user, method=method)) == one_by_one


def test_a_list_of_what_is_beneath_dags_is_of_those_where_that_may_be_read(manager, world):
    user = manager.people.find(world.person("auditor"))
    assert set(manager.get_authorized_dag_ids(user=user)) == {"legacy"}
    user = manager.people.find(world.person("viewer", roles=["Viewer"]))
    assert "plain" in manager.get_authorized_dag_ids(user=user)
    assert manager.is_authorized_dag(method="GET", user=user, access_entity=DagAccessEntity.RUN)
    assert "plain" in manager.get_authorized_dag_ids(user=user)


@pytest.mark.parametrize("name", ["seller", "admin", "viewer", "nobody"])
def test_core_may_use_the_ids_as_a_set_and_as_a_subquery(manager, world, name):
    user = manager.people.find(world.person(name, **PEOPLE[name]))
    plain = set(manager.get_authorized_dag_ids(user=user))

    def ids():
        return manager.get_authorized_dag_ids(user=user)

    assert (ids() or set()) == plain
    assert sorted(ids()) == sorted(plain)
    assert len(ids()) == len(plain)
    assert set(DAGS) & ids() == plain
    assert ids() & set(DAGS) == plain
    assert set(DAGS) - ids() == set(DAGS) - plain
    assert ids() | {"x"} == plain | {"x"}
    assert plain.issubset(ids())
    assert ids().issubset(set(DAGS))
    assert {"no such"}.issubset(ids()) is False
    assert ids().intersection(DAGS) == plain
    assert ("sales__etl" in ids()) == ("sales__etl" in plain)
    with create_session() as session:
        found = session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(ids())))
        assert set(found) == plain
        total = select(func.count()).where(DagModel.dag_id.in_(ids() or set()), DagModel.dag_id != "plain")
        assert session.scalar(total) == len(plain - {"plain"})
        for dag in (DagModel, aliased(DagModel)):
            assert set(session.scalars(select(dag.dag_id).where(ids().holds(dag.dag_id)))) == plain


@pytest.mark.parametrize("name", ["seller", "admin", "viewer", "engineer"])
def test_as_a_subquery_it_is_not_read(manager, world, name):
    user = manager.people.find(world.person(name, **PEOPLE[name]))
    with create_session(scoped=False) as session:
        ids = manager.get_authorized_dag_ids(user=user) or set()
        with statements() as asked:
            assert list(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(ids))))
        assert len(asked) == 1
        assert asked[0].count("SELECT") > 1


@pytest.mark.parametrize(("name", "asset"), [("seller", "sales__orders"), ("viewer", "nobodys")])
def test_beside_an_asset_only_its_own_dags_are_looked_up(client, manager, world, name, asset):
    """A list of assets does not read every Dag, as ``in_`` would (SQLite tells how it goes about a statement)."""
    world.asset(asset)
    api = Api(client, world.person(name, **PEOPLE[name]))
    with statements() as asked:
        assert api.get("/assets?only_active=false").json()["total_entries"] == 1
    references = [one for one in asked if "asset_reference" in one]
    assert len(references) == 3
    if settings.engine.dialect.name == "sqlite":
        with settings.engine.connect() as connection:
            for one in references:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", ("",) * one.count("?")).all()
                assert "SEARCH dag " in str(plan)
                assert "SCAN dag " not in str(plan)


@pytest.mark.parametrize(("name", "reads"), [("viewer", 50), ("nobody", 0), ("seller", 1), ("admin", 54)])
def test_assets_are_read_only_where_they_could_be_theirs(manager, world, name, reads):
    """And only then is each decided about: what nobody owns is told by the database."""
    for number in range(50):
        world.asset(f"unowned_{number}")
    for asset in ("sales__orders", "finance__orders", "SALES__orders", "Finance__orders"):
        world.asset(asset)
    user = manager.people.find(world.person(name, **PEOPLE[name]))
    with create_session() as session:
        clause = manager.listed_rows(user, ASSETS, session)
        assert len(clause.compile().params) <= 1  # the ids of what they own, or nothing
        assert len(session.scalars(select(AssetModel.id).where(clause)).all()) == reads


def test_the_graph_of_an_asset_hides_what_is_connected_to_none_of_the_ids(client, manager, world):
    """Core asks this by ``set & ids``."""
    asset = world.asset("sales__orders")
    for name in ("nobody", "accountant", "engineer"):
        api = Api(client, world.person(name, **PEOPLE[name]))
        assert api.status("GET", f"/ui/dependencies?node_id=asset:{asset}&dependency_type=data") == 404
