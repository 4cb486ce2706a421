"""FAB's roles and their permissions, one small select for each role that somebody holds."""

from __future__ import annotations

import threading

from airflow.providers.fab.auth_manager.models import Action, Permission, Resource, assoc_permission_role
from airflow.providers.fab.auth_manager.models import Role as FabRole
from cachetools import TTLCache
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..policy.evaluate import Roles
from ..policy.model import Role


def role_names(session: Session) -> list[str]:
    """Return the names of all FAB roles."""
    return list(session.scalars(select(FabRole.name).order_by(FabRole.name)))


class RoleBook:
    """
    Finds roles by name, letter case ignored, and remembers them for ``ttl`` seconds.

    FAB tells nobody when a role's permissions change; it remembers them for ``[fab] cache_ttl`` itself.
    """

    def __init__(self, ttl: float) -> None:
        self._lock = threading.Lock()
        self._roles: TTLCache[str, Role | None] = TTLCache(maxsize=1024, ttl=ttl)

    def using(self, session: Session) -> Roles:
        """Return the look-up, with the session that it may need."""

        def find(name: str) -> Role | None:
            key = name.casefold()
            with self._lock:
                if key in self._roles:
                    return self._roles[key]
            role = _load(name, session)
            with self._lock:
                self._roles[key] = role
            return role

        return find


def _load(name: str, session: Session) -> Role | None:
    # An exact name first: FAB allows roles that differ in letter case only.
    found = session.execute(
        select(FabRole.id, FabRole.name)
        .where(func.lower(FabRole.name) == name.lower())
        .order_by((FabRole.name == name).desc(), FabRole.id)
    ).first()
    if found is None:
        return None
    pairs = session.execute(
        select(Action.name, Resource.name)
        .select_from(Permission)
        .join(assoc_permission_role, assoc_permission_role.c.permission_view_id == Permission.id)
        .join(Action, Action.id == Permission.action_id)
        .join(Resource, Resource.id == Permission.resource_id)
        .where(assoc_permission_role.c.role_id == found.id)
    )
    return Role(found.name, frozenset((action, resource) for action, resource in pairs))
