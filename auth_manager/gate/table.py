"""
What is asked and what is filtered, endpoint by endpoint. Read it top to bottom.

Most endpoints need nothing: core asks the auth manager about what they name, and filters what they list by the
ids that the auth manager gives. The rest stand here with what core does not ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagDetails
from airflow.api_fastapi.core_api.datamodels.assets import CreateAssetEventsBody
from airflow.api_fastapi.core_api.datamodels.common import BulkAction, BulkBody
from airflow.api_fastapi.core_api.datamodels.connections import ConnectionBody
from airflow.api_fastapi.core_api.datamodels.pools import PoolBody, PoolPatchBody
from airflow.api_fastapi.core_api.datamodels.variables import VariableBody
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.pool import Pool
from airflow.models.variable import Variable
from pydantic import BaseModel, ValidationError

from ..policy.model import Kind
from ..store.native import native_teams_are_on
from ..store.people import TeamUser
from . import rows

CORE = "airflow.api_fastapi.core_api.routes."
"""What the names of core's endpoints begin with."""

Model = TypeVar("Model", bound=BaseModel)


class Refusal(Exception):
    """A request that goes no further. Its text is for the audit log; ``told`` is what the caller is told."""

    def __init__(self, why: str, *, told: str = "Forbidden", status: int = 403) -> None:
        super().__init__(why)
        self.told, self.status = told, status


@dataclass(frozen=True)
class Call:
    """A request, before its handler."""

    user: TeamUser
    manager: Any
    """The ``TeamAuthManager``: it decides, here as everywhere."""
    path: Mapping[str, Any]
    query: Mapping[str, str]
    body: Any

    def read(self, model: type[Model]) -> Model | None:
        """Return the body as the handler will see it; None where it will answer 422 instead of acting."""
        try:
            return model.model_validate(self.body)
        except ValidationError:
            return None

    @property
    def mentioned_dags(self) -> list[str]:
        """The Dags that the query and the body name beside the path."""
        found = [self.query.get("dag_id"), self.body.get("dag_id") if isinstance(self.body, dict) else None]
        return [one for one in found if isinstance(one, str) and one not in ("", "~", self.path.get("dag_id"))]

    def check_mentioned_dags(self) -> None:
        """Refuse to name a Dag that the user may not read, since core copies it from the body to the audit log."""
        for dag_id in self.mentioned_dags:
            details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
            if not self.manager.is_authorized_dag(method="GET", user=self.user, details=details):
                raise Refusal(f"names the Dag {dag_id!r}, which they may not read")


Check = Callable[[Call], Awaitable[None] | None]
"""Raises Refusal. A coroutine is one that asks nothing of the database, and so needs no thread."""


@dataclass(frozen=True)
class Rule:
    """What an endpoint needs beyond what core asks."""

    check: Check | None = None
    veil: rows.Veil | None = None
    rows: tuple[rows.Filter, ...] = ()
    plugins: bool = False
    """Answer everybody, but with our own plugin alone without the permission (``plugins``)."""
    quiet: bool = False
    """Do not audit its refusals: the UI asks for it on everybody's behalf, page after page."""


AS_CORE_ASKS = Rule()


# What core does not ask ----------------------------------------------------------------------------------


def _creates(kind: Kind, model: type[BaseModel], field: str) -> Check:
    """Tell the auth manager what is to be created: core asks it about "a connection", and the id is in the body."""

    async def check(call: Call) -> None:
        body = call.read(model)
        # Without a body that can be read there is nothing to create: the handler answers 422.
        call.user.named[kind] = getattr(body, field) if body is not None else None
        if body is not None:
            _check_native_team(call, kind, call.user.named[kind], getattr(body, "team_name", None))

    return check


def _check_native_team(call: Call, kind: Kind, resource_id: str, team: str | None) -> None:
    """Refuse a native team other than the one that the id names (DESIGN section 3, *Owner*, rule 1)."""
    if team is None or call.user.principal.superuser:
        return
    by_id = call.user.evaluator.ownership.by_id(kind, resource_id)
    if by_id is not None and by_id.team != team:
        raise Refusal(f"gives team {team!r} to {kind}:{resource_id}, whose id names {by_id}")


def _patches(kind: Kind, model: type[BaseModel], path_name: str, stored_team: Callable[[str], str | None]) -> Check:
    """
    With native teams on, take a team_name that is null for "nobody's", and one that is left out for "as it is".

    Core asks about team None in both cases, for which the auth manager takes the team that is stored.
    """

    def check(call: Call) -> None:
        body = call.read(model)
        if body is None or not native_teams_are_on() or "team_name" not in body.model_fields_set:
            return
        resource_id, team = call.path[path_name], getattr(body, "team_name", None)
        stored = stored_team(resource_id)
        if team is None and stored is not None:
            _refuse_release(call, kind, resource_id, stored)
        _check_native_team(call, kind, resource_id, team)

    return check


