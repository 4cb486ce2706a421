"""
Row filters, for the handlers that do not filter what they list.

While a request is served whose endpoint has filters, every SELECT and DELETE that SQLAlchemy's ORM makes of the
named models sees only the rows that the user may see: in lists, in what is nested in them, and in totals alike.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
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
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.log import Log
from sqlalchemy import ColumnElement, Select, and_, case, event, false, func, or_, select, tuple_
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from ..store.listing import ALIASES, ASSETS, DagIds

if TYPE_CHECKING:
    from .table import Call

Filter = Callable[["Call", Session], list[tuple[type[Any], ColumnElement[bool]]]]
"""Says which rows of which models a call may see. It reads by the session whose statement is filtered."""
Veil = Callable[["Call", Session], dict[str, ColumnElement[bool]]]
"""Says of which rows a call may see certain columns; of the others they are empty."""


class _Restriction:
    """The filters of one request. They are worked out when the first statement needs them, off the event loop."""

    def __init__(self, call: Call, filters: tuple[Filter, ...], veil: Veil | None) -> None:
        self._call, self._filters, self._veil = call, filters, veil
        self._options: list[Any] | None = None
        self._veiled: dict[str, ColumnElement[bool]] = {}

    def hold(self, statement: Any, session: Session) -> Any:
        """Return the statement with what it may see."""
        if self._options is None:
            self._options = self._make_options(session)
        names = self._veiled.keys()
        if names and isinstance(statement, Select) and names & statement.selected_columns.keys():
            statement = statement.with_only_columns(
                *(
                    case((self._veiled[name], column)).label(name) if name in names else column
                    for name, column in statement.selected_columns.items()
                )
            )
        return statement.options(*self._options)

    def _make_options(self, session: Session) -> list[Any]:
        with session.no_autoflush:  # what the handler has not written yet is none of the filters' business
            self._veiled = self._veil(self._call, session) if self._veil is not None else {}
            return [
                with_loader_criteria(model, criterion, include_aliases=True)
                for rows in self._filters
                for model, criterion in rows(self._call, session)
            ]


_current: ContextVar[_Restriction | None] = ContextVar("team_rbac_rows", default=None)


def restrict(call: Call, filters: tuple[Filter, ...], veil: Veil | None = None) -> None:
    """Filter what the rest of this request reads."""
    _current.set(_Restriction(call, filters, veil) if filters or veil else None)


def listen() -> None:
    """Stand at every ORM statement. Does nothing where no request is restricted."""
    if not event.contains(Session, "do_orm_execute", _filter):
        event.listen(Session, "do_orm_execute", _filter)


def _filter(state: ORMExecuteState) -> None:
    restriction = _current.get()
    if restriction is None or not (state.is_select or state.is_delete):
        return
    if state.is_relationship_load and state.lazy_loaded_from is None:
        return  # loaded along with another statement, which carries the filters there
    token = _current.set(None)  # what the filters themselves read is not filtered
    try:
        state.statement = restriction.hold(state.statement, state.session)
    finally:
        _current.reset(token)


# The filters -----------------------------------------------------------------------------------------


def _dags(call: Call, session: Session, method: Any = "GET") -> Any:
    return call.manager.get_authorized_dag_ids(user=call.user, method=method, session=session)


def _one_of(dag_ids: Any, column: Any) -> ColumnElement[bool]:
    """Whether a row names one of these Dags, for rows that are few: ``in_`` may read every Dag first."""
    found: ColumnElement[bool] = dag_ids.holds(column) if isinstance(dag_ids, DagIds) else column.in_(dag_ids)
    return found


def assets(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Assets, and what is nested in them."""
    return [
        (AssetModel, call.manager.listed_rows(call.user, ASSETS, session)),
        *aliases(call, session),
        *asset_references(call, session),
    ]


def assets_searched(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Assets, where runs are searched for by the names of those that they consumed."""
    return assets(call, session) if "consuming_asset_pattern" in call.query else []


def aliases(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Asset aliases."""
    return [(AssetAliasModel, call.manager.listed_rows(call.user, ALIASES, session))]


def asset_references(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """The Dags that produce, consume or are scheduled on an asset."""
    dag_ids = _dags(call, session)
    models = (DagScheduleAssetReference, TaskInletAssetReference, TaskOutletAssetReference)
    return [(model, _one_of(dag_ids, model.dag_id)) for model in models]


def asset_events(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Events of assets, and the runs that came of them."""
    mine = call.manager.listed_rows(call.user, ASSETS, session)
    dag_ids = _dags(call, session)
    return [
        (AssetEvent, AssetEvent.asset_id.in_(select(AssetModel.id).where(mine))),
        (AssetEvent, or_(AssetEvent.source_dag_id.is_(None), AssetEvent.source_dag_id.in_(dag_ids))),
        (DagRun, _one_of(dag_ids, DagRun.dag_id)),
        *aliases(call, session),
    ]


def editable_queue(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Queued events of Dags that the user may edit: core filters by those they may read."""
    return [(AssetDagRunQueue, AssetDagRunQueue.target_dag_id.in_(_dags(call, session, "PUT")))]


def asset_writers(call: Call, session: Session) -> dict[str, ColumnElement[bool]]:
    """Which task last wrote a value that is kept of an asset: shown with its Dag, the value with the asset."""
    mine = AssetStateStoreModel.last_updated_by_dag_id.in_(_dags(call, session))
    columns = (column.name for column in AssetStateStoreModel.__table__.columns)
    return {name: mine for name in columns if name.startswith("last_updated_by_") and not name.endswith("_kind")}


def audit_log(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """
    Rows of Dags whose audit log they may read. Rows without a Dag are the deployment's, but for our own among them:
    a refusal and a change of the policy name what is any team's, and so are the superusers'.
    """
    call.user.listed.add(DagAccessEntity.AUDIT_LOG)
    seen: list[ColumnElement[bool]] = [Log.dag_id.in_(_dags(call, session))]
    if call.manager.may_read_deployment_log(call.user):
        ours = Log.event.startswith("team_rbac.", autoescape=True)
        seen.append(Log.dag_id.is_(None) if call.user.principal.superuser else and_(Log.dag_id.is_(None), ~ours))
    return [(Log, or_(*seen))]


def import_errors(call: Call, session: Session) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Errors of files with a Dag that they may read, of their teams' sources, and of nobody's with a global role."""
    evaluator, principal = call.user.evaluator, call.user.sees
    with_dags = select(DagModel.bundle_name, DagModel.relative_fileloc)
    place = tuple_(ParseImportError.bundle_name, ParseImportError.filename)
    seen: list[ColumnElement[bool]] = [place.in_(with_dags.where(DagModel.dag_id.in_(_dags(call, session))))]
    sources = {team.name: team.sources for team in evaluator.policy.teams}
    for name in sources:
        # A superuser is in no team, and may do everything in each.
        standing = principal.everywhere if principal.superuser else principal.teams.get(name)
        if standing is not None and call.manager.permits_view(AccessView.IMPORT_ERRORS, standing):
            seen += [_from(source) for source in sources[name]]
    if principal.superuser or (
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
