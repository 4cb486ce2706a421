"""Our tables come and go with ``airflow db …``, on both engines, whatever is in them."""

from datetime import UTC, datetime

import pytest
from airflow.utils.sqlalchemy import UtcDateTime
from airflow_team_rbac.auth_manager.store.database import TeamRbacDBManager
from airflow_team_rbac.auth_manager.store.models import metadata
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import DateTime, Integer, insert, inspect
from sqlalchemy.types import TypeEngine

from .deployments import Deployment, Deployments

MIGRATE = "tests.store.migrate"
OURS = sorted(metadata.tables)
VERSION = TeamRbacDBManager.version_table_name
HEAD = ScriptDirectory(TeamRbacDBManager.migration_dir).get_current_head()


def tables(deployment: Deployment) -> set[str]:
    return set(inspect(deployment.engine).get_table_names())


def schema(deployment: Deployment) -> dict[str, object]:
    """All that the database knows of our tables."""
    asked = inspect(deployment.engine)
    return {
        name: {
            "columns": [column | {"type": str(column["type"])} for column in asked.get_columns(name)],
            "key": asked.get_pk_constraint(name),
            "unique": sorted(asked.get_unique_constraints(name), key=str),
            "indexes": sorted(asked.get_indexes(name), key=str),
            "foreign": asked.get_foreign_keys(name),
        }
        for name in sorted(tables(deployment))
        if name.startswith("team_rbac_")
    }


def differences(deployment: Deployment) -> list[object]:
    """What Alembic would write into a new migration."""
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_object": lambda thing, name, kind, *_: kind != "table" or name.startswith("team_rbac_"),
    }
    with deployment.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def fill(deployment: Deployment) -> None:
    """Put a row into each of our tables."""
    with deployment.engine.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(insert(table).values({column.name: value_for(column.type) for column in table.columns}))


def value_for(column_type: TypeEngine) -> object:
    if isinstance(column_type, Integer):
        return 1
    return datetime(2026, 11, 22, tzinfo=UTC) if isinstance(column_type, (DateTime, UtcDateTime)) else "x"


def content(deployment: Deployment) -> dict[str, list]:
    return {name: deployment.rows(f"SELECT * FROM {name}") for name in [*OURS, VERSION]}


EMPTY = {name: [] for name in OURS} | {VERSION: [(HEAD,)]}


@pytest.fixture
def deployment(deployments: Deployments, migrated: Deployment):
    made = deployments.copy(migrated)
    yield made
    made.engine.dispose()


def test_migrate_makes_the_tables(migrated: Deployment):
    assert list(schema(migrated)) == OURS
    assert content(migrated) == EMPTY
    assert differences(migrated) == []


def test_migrations_make_what_the_models_say(deployments: Deployments, migrated: Deployment):
    deployment = deployments.new()
    assert deployment.script(MIGRATE, "up", "check") == [HEAD, HEAD]
    assert tables(deployment) == {*OURS, VERSION}
    assert differences(deployment) == []
    assert schema(deployment) == schema(migrated)


def test_down_and_up_by_migrations_with_rows(deployment: Deployment, migrated: Deployment):
    fill(deployment)
    # Shown as SQL, nothing is done: then everything is still there for `check`.
    assert deployment.script(MIGRATE, "show-down", "check", "down") == [HEAD, HEAD, None]
    assert tables(deployment) == tables(migrated) - set(OURS)
    assert deployment.script(MIGRATE, "up", "check", "down", "up") == [HEAD, HEAD, None, HEAD]
    assert schema(deployment) == schema(migrated)
    fill(deployment)


def test_down_by_the_command_line_and_up_by_airflow(deployment: Deployment, migrated: Deployment):
    fill(deployment)
    deployment.airflow("team-rbac", "db-downgrade")
    assert tables(deployment) == tables(migrated) - set(OURS)
    deployment.airflow("db", "migrate")
    assert schema(deployment) == schema(migrated)
    assert content(deployment) == EMPTY


def test_a_second_migrate_changes_nothing_and_reset_makes_all_anew(deployment: Deployment, migrated: Deployment):
    fill(deployment)
    before = content(deployment)
    deployment.airflow("db", "migrate")
    assert content(deployment) == before
    assert tables(deployment) == tables(migrated)
    assert schema(deployment) == schema(migrated)
    deployment.airflow("db", "reset", "--yes")
    assert content(deployment) == EMPTY
    assert tables(deployment) == tables(migrated)
    assert schema(deployment) == schema(migrated)