def _refuse_release(call: Call, kind: Kind, resource_id: str, team: str) -> None:
    if not call.user.principal.superuser:
        raise Refusal(f"takes {kind}:{resource_id} from team {team} and gives it to nobody")


def _bulk(kind: Kind, model: type[BulkBody[Any]], field: str, stored_team: Callable[[str], str | None]) -> Check:
    """As for one at a time. A bulk create of variables drops team_name (core, services/public/variables.py)."""

    def check(call: Call) -> None:
        body = call.read(model)
        if body is None or not native_teams_are_on():
            return
        for action in body.actions:
            for entity in action.entities:
                if isinstance(entity, str) or "team_name" not in entity.model_fields_set:
                    continue
                resource_id = getattr(entity, field)
                stored = stored_team(resource_id)
                if entity.team_name is None and stored is not None:
                    _refuse_release(call, kind, resource_id, stored)
                _check_native_team(call, kind, resource_id, entity.team_name)
                if kind is Kind.VARIABLE and action.action is BulkAction.CREATE and entity.team_name is not None:
                    raise Refusal(
                        "creates a variable of a team in bulk",
                        told="Airflow drops team_name when it creates variables in bulk; create them one by one.",
                        status=400,
                    )

    return check


def _renames_pool(call: Call) -> None:
    """Refuse to make a pool nameless: core takes an empty name for a new one."""
    _patch_pool(call)
    body = call.read(PoolPatchBody)
    if body is not None and body.name == "":
        raise Refusal("gives a pool an empty name", told="A pool needs a name.", status=400)


_patch_pool = _patches(Kind.POOL, PoolPatchBody, "pool_name", Pool.get_team_name)


def _runs_where(call: Call) -> None:
    """Keep teams from choosing whose workers run a connection test, and ask before core writes to its log."""
    if not isinstance(call.body, dict):
        return
    chooses = call.body.get("executor") is not None or call.body.get("queue") is not None
    if chooses and not call.user.principal.superuser:
        raise Refusal("chooses the executor or the queue of a connection test")
    conn_id = call.body.get("connection_id")
    if isinstance(conn_id, str) and conn_id:
        details = ConnectionDetails(conn_id=conn_id, team_name=Connection.get_team_name(conn_id))
        if not any(
            call.manager.is_authorized_connection(method=method, user=call.user, details=details)
            for method in ("POST", "PUT")
        ):
            raise Refusal(f"tests connection:{conn_id}, which they may neither create nor edit")


async def _is_signed_in(call: Call) -> None:
    """Refuse a token to whoever has no token: it would be nobody's."""
    if call.user.is_anonymous:
        raise Refusal("asks for a token, and is not signed in", told="Sign in first.", status=401)


async def _has_no_body(call: Call) -> None:
    """Refuse a body where core authorizes the Dag in the body and lists that of the query."""
    if call.body is not None:
        raise Refusal("sends a body with a GET", told="This request takes no body.", status=400)


def _may_read_its_dag(call: Call) -> None:
    """Refuse where core asks about the Dags of the body alone, and writes that of the path to its audit log."""
    dag_id = call.path["dag_id"]
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    if dag_id != "~" and not call.manager.is_authorized_dag(method="GET", user=call.user, details=details):
        raise Refusal(f"acts in the Dag {dag_id!r}, which they may not read")


async def _may_read_assets(call: Call) -> None:
    """
    Refuse what assets did to a Dag to whoever may read assets nowhere.

    Core asks about "assets", which everybody may list since what they get is filtered. Here nothing is.
    """
    if not call.manager.may_read_some_asset(call.user):
        raise Refusal("asks for assets of a Dag, and may read assets nowhere")


async def _names_no_dag(call: Call) -> None:
    """Refuse a Dag in the query where core authorizes that one and then acts on all."""
    if "dag_id" in call.query:
        raise Refusal(
            "names a Dag to delete the queued events of all", told="This request takes no dag_id.", status=400
        )


# The table -----------------------------------------------------------------------------------------------


def endpoint_name(endpoint: Any) -> str:
    """Return the name that the table knows an endpoint by: module and function."""
    return f"{getattr(endpoint, '__module__', '')}.{getattr(endpoint, '__name__', '')}"


def _of(module: str, rules: Mapping[str, Rule]) -> dict[str, Rule]:
    return {f"{CORE}{module}.{name}": rule for name, rule in rules.items()}


def _as_core_asks(module: str, *names: str) -> dict[str, Rule]:
    return _of(module, dict.fromkeys(names, AS_CORE_ASKS))


_connection_team, _variable_team, _pool_team = Connection.get_team_name, Variable.get_team_name, Pool.get_team_name

