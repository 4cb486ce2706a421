"""What FAB knows of single Dags. As a script: how that changes with a Dag's file, as JSON."""

from __future__ import annotations

import json
from typing import Any

from airflow.providers.fab.auth_manager.models import Action, Permission, Resource, Role, assoc_permission_role
from airflow.utils.session import create_session
from sqlalchemy import delete, or_, select

READ = {"Viewer": {"can_read"}}
EDIT = {"User": {"DAGs": {"can_read", "can_edit"}}}
RUN = {"User": {"DAG Runs": {"can_create"}}}
BOTH = {"Viewer": {"can_read"}, "Op": {"DAGs": {"can_delete"}, "DAG Runs": {"can_create"}}}
NONSENSE = {"Nonsense": {"can_read"}}
WRONG_ACTION = {"Viewer": {"can_fly"}}


class PerDag:
    """FAB's permissions of single Dags."""

    def __call__(self, dag_id: str) -> set[tuple[str, str, str]]:
        """Return role, action and resource of those that somebody holds."""
        question = (
            select(Role.name, Action.name, Resource.name)
            .select_from(assoc_permission_role)
            .join(Role, Role.id == assoc_permission_role.c.role_id)
            .join(Permission, Permission.id == assoc_permission_role.c.permission_view_id)
            .join(Action, Action.id == Permission.action_id)
            .join(Resource, Resource.id == Permission.resource_id)
            .where(Resource.name.in_(self._names(dag_id)))
        )
        with create_session(scoped=False) as session:
            return {tuple(row) for row in session.execute(question)}

    def resources(self, dag_id: str) -> list[str]:
        """Return the Dag's resources in FAB."""
        with create_session(scoped=False) as session:
            names = self._names(dag_id)
            return sorted(session.scalars(select(Resource.name).where(Resource.name.in_(names))))

    @staticmethod
    def _names(dag_id: str) -> list[str]:
        return [f"DAG:{dag_id}", f"DAG Run:{dag_id}"]

    @staticmethod
    def forget() -> None:
        """Take all of them from all roles."""
        of_dags = (
            select(Permission.id)
            .join(Resource, Resource.id == Permission.resource_id)
            .where(or_(Resource.name.startswith("DAG:"), Resource.name.startswith("DAG Run:")))
        )
        with create_session(scoped=False) as session:
            session.execute(
                delete(assoc_permission_role).where(assoc_permission_role.c.permission_view_id.in_(of_dags))
            )


per_dag = PerDag()


def main() -> None:
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    from tests.coexist.dags import make_dag, parse

    with get_application_builder() as builder:
        builder.sm.sync_roles()
    steps: list[Any] = []
    for access_control in (None, READ, READ, EDIT, RUN, BOTH, NONSENSE, BOTH, WRONG_ACTION, READ, None, {}, READ):
        errors = parse(make_dag("report", access_control=access_control), make_dag("other"))
        # The last line, up to a list that comes in any order.
        told = {file: text.strip().splitlines()[-1].partition("; The set of")[0] for file, text in errors.items()}
        steps.append((told, sorted(per_dag("report")), per_dag.resources("report"), per_dag.resources("other")))
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
