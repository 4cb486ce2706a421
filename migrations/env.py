"""How Alembic reaches the database: Airflow's engine, our version table, our tables only."""

from __future__ import annotations

from typing import Any

from airflow import settings
from airflow_team_rbac.auth_manager.store.database import TeamRbacDBManager
from alembic import context

target_metadata = TeamRbacDBManager.metadata


def include_object(_: Any, name: str | None, kind: str, *args: Any) -> bool:
    """Leave Airflow's and FAB's tables alone."""
    return kind != "table" or name in {table.name for table in target_metadata.tables.values()}


OPTIONS: dict[str, Any] = {
    "target_metadata": target_metadata,
    "compare_type": True,
    "include_object": include_object,
    "render_as_batch": True,
    "version_table": TeamRbacDBManager.version_table_name,
}

if context.is_offline_mode():
    context.configure(url=settings.SQL_ALCHEMY_CONN, literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    with settings.get_engine().connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