ENDPOINTS: dict[str, Rule] = {
    **_of(
        "public.asset_state_store",
        {
            "get_asset_state_store": Rule(veil=rows.asset_writers),
            "list_asset_state_store": Rule(veil=rows.asset_writers),
        },
    ),
    **_as_core_asks(
        "public.asset_state_store",
        "clear_asset_state_store",
        "delete_asset_state_store",
        "set_asset_state_store",
    ),
    **_of(
        "public.assets",
        {
            "create_asset_event": Rule(_creates(Kind.ASSET, CreateAssetEventsBody, "asset_id")),
            "delete_asset_queued_events": Rule(_names_no_dag, rows=(rows.editable_queue,)),
            "get_asset": Rule(rows=(rows.assets,)),
            "get_asset_aliases": Rule(rows=(rows.aliases,)),
            "get_asset_events": Rule(rows=(rows.asset_events,)),
            "get_assets": Rule(rows=(rows.assets,)),
            "get_dag_asset_queued_events": Rule(_may_read_assets),
            "materialize_asset": Rule(rows=(rows.asset_references,)),
        },
    ),
    **_as_core_asks(
        "public.assets",
        "delete_dag_asset_queued_event",
        "delete_dag_asset_queued_events",
        "get_asset_alias",
        "get_asset_queued_events",
        "get_dag_asset_queued_event",
    ),
    **_as_core_asks(
        "public.auth",
        "login",
        "logout",
    ),
    **_of(
        "public.backfills",
        {
            "list_backfills": Rule(_has_no_body),
        },
    ),
    **_as_core_asks(
        "public.backfills",
        "cancel_backfill",
        "create_backfill",
        "create_backfill_dry_run",
        "get_backfill",
        "pause_backfill",
        "unpause_backfill",
    ),
    **_as_core_asks(
        "public.config",
        "get_config",
        "get_config_value",
    ),
    **_of(
        "public.connections",
        {
            "bulk_connections": Rule(
                _bulk(Kind.CONNECTION, BulkBody[ConnectionBody], "connection_id", _connection_team)
            ),
            "enqueue_connection_test": Rule(_runs_where),
            "patch_connection": Rule(_patches(Kind.CONNECTION, ConnectionBody, "connection_id", _connection_team)),
            "post_connection": Rule(_creates(Kind.CONNECTION, ConnectionBody, "connection_id")),
            "test_connection": Rule(_creates(Kind.CONNECTION, ConnectionBody, "connection_id")),
        },
    ),
    **_as_core_asks(
        "public.connections",
        "create_default_connections",
        "delete_connection",
        "get_connection",
        "get_connection_test",
        "get_connections",
    ),
    **_as_core_asks(
        "public.dag_parsing",
        "reparse_dag_file",
    ),
    **_of(
        "public.dag_run",
        {
            "bulk_dag_runs": Rule(_may_read_its_dag),
            "clear_dag_runs": Rule(_may_read_its_dag),
            "get_dag_runs": Rule(rows=(rows.assets_searched,)),
            "get_upstream_asset_events": Rule(_may_read_assets, rows=(rows.asset_events,)),
        },
    ),
    **_as_core_asks(
        "public.dag_run",
        "clear_dag_run",
        "clear_dag_run_partitions",
        "delete_dag_run",
        "get_dag_run",
        "get_list_dag_runs_batch",
        "patch_dag_run",
        "trigger_dag_run",
        "wait_dag_run_until_finished",
    ),
    **_as_core_asks(
        "public.dag_sources",
        "get_dag_source",
    ),
    **_as_core_asks(
        "public.dag_stats",
        "get_dag_stats",
    ),
    **_as_core_asks(
        "public.dag_tags",
        "get_dag_tags",
    ),
    **_as_core_asks(
        "public.dag_versions",
        "get_dag_version",
        "get_dag_versions",
    ),
    **_as_core_asks(
        "public.dag_warning",
        "list_dag_warnings",
    ),
    **_as_core_asks(
        "public.dags",
        "delete_dag",
        "favorite_dag",
        "get_dag",
        "get_dag_details",
        "get_dags",
        "patch_dag",
        "patch_dags",
        "unfavorite_dag",
    ),
    **_of(
        "public.event_logs",
        {
            "get_event_log": Rule(rows=(rows.audit_log,)),
            "get_event_logs": Rule(rows=(rows.audit_log,)),
        },
    ),
    **_as_core_asks(
        "public.extra_links",
        "get_extra_links",
    ),
    **_as_core_asks(
        "public.hitl",
        "get_hitl_detail",
        "get_hitl_detail_try_detail",
        "get_hitl_details",
        "update_hitl_detail",
    ),
    **_of(
        "public.import_error",
        {
            "get_import_error": Rule(rows=(rows.import_errors,)),
            "get_import_errors": Rule(rows=(rows.import_errors,), quiet=True),
        },
    ),
    **_as_core_asks(
        "public.job",
        "get_jobs",
    ),
    **_as_core_asks(
        "public.log",
        "get_external_log_url",
        "get_log",
    ),
    **_as_core_asks(
        "public.monitor",
        "get_health",
    ),
    **_of(
        "public.plugins",
        {
            "get_plugins": Rule(plugins=True),
            "import_errors": Rule(quiet=True),
        },
    ),
    **_of(
        "public.pools",
        {
            "bulk_pools": Rule(_bulk(Kind.POOL, BulkBody[PoolBody], "pool", _pool_team)),
            "patch_pool": Rule(_renames_pool),
            "post_pool": Rule(_creates(Kind.POOL, PoolBody, "pool")),
        },
    ),
    **_as_core_asks(
        "public.pools",
        "delete_pool",
        "get_pool",
        "get_pools",
    ),
    **_as_core_asks(
        "public.providers",
        "get_providers",
    ),
    **_as_core_asks(
        "public.task_instances",
        "bulk_task_instances",
        "delete_task_instance",
        "get_mapped_task_instance",
        "get_mapped_task_instance_tries",
        "get_mapped_task_instance_try_details",
        "get_mapped_task_instances",
        "get_task_instance",
        "get_task_instance_dependencies",
        "get_task_instance_tries",
        "get_task_instance_try_details",
        "get_task_instances",
        "get_task_instances_batch",
        "patch_task_group_instances",
        "patch_task_group_instances_dry_run",
        "patch_task_instance",
        "patch_task_instance_dry_run",
        "post_clear_task_instances",
    ),
    **_as_core_asks(
        "public.task_state_store",
        "clear_task_state_store",
        "delete_task_state_store",
        "get_task_state_store",
        "list_task_state_store",
        "patch_task_state_store",
        "set_task_state_store",
    ),
    **_as_core_asks(
        "public.tasks",
        "get_task",
        "get_tasks",
    ),
    **_of(
        "public.variables",
        {
            "bulk_variables": Rule(_bulk(Kind.VARIABLE, BulkBody[VariableBody], "key", _variable_team)),
            "patch_variable": Rule(_patches(Kind.VARIABLE, VariableBody, "variable_key", _variable_team)),
            "post_variable": Rule(_creates(Kind.VARIABLE, VariableBody, "key")),
        },
    ),
    **_as_core_asks(
        "public.variables",
        "delete_variable",
        "get_variable",
        "get_variables",
    ),
    **_as_core_asks(
        "public.version",
        "get_version",
    ),
    **_as_core_asks(
        "public.xcom",
        "create_xcom_entry",
        "delete_xcom_entry",
        "get_xcom_entries",
        "get_xcom_entry",
        "update_xcom_entry",
    ),
    **_of(
        "ui.assets",
        {
            "next_run_assets": Rule(_may_read_assets),
        },
    ),
    **_of(
        "ui.auth",
        {
            "generate_token": Rule(_is_signed_in),
        },
    ),
    **_as_core_asks(
        "ui.auth",
        "get_auth_menus",
        "get_current_user_info",
    ),
    **_of(
        "ui.backfills",
        {
            "list_backfills_ui": Rule(_has_no_body),
        },
    ),
    **_as_core_asks(
        "ui.calendar",
        "get_calendar",
    ),
    **_as_core_asks(
        "ui.config",
        "get_configs",
    ),
    **_as_core_asks(
        "ui.connections",
        "hook_meta_data",
    ),
    **_as_core_asks(
        "ui.dag_runs",
        "get_dag_run_stats",
    ),
    **_as_core_asks(
        "ui.dags",
        "get_dags",
        "get_latest_run_info",
    ),
    **_as_core_asks(
        "ui.dashboard",
        "dag_stats",
        "historical_metrics",
    ),
    **_as_core_asks(
        "ui.deadlines",
        "get_dag_deadline_alerts",
        "get_deadlines",
    ),
    **_as_core_asks(
        "ui.dependencies",
        "get_dependencies",
    ),
    **_as_core_asks(
        "ui.gantt",
        "get_gantt_data",
    ),
    **_as_core_asks(
        "ui.grid",
        "get_dag_structure",
        "get_grid_runs",
        "get_grid_ti_summaries_stream",
    ),
    **_of(
        "ui.partitioned_dag_runs",
        {
            "get_pending_partitioned_dag_run": Rule(_may_read_assets),
        },
    ),
    **_as_core_asks(
        "ui.partitioned_dag_runs",
        "get_partitioned_dag_runs",
    ),
    **_as_core_asks(
        "ui.structure",
        "structure_data",
    ),
    **_as_core_asks(
        "ui.teams",
        "list_teams",
    ),
}
