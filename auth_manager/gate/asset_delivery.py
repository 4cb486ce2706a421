"""Asset events reach the Dags that may consume them: *Asset events* in DESIGN section 3."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.models.dag import DagModel
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)


def deliver_where_permitted(queue: Callable[..., None]) -> Callable[..., None]:
    """Wrap core's queueing of the Dags that are scheduled on an asset."""
    from .hooks import team_auth_manager_is_configured

    def write(cls: Any, *, asset_id: int, dags_to_queue: set[DagModel], session: Session, **rest: Any) -> None:
        if dags_to_queue and team_auth_manager_is_configured():
            dags_to_queue = _consumers(asset_id, dags_to_queue, session)
        queue(cls, asset_id=asset_id, dags_to_queue=dags_to_queue, session=session, **rest)

    return write


def _consumers(asset_id: int, dags: set[DagModel], session: Session) -> set[DagModel]:
    # Here, since this module is loaded wherever Airflow's asset manager is.
    from airflow.models.asset import AssetModel

    from ..policy.evaluate import Resource
    from ..policy.model import Action, Kind
    from ..store.native import native_team
    from ..store.people import utcnow
    from ..store.snapshot import policy_now

    evaluator, now = policy_now(), utcnow()
    owner = evaluator.ownership.owner
    asset = session.get_one(AssetModel, asset_id)
    resource = Resource(Kind.ASSET, asset.name, owner(Kind.ASSET, asset.name, None, asset.uri))
    found = set()
    for dag in dags:
        consumer = Resource(
            Kind.DAG, dag.dag_id, owner(Kind.DAG, dag.dag_id, native_team(Kind.DAG, dag.dag_id, session))
        )
        decision = evaluator.decide_task(consumer, resource, Action.CONSUME, now)
        if decision:
            found.add(dag)
        else:
            log.info("An event of %s does not reach %s: %s", resource, consumer, decision.reason)
    return found
