"""What SQLAlchemy loads along with a row, in each of its ways, is filtered as the row is."""

from __future__ import annotations

import pytest
from airflow.models.asset import AssetModel, DagScheduleAssetReference
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.gate import rows
from airflow_team_rbac.auth_manager.gate.table import Call
from airflow_team_rbac.auth_manager.team_auth_manager import TeamAuthManager
from sqlalchemy import select
from sqlalchemy.orm import immediateload, joinedload, lazyload, selectinload, subqueryload

POLICY = """
[teams.sales]
[teams.finance]
[[bindings]]
group = "sales"
team = "sales"
role = "Op"
"""


@pytest.fixture
def seller(world):
    """Somebody of sales, whose asset sets off a Dag of each team."""
    world.apply(POLICY)
    number = world.asset("sales__orders")
    world.asset("finance__orders")
    with create_session() as session:
        for dag_id in ("sales__etl", "finance__etl"):
            world.dag(dag_id)
            session.add(DagScheduleAssetReference(asset_id=number, dag_id=dag_id))
    manager = TeamAuthManager()
    rows.listen()
    return Call(manager.people.find(world.person("sam", groups=["sales"])), manager, {}, {}, None)


@pytest.mark.parametrize("load", [lazyload, selectinload, subqueryload, joinedload, immediateload])
def test_what_is_loaded_along_is_filtered(seller, load):
    def found():
        with create_session(scoped=False) as session:
            assets = session.scalars(select(AssetModel).options(load(AssetModel.scheduled_dags))).unique()
            return {asset.name: {one.dag_id for one in asset.scheduled_dags} for asset in assets}

    assert found() == {"sales__orders": {"sales__etl", "finance__etl"}, "finance__orders": set()}
    rows.restrict(seller, (rows.assets,))
    try:
        assert found() == {"sales__orders": {"sales__etl"}}
    finally:
        rows.restrict(seller, ())
