"""
Loaded by Airflow in every one of its processes (entry point ``airflow.policy``), and so kept cheap.

Each hook stands at a private place of Airflow, is run when that module is imported, and refuses to go on where
the place has moved: an Airflow upgrade must never quietly take away what is done there.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import wrapt


class GateMissing(RuntimeError):
    """Airflow no longer has a place that this package needs. Use a version that is known to work with it."""


def find(module: Any, name: str) -> Any:
    """Return a private thing of Airflow's. Raises GateMissing where it is not there."""
    try:
        return getattr(module, name)
    except AttributeError:
        raise GateMissing(
            f"airflow-team-rbac needs {module.__name__}.{name}, and this version of Airflow does not have it"
        ) from None


@cache
def team_auth_manager_is_configured() -> bool:
    """Whether ``[core] auth_manager`` is ours, or a class made of ours."""
    from airflow.api_fastapi.app import get_auth_manager_cls

    from ..team_auth_manager import TeamAuthManager

    return issubclass(get_auth_manager_cls(), TeamAuthManager)


@wrapt.when_imported("airflow.dag_processing.collection")
def _on_dag_processing(module: ModuleType) -> None:
    from .dag_permissions import keep_dag_permissions

    # Stands in for a callback after a Dag is written. Core calls FAB itself only where the text of
    # `[core] auth_manager` contains "FabAuthManager" (collection.py, _serialize_dag_capturing_errors).
    place = "_serialize_dag_capturing_errors"
    setattr(module, place, keep_dag_permissions(find(module, place)))


@wrapt.when_imported("airflow.assets.manager")
def _on_asset_events(module: ModuleType) -> None:
    from .asset_delivery import deliver_where_permitted

    # Stands in for a question about each Dag that an asset event would set off.
    manager, place = find(module, "AssetManager"), "_queue_dagruns"
    setattr(manager, place, classmethod(deliver_where_permitted(find(manager, place).__func__)))


@wrapt.when_imported("airflow.utils.db_cleanup")
def _on_db_cleanup(module: ModuleType) -> None:
    # Stands in for a registry of tables for `airflow db clean`. Core lists FAB's `session` table only where
    # the text of `[core] auth_manager` contains "FabAuthManager".
    from airflow.configuration import conf

    tables = find(module, "config_dict")
    if (
        "session" not in tables
        and conf.get("fab", "session_backend", fallback="database") == "database"
        and team_auth_manager_is_configured()
    ):
        table = find(module, "_TableConfig")(table_name="session", recency_column_name="expiry")
        find(module, "config_list").append(table)
        tables["session"] = table
