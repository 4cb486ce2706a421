"""
Row filters, for the handlers that do not filter what they list.

While a request is served whose endpoint has filters, every SELECT and DELETE that SQLAlchemy's ORM makes of the
named models sees only the rows that the user may see: in lists, in what is nested in them, and in totals alike.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    DagAccessEntity,
)
from airflow.models.asset import (
    AssetAliasModel,
    AssetDagRunQueue,
    AssetEvent,
    AssetModel,
    DagScheduleAssetReference,
    TaskInletAssetReference,
    TaskOutletAssetReference,
)
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.log import Log
from airflow.utils.session import create_session
from sqlalchemy import ColumnElement, and_, event, false, func, or_, select, tuple_
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

if TYPE_CHECKING:
    from .table import Call

Filter = Callable[["Call"], list[tuple[type[Any], ColumnElement[bool]]]]
"""Says which rows of which models a call may see."""


class _Restriction:
    """The filters of one request. They are worked out when the first statement needs them, off the event loop."""

    def __init__(self, call: Call, filters: tuple[Filter, ...]) -> None:
        self._call, self._filters = call, filters

    @cached_property
    def options(self) -> list[Any]:
        return [
            with_loader_criteria(model, criterion, include_aliases=True)
            for rows in self._filters
            for model, criterion in rows(self._call)
        ]


_current: ContextVar[_Restriction | None] = ContextVar("team_rbac_rows", default=None)


def restrict(call: Call, filters: tuple[Filter, ...]) -> None:
    """Filter what the rest of this request reads."""
    _current.set(_Restriction(call, filters) if filters else None)


def listen() -> None:
    """Stand at every ORM statement. Does nothing where no request is restricted."""
    if not event.contains(Session, "do_orm_execute", _filter):
        event.listen(Session, "do_orm_execute", _filter)


def _filter(state: ORMExecuteState) -> None:
    restriction = _current.get()
    if restriction is None or not (state.is_select or state.is_delete):
        return
    token = _current.set(None)  # what the filters themselves read is not filtered
    try:
        options = restriction.options
    finally:
        _current.reset(token)
    state.statement = state.statement.options(*options)


# The filters -----------------------------------------------------------------------------------------


def _dags(call: Call, method: Any = "GET") -> Any:
    return call.manager.get_authorized_dag_ids(user=call.user, method=method)


def assets(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Assets, and what is nested in them."""
    return [
        (AssetModel, AssetModel.id.in_(call.manager.get_authorized_assets(user=call.user))),
        *aliases(call),
        *asset_references(call),
    ]


def assets_searched(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Assets, where runs are searched for by the names of those that they consumed."""
    return assets(call) if "consuming_asset_pattern" in call.query else []


def aliases(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Asset aliases."""
    with create_session(scoped=False) as session:
        names = session.execute(select(AssetAliasModel.id, AssetAliasModel.name)).all()
    mine = [number for number, name in names if call.manager.lists_alias(call.user, name)]
    return [(AssetAliasModel, AssetAliasModel.id.in_(mine))]


def asset_references(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """The Dags that produce, consume or are scheduled on an asset."""
    dag_ids = _dags(call)
    models = (DagScheduleAssetReference, TaskInletAssetReference, TaskOutletAssetReference)
    return [(model, model.dag_id.in_(dag_ids)) for model in models]


def asset_events(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Events of assets, and the runs that came of them."""
    dag_ids = _dags(call)
    return [
        (AssetEvent, AssetEvent.asset_id.in_(call.manager.get_authorized_assets(user=call.user))),
        (AssetEvent, or_(AssetEvent.source_dag_id.is_(None), AssetEvent.source_dag_id.in_(dag_ids))),
        (DagRun, DagRun.dag_id.in_(dag_ids)),
        *aliases(call),
    ]


def editable_queue(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Queued events of Dags that the user may edit: core filters by those they may read."""
    return [(AssetDagRunQueue, AssetDagRunQueue.target_dag_id.in_(_dags(call, "PUT")))]


def audit_log(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Rows of Dags whose audit log they may read; rows without a Dag are the deployment's."""
    call.user.listed.add(DagAccessEntity.AUDIT_LOG)
    mine = Log.dag_id.in_(_dags(call))
    return [(Log, or_(mine, Log.dag_id.is_(None)) if call.manager.may_read_deployment_log(call.user) else mine)]


def import_errors(call: Call) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Errors of files with a Dag that they may read, of their teams' sources, and of nobody's with a global role."""
    evaluator, principal = call.user.evaluator, call.user.sees
    with_dags = select(DagModel.bundle_name, DagModel.relative_fileloc)
    place = tuple_(ParseImportError.bundle_name, ParseImportError.filename)
    seen: list[ColumnElement[bool]] = [place.in_(with_dags.where(DagModel.dag_id.in_(_dags(call))))]
    sources = {team.name: team.sources for team in evaluator.policy.teams}
    for name, standing in principal.teams.items():
        if call.manager.permits_view(AccessView.IMPORT_ERRORS, standing):
            seen += [_from(source) for source in sources.get(name, ())]
    if (
        call.manager.permits_view(AccessView.IMPORT_ERRORS, principal.everywhere)
        and not evaluator.policy.unowned_denied
    ):
        of_teams = [_from(source) for some in sources.values() for source in some]
        seen.append(and_(place.not_in(with_dags), ~or_(false(), *of_teams)))
    return [(ParseImportError, or_(*seen))]


def _from(source: str) -> ColumnElement[bool]:
    """Whether a file comes from a team's source: ``bundle:<name>`` or ``path:<folder>/``."""
    kind, _, name = source.partition(":")
    if kind == "bundle":
        return ParseImportError.bundle_name == name
    return func.substr(ParseImportError.filename, 1, len(name)) == name
