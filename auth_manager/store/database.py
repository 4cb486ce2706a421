"""Our tables' migrations, run by Airflow's own ``airflow db migrate`` and ``airflow db reset``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from airflow.utils.db_manager import BaseDBManager
from alembic import command

from .models import metadata

_MIGRATIONS = Path(str(files("airflow_team_rbac.migrations")))


class TeamRbacDBManager(BaseDBManager):
    """Airflow's interface to tables that are not its own."""

    metadata = metadata
    version_table_name = "alembic_version_team_rbac"
    migration_dir = _MIGRATIONS.as_posix()
    alembic_file = (_MIGRATIONS / "alembic.ini").as_posix()
    supports_table_dropping = True

    def downgrade(self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False) -> None:
        """
        Take the tables back to an earlier revision; ``base`` drops them.

        :param from_revision: with ``show_sql_only`` alone: where to start, instead of where the database is
        :param show_sql_only: print the SQL, change nothing
        """
        if from_revision and not show_sql_only:
            raise ValueError("from_revision goes with show_sql_only; a downgrade starts where the database is")
        if show_sql_only:
            to_revision = f"{from_revision or self.get_current_revision()}:{to_revision}"
        command.downgrade(self.get_alembic_config(), revision=to_revision, sql=show_sql_only)
