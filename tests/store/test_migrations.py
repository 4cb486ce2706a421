"""Our tables come and go with ``airflow db …``, on both engines, whatever is in them."""

from pathlib import Path

import pytest
from airflow_team_rbac.auth_manager.store.database import TeamRbacDBManager
from airflow_team_rbac.auth_manager.store.models import metadata
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from .deployments import Deployment, Deployments, Failed

MIGRATE = Path(__file__).with_name("migrate.py")
OURS = sorted(metadata.tables)
VERSION = TeamRbacDBManager.version_table_name
NOW = "'2026-11-22 12:00:00+00:00'"
ROWS = {
    "team_rbac_revision": "(id, value) VALUES (1, 7)",
    "team_rbac_team": f"(name, description, managed_by, created_by, created_at) VALUES ('a', '', 'file', 'x', {NOW})",
    "team_rbac_claim": "(team_name, what, value, position) VALUES ('a', 'prefix', 'a__', 0)",
    "team_rbac_binding": (
        "(subject_kind, subject, team_name, role, reason, managed_by, created_by, created_at) "
        f"VALUES ('group', 'g', NULL, 'Op', '', 'file', 'x', {NOW})"
    ),
    "team_rbac_grant": (
        "(subject, resource, owner, actions, reason, managed_by, created_by, created_at) "
        f"VALUES ('*', 'dag:a__x', 'a', 'read', 'why', 'file', 'x', {NOW})"
    ),
    "team_rbac_identity": f"(user_id, issuer, subject, groups_at) VALUES (1, 'i', 's', {NOW})",
    "team_rbac_idp_group": "(user_id, name) VALUES (1, 'g')",
}


def head() -> str:
    return ScriptDirectory(TeamRbacDBManager.migration_dir).get_current_head()


def tables(deployment: Deployment) -> set[str]:
    return set(inspect(deployment.engine).get_table_names())


def our_tables(deployment: Deployment) -> list[str]:
    return sorted(name for name in tables(deployment) if name.startswith("team_rbac_"))


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
        for name in our_tables(deployment)
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
    deployment.write(*(f"INSERT INTO {table} {values}" for table, values in ROWS.items()))


def content(deployment: Deployment) -> dict[str, list]:
    return {name: deployment.rows(f"SELECT * FROM {name}") for name in [*our_tables(deployment), VERSION]}


@pytest.fixture
def deployment(deployments: Deployments, migrated: Deployment):
    made = deployments.copy(migrated)
    yield made
    made.engine.dispose()


def test_the_rows_here_are_of_all_tables():
    assert sorted(ROWS) == OURS


def test_migrate_makes_the_tables(migrated: Deployment):
    assert our_tables(migrated) == OURS
    assert migrated.rows(f"SELECT version_num FROM {VERSION}") == [(head(),)]


def test_models_and_migrations_agree(deployments: Deployments, migrated: Deployment):
    by_migrations = deployments.new()
    assert by_migrations.script(MIGRATE, "up", "check") == [head(), head()]
    assert tables(by_migrations) == {*OURS, VERSION}
    assert differences(by_migrations) == []
    assert differences(migrated) == []
    assert schema(by_migrations) == schema(migrated)


def test_up_down_and_up_again_by_migrations(deployment: Deployment):
    all_tables, before = tables(deployment), schema(deployment)
    fill(deployment)
    assert deployment.script(MIGRATE, "down") == [None]
    assert tables(deployment) == all_tables - set(OURS)
    assert deployment.script(MIGRATE, "up", "check") == [head(), head()]
    assert schema(deployment) == before
    fill(deployment)
    assert deployment.script(MIGRATE, "down", "up", "down", "up") == [None, head(), None, head()]
    assert schema(deployment) == before


def test_the_sql_of_a_downgrade_can_be_read_first(deployment: Deployment):
    fill(deployment)
    before = content(deployment)
    assert deployment.script(MIGRATE, "show-down") == [head()]
    assert content(deployment) == before


def test_the_command_line_takes_the_tables_back(deployment: Deployment):
    all_tables, before = tables(deployment), schema(deployment)
    fill(deployment)
    deployment.airflow("team-rbac", "db-downgrade")
    assert tables(deployment) == all_tables - set(OURS)
    with pytest.raises(Failed):
        deployment.airflow("db", "check-migrations", "--migration-wait-timeout", "0")
    deployment.airflow("db", "migrate")
    assert schema(deployment) == before
    assert content(deployment) == {name: [] for name in OURS} | {VERSION: [(head(),)]}


def test_a_second_migrate_changes_nothing(deployment: Deployment):
    fill(deployment)
    before = schema(deployment), content(deployment), tables(deployment)
    deployment.airflow("db", "migrate")
    assert (schema(deployment), content(deployment), tables(deployment)) == before


def test_reset_makes_them_anew(deployment: Deployment):
    before = schema(deployment), tables(deployment)
    fill(deployment)
    deployment.airflow("db", "reset", "--yes")
    assert (schema(deployment), tables(deployment)) == before
    assert content(deployment) == {name: [] for name in OURS} | {VERSION: [(head(),)]}
