"""A FAB deployment as there are many, and the same one after the one line of ``airflow.cfg`` is changed."""

import pytest
from sqlalchemy import inspect

from tests.store.deployments import FAB, TEAMS, Deployment, Deployments, deployments, migrated

__all__ = ["deployments", "migrated"]


@pytest.fixture(scope="session")
def existing(deployments: Deployments, migrated: Deployment) -> Deployment:
    """A FAB deployment with people and Dags, and nothing of ours in its database."""
    made = deployments.copy(migrated).using(FAB)
    ours = [name for name in inspect(made.engine).get_table_names() if "team_rbac" in name]
    made.write(*(f"DROP TABLE {name}" for name in ours))
    made.script("tests.coexist.prepare")
    forget_commands(made)
    return made


@pytest.fixture(scope="session")
def changed(deployments: Deployments, existing: Deployment) -> Deployment:
    """The same, with our auth manager and ``airflow db migrate``."""
    made = deployments.copy(existing).using(TEAMS)
    made.airflow("db", "migrate")
    forget_commands(made)
    return made


def forget_commands(deployment: Deployment) -> None:
    """Drop the audit rows of commands, of which one deployment has more."""
    deployment.write("DELETE FROM log WHERE substr(event, 1, 3) = 'cli'")
