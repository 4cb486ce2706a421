"""The teams that Airflow itself stores, where ``[core] multi_team`` is on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from airflow.configuration import conf
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.pool import Pool
from airflow.models.variable import Variable
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..policy.model import Kind

_STORED = {
    Kind.CONNECTION: (Connection.conn_id, Connection.team_name),
    Kind.VARIABLE: (Variable.key, Variable.team_name),
    Kind.POOL: (Pool.pool, Pool.team_name),
}


@cache
def native_teams_are_on() -> bool:
    """Read ``[core] multi_team``, once: it is asked for with every decision."""
    return bool(conf.getboolean("core", "multi_team"))


def native_team(kind: Kind, resource_id: str, session: Session) -> str | None:
    """Return the team that Airflow stores for a resource; None where it stores none, or is not to be asked."""
    if not native_teams_are_on():
        return None
    if kind is Kind.DAG:
        return DagModel.get_team_name(resource_id, session=session)
    if kind not in _STORED:
        return None  # assets and aliases have none
    key, team = _STORED[kind]
    return session.scalar(select(team).where(key == resource_id))


def stored_ids(kind: Kind, session: Session) -> Iterator[tuple[str, str | None]]:
    """Yield the id of every connection, variable or pool, with the team that Airflow stores for it."""
    key, team = _STORED[kind]
    on = native_teams_are_on()
    for resource_id, name in session.execute(select(key, team)):
        yield str(resource_id), name if on else None
