"""FAB roles, as small as the tests of the policy need them, and what is asked of them."""

from __future__ import annotations

from airflow_team_rbac.auth_manager.policy.evaluate import Permits, Resource, Standing
from airflow_team_rbac.auth_manager.policy.model import Action, Role

from .reference import MENU, permitted

READ = frozenset(("can_read", menu) for menu in MENU.values())
RUN = frozenset({("can_create", "DAG Runs"), ("can_edit", "DAGs"), ("can_create", "Assets")})
CHANGE = frozenset((verb, menu) for verb in ("can_edit", "can_create", "can_delete") for menu in MENU.values())

ROLES = {
    role.name: role
    for role in (
        Role("Viewer", READ),
        Role("User", READ | RUN),
        Role("Op", READ | RUN | CHANGE),
        Role("Admin", READ | RUN | CHANGE),
        Role("Editor", frozenset({("can_edit", "DAGs"), ("can_edit", "Connections")})),
        Role("Starter", frozenset({("can_create", "DAG Runs")})),
        Role("PerDag", frozenset({("can_read", "DAG:sales__a"), ("can_read", "DAG:x"), ("can_create", "DAG Run:x")})),
        Role("Nothing", frozenset()),
    )
}
_BY_FOLDED = {name.casefold(): role for name, role in ROLES.items()}


def find_role(name: str) -> Role | None:
    return _BY_FOLDED.get(name.casefold())


def asks(resource: Resource, action: Action | None) -> Permits:
    """Ask what FAB would say about an action on a resource; no action is: to delete it."""

    def permits(standing: Standing) -> bool:
        return permitted(standing.perms, resource.kind, action, resource.id)

    return permits
