"""
Every route of the app, and what the sweep has to know of it.

A route that is not here fails the sweep: whoever adds one says what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_team_rbac.auth_manager.api.app import SWITCHER
from fastapi.routing import APIRoute
from starlette.routing import Mount

OPEN = "open"
"""The same for everybody, signed in or not."""
SELF = "self"
"""About whoever asks."""
DEPLOYMENT = "deployment"
"""The deployment's: it takes a global role."""
THING = "thing"
"""One thing of a team, named in the path."""
LIST = "list"
"""Things of several teams."""
ACCOUNTS = "accounts"
"""FAB's users and roles, which are global."""
WRITE = "write"
"""Changes something; see ``writes``."""

_RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
_TASK = f"{_RUN}/taskInstances/{{task_id}}"

ROUTES: dict[str, str] = {
    # The UI's own
    "GET /ui/auth/menus": SELF,
    "GET /ui/auth/me": SELF,
    "POST /ui/auth/token": WRITE,
    "GET /ui/next_run_assets/{dag_id}": THING,
    "GET /ui/dags/{dag_id}/dagRuns/{dag_run_id}/stats": THING,
    "GET /ui/partitioned_dag_runs": LIST,
    "GET /ui/pending_partitioned_dag_run/{dag_id}": THING,
    "GET /ui/config": SELF,
    "GET /ui/connections/hook_meta": SELF,
    "GET /ui/dags": LIST,
    "GET /ui/dags/{dag_id}/latest_run": THING,
    "GET /ui/dependencies": LIST,
    "GET /ui/dashboard/historical_metrics_data": LIST,
    "GET /ui/dashboard/dag_stats": LIST,
    "GET /ui/dags/{dag_id}/dagRuns/{dag_run_id}/deadlines": THING,
    "GET /ui/dags/{dag_id}/deadlineAlerts": THING,
    "GET /ui/structure/structure_data": THING,
    "GET /ui/backfills": LIST,
    "GET /ui/grid/structure/{dag_id}": THING,
    "GET /ui/grid/runs/{dag_id}": THING,
    "GET /ui/grid/ti_summaries/{dag_id}": THING,
    "GET /ui/gantt/{dag_id}/{run_id}": THING,
    "GET /ui/calendar/{dag_id}": THING,
    "GET /ui/teams": SELF,
    # Ours
    f"GET /team-rbac/{SWITCHER.path}": OPEN,
    "GET /team-rbac/api/me": SELF,
    "POST /team-rbac/api/active-team": WRITE,
    # Assets
    "GET /api/v2/assets": LIST,
    "GET /api/v2/assets/aliases": LIST,
    "GET /api/v2/assets/aliases/{asset_alias_id}": THING,
    "GET /api/v2/assets/events": LIST,
    "POST /api/v2/assets/events": WRITE,
    "POST /api/v2/assets/{asset_id}/materialize": WRITE,
    "GET /api/v2/assets/{asset_id}/queuedEvents": THING,
    "GET /api/v2/assets/{asset_id}": THING,
    "GET /api/v2/dags/{dag_id}/assets/queuedEvents": THING,
    "GET /api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents": THING,
    "DELETE /api/v2/assets/{asset_id}/queuedEvents": WRITE,
    "DELETE /api/v2/dags/{dag_id}/assets/queuedEvents": WRITE,
    "DELETE /api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents": WRITE,
    "GET /api/v2/assets/{asset_id}/state-store": THING,
    "GET /api/v2/assets/{asset_id}/state-store/{key}": THING,
    "PUT /api/v2/assets/{asset_id}/state-store/{key}": WRITE,
    "DELETE /api/v2/assets/{asset_id}/state-store/{key}": WRITE,
    "DELETE /api/v2/assets/{asset_id}/state-store": WRITE,
    # Backfills
    "GET /api/v2/backfills": LIST,
    "GET /api/v2/backfills/{backfill_id}": THING,
    "PUT /api/v2/backfills/{backfill_id}/pause": WRITE,
    "PUT /api/v2/backfills/{backfill_id}/unpause": WRITE,
    "PUT /api/v2/backfills/{backfill_id}/cancel": WRITE,
    "POST /api/v2/backfills": WRITE,
    "POST /api/v2/backfills/dry_run": WRITE,
    # Connections, pools, variables
    "GET /api/v2/connections/enqueue-test": THING,
    "GET /api/v2/connections/{connection_id}": THING,
    "GET /api/v2/connections": LIST,
    "DELETE /api/v2/connections/{connection_id}": WRITE,
    "POST /api/v2/connections": WRITE,
    "PATCH /api/v2/connections": WRITE,
    "PATCH /api/v2/connections/{connection_id}": WRITE,
    "POST /api/v2/connections/test": WRITE,
    "POST /api/v2/connections/enqueue-test": WRITE,
    "POST /api/v2/connections/defaults": WRITE,
    "GET /api/v2/pools/{pool_name}": THING,
    "GET /api/v2/pools": LIST,
    "DELETE /api/v2/pools/{pool_name}": WRITE,
    "PATCH /api/v2/pools/{pool_name}": WRITE,
    "POST /api/v2/pools": WRITE,
    "PATCH /api/v2/pools": WRITE,
    "GET /api/v2/variables/{variable_key}": THING,
    "GET /api/v2/variables": LIST,
    "DELETE /api/v2/variables/{variable_key}": WRITE,
    "PATCH /api/v2/variables/{variable_key}": WRITE,
    "POST /api/v2/variables": WRITE,
    "PATCH /api/v2/variables": WRITE,
    # Dags
    "GET /api/v2/dags": LIST,
    "GET /api/v2/dags/{dag_id}": THING,
    "GET /api/v2/dags/{dag_id}/details": THING,
    "PATCH /api/v2/dags/{dag_id}": WRITE,
    "PATCH /api/v2/dags": WRITE,
    "POST /api/v2/dags/{dag_id}/favorite": WRITE,
    "POST /api/v2/dags/{dag_id}/unfavorite": WRITE,
    "DELETE /api/v2/dags/{dag_id}": WRITE,
    "GET /api/v2/dagSources/{dag_id}": THING,
    "GET /api/v2/dagStats": LIST,
    "GET /api/v2/dagTags": LIST,
    "GET /api/v2/dagWarnings": LIST,
    "GET /api/v2/dags/{dag_id}/dagVersions/{version_number}": THING,
    "GET /api/v2/dags/{dag_id}/dagVersions": LIST,
    "GET /api/v2/dags/{dag_id}/tasks": THING,
    "GET /api/v2/dags/{dag_id}/tasks/{task_id}": THING,
    "PUT /api/v2/parseDagFile/{file_token}": WRITE,
    # Runs
    f"GET {_RUN}": THING,
    f"DELETE {_RUN}": WRITE,
    f"PATCH {_RUN}": WRITE,
    "PATCH /api/v2/dags/{dag_id}/dagRuns": WRITE,
    f"GET {_RUN}/upstreamAssetEvents": THING,
    f"POST {_RUN}/clear": WRITE,
    "GET /api/v2/dags/{dag_id}/dagRuns": LIST,
    "POST /api/v2/dags/{dag_id}/dagRuns": WRITE,
    f"GET {_RUN}/wait": THING,
    "POST /api/v2/dags/{dag_id}/dagRuns/list": LIST,
    "POST /api/v2/dags/{dag_id}/clearDagRuns": WRITE,
    "POST /api/v2/dags/{dag_id}/clearPartitions": WRITE,
    # Task instances
    f"GET {_TASK}": THING,
    f"GET {_TASK}/links": THING,
    f"GET {_TASK}/listMapped": THING,
    f"GET {_TASK}/{{map_index}}/dependencies": THING,
    f"GET {_TASK}/dependencies": THING,
    f"GET {_TASK}/tries": THING,
    f"GET {_TASK}/{{map_index}}/tries": THING,
    f"GET {_TASK}/{{map_index}}": THING,
    f"GET {_RUN}/taskInstances": LIST,
    f"POST {_RUN}/taskInstances/list": LIST,
    f"GET {_TASK}/tries/{{task_try_number}}": THING,
    f"GET {_TASK}/{{map_index}}/tries/{{task_try_number}}": THING,
    "POST /api/v2/dags/{dag_id}/clearTaskInstances": WRITE,
    f"PATCH {_RUN}/taskGroupInstances/{{group_id}}": WRITE,
    f"PATCH {_RUN}/taskGroupInstances/{{group_id}}/dry_run": WRITE,
    f"PATCH {_TASK}/{{map_index}}/dry_run": WRITE,
    f"PATCH {_TASK}/dry_run": WRITE,
    f"PATCH {_RUN}/taskInstances": WRITE,
    f"PATCH {_TASK}/{{map_index}}": WRITE,
    f"PATCH {_TASK}": WRITE,
    f"DELETE {_TASK}": WRITE,
    f"GET {_TASK}/logs/{{try_number}}": THING,
    f"GET {_TASK}/externalLogUrl/{{try_number}}": THING,
    f"GET {_TASK}/state-store": THING,
    f"GET {_TASK}/state-store/{{key}}": THING,
    f"PUT {_TASK}/state-store/{{key}}": WRITE,
    f"PATCH {_TASK}/state-store/{{key}}": WRITE,
    f"DELETE {_TASK}/state-store/{{key}}": WRITE,
    f"DELETE {_TASK}/state-store": WRITE,
    f"GET {_TASK}/xcomEntries/{{xcom_key}}": THING,
    f"GET {_TASK}/xcomEntries": LIST,
    f"POST {_TASK}/xcomEntries": WRITE,
    f"PATCH {_TASK}/xcomEntries/{{xcom_key}}": WRITE,
    f"DELETE {_TASK}/xcomEntries/{{xcom_key}}": WRITE,
    f"PATCH {_TASK}/{{map_index}}/hitlDetails": WRITE,
    f"GET {_TASK}/{{map_index}}/hitlDetails": THING,
    f"GET {_TASK}/{{map_index}}/hitlDetails/tries/{{try_number}}": THING,
    f"GET {_RUN}/hitlDetails": LIST,
    # What the deployment keeps
    "GET /api/v2/eventLogs/{event_log_id}": THING,
    "GET /api/v2/eventLogs": LIST,
    "GET /api/v2/importErrors/{import_error_id}": THING,
    "GET /api/v2/importErrors": LIST,
    "GET /api/v2/config": DEPLOYMENT,
    "GET /api/v2/config/section/{section}/option/{option}": DEPLOYMENT,
    "GET /api/v2/jobs": DEPLOYMENT,
    "GET /api/v2/plugins": SELF,
    "GET /api/v2/plugins/importErrors": DEPLOYMENT,
    "GET /api/v2/providers": DEPLOYMENT,
    "GET /api/v2/monitor/health": OPEN,
    "GET /api/v2/version": OPEN,
    "GET /api/v2/auth/login": OPEN,
    "GET /api/v2/auth/logout": OPEN,
    "GET /health": OPEN,
    "GET /api/v1/{_}": OPEN,
    "GET /api/{_}": OPEN,
    "GET /{rest_of_path}": OPEN,
    # FAB
    "POST /auth/token": WRITE,
    "POST /auth/token/cli": WRITE,
    "GET /auth/logout": OPEN,
    "POST /auth/fab/v1/roles": WRITE,
    "GET /auth/fab/v1/roles": ACCOUNTS,
    "DELETE /auth/fab/v1/roles/{name}": WRITE,
    "GET /auth/fab/v1/roles/{name}": ACCOUNTS,
    "PATCH /auth/fab/v1/roles/{name}": WRITE,
    "GET /auth/fab/v1/permissions": ACCOUNTS,
    "POST /auth/fab/v1/users": WRITE,
    "GET /auth/fab/v1/users": ACCOUNTS,
    "GET /auth/fab/v1/users/{username}": ACCOUNTS,
    "PATCH /auth/fab/v1/users/{username}": WRITE,
    "DELETE /auth/fab/v1/users/{username}": WRITE,
}


def routes_of(app: Any) -> dict[str, APIRoute]:
    """Return the app's routes, those of mounted FastAPI apps too, by method and path."""
    return {f"{method} {path}": route for method, path, route in _walk(app, "")}


def _walk(app: Any, prefix: str) -> Iterator[tuple[str, str, APIRoute]]:
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, prefix + route.path_format, route
        elif isinstance(route, Mount) and route.path != "/execution" and hasattr(route.app, "routes"):
            yield from _walk(route.app, prefix + route.path)
