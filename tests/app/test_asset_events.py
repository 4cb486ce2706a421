"""An event of an asset reaches the Dags that may consume it: DESIGN section 3, *Asset events*."""

from __future__ import annotations

import pytest
from airflow.models.asset import AssetActive, AssetDagRunQueue, DagScheduleAssetReference
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy import delete, select, update

from ..world import Api, World

POLICY = """
[teams.sales]
asset_uris = ["s3://sales/"]
[teams.finance]
[teams.ops]
[[grants]]
to = "team:finance"
resource = "asset:sales__orders"
actions = ["consume"]
reason = "the ledger"
[[grants]]
to = "team:ops"
resource = "asset:sales__orders"
actions = ["consume"]
reason = "over"
expires = 2026-01-01T00:00:00Z
[[grants]]
to = "team:ops"
resource = "asset:sales__stock"
actions = ["trigger"]
reason = "corrections"
[[grants]]
to = "platform"
resource = "asset:sales__stock"
actions = ["consume"]
reason = "housekeeping"
[[grants]]
to = "*"
resource = "asset:finance__close"
actions = ["consume"]
reason = "everybody waits for it"
"""
DAGS = ("sales__etl", "finance__etl", "ops__etl", "housekeeping")
REACHES = {
    "sales__orders": {"sales__etl", "finance__etl"},  # ops' grant is over
    "sales__stock": {"sales__etl", "housekeeping"},  # to trigger is not to consume
    "finance__close": set(DAGS),
    "ops__log": {"ops__etl"},
    "weather": set(DAGS),
    "raw": {"sales__etl"},  # by its URI
    "Sales__typo": set(),  # disputed
}


@pytest.fixture(scope="module")
def admin(client):
    world = World()
    world.apply(POLICY)
    for dag_id in DAGS:
        world.dag(dag_id)
    for name in REACHES:
        uri = "s3://sales/raw" if name == "raw" else f"x://{name}"
        number = world.asset(name, uri)
        world._add(AssetActive(name=name, uri=uri))
        for dag_id in DAGS:
            world._add(DagScheduleAssetReference(asset_id=number, dag_id=dag_id))
    with create_session() as session:
        session.execute(update(DagModel).values(is_paused=False))
    yield Api(client, world.person("root", roles=["Admin"]))
    world.clear()


@pytest.mark.parametrize("name", REACHES)
def test_whom_an_event_reaches(admin, name):
    with create_session() as session:
        session.execute(delete(AssetDagRunQueue))
    assets = admin.get("/assets").json()["assets"]
    (number,) = [asset["id"] for asset in assets if asset["name"] == name]
    assert admin.status("POST", "/assets/events", {"asset_id": number, "extra": {}}) == 200
    with create_session() as session:
        assert set(session.scalars(select(AssetDagRunQueue.target_dag_id))) == REACHES[name]
