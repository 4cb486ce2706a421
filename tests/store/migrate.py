"""A script for test_migrations: moves our tables alone, as Airflow's own code for external tables does."""

import json
import sys

from airflow.settings import configure_orm
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store.database import TeamRbacDBManager
from alembic import command

configure_orm()
answers = []
with create_session() as session:
    manager = TeamRbacDBManager(session)
    for step in sys.argv[1:]:
        if step == "up":
            manager.upgradedb(use_migration_files=True)
        elif step == "down":
            manager.downgrade("base")
        elif step == "show-down":
            manager.downgrade("base", show_sql_only=True)
        elif step == "check":
            # Compares as `alembic revision --autogenerate` does, by our env.py. Raises where it finds anything.
            command.check(manager.get_alembic_config())
        session.commit()  # what the last step did is read anew
        answers.append(manager.get_current_revision())
print(json.dumps(answers))
