"""The groups that FAB's own ways to sign in are told: OAuth and LDAP as ``webserver_config.py`` has them."""

from __future__ import annotations

from typing import Any

from airflow.providers.fab.auth_manager.models import User
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from flask import g

from ..login.security_manager import SignsInAgain
from ..store.identities import keep_groups
from .hooks import find


def taking_groups(base: type[Any] | None) -> type[Any]:
    """
    Return FAB's security manager, or the deployment's own, and keep the groups that it is told.

    Told is what FAB maps to roles: ``role_keys`` of OAuth's userinfo, and of LDAP the attribute
    ``AUTH_LDAP_GROUP_FIELD``, which FAB asks for where ``AUTH_ROLES_MAPPING`` is set. Where it is told nothing,
    nothing is kept, and all is as with FAB alone.

    :raises GateMissing: FAB has changed
    """
    if base is not None and issubclass(base, _TakesGroups):
        return base
    # Stands in for a hook after somebody signed in by LDAP, with what was found of them.
    find(FabAirflowSecurityManagerOverride, "_search_ldap")
    if base is not None and not issubclass(base, FabAirflowSecurityManagerOverride):
        return base  # FAB says what is wrong with it
    bases = (_TakesGroups,) if base is None else (_TakesGroups, base)
    return type("TeamSecurityManager", bases, {})


class _TakesGroups(SignsInAgain):
    def auth_user_oauth(self, userinfo: dict[str, Any], *args: Any, **kwargs: Any) -> User | None:
        user = super().auth_user_oauth(userinfo, *args, **kwargs)
        told = userinfo.get("role_keys")
        if user is not None and told is not None:
            keep_groups(user, [told] if isinstance(told, str) else map(str, told), self.session)
        return user

    def auth_user_ldap(self, *args: Any, **kwargs: Any) -> User | None:
        g.pop("team_rbac_ldap", None)
        user = super().auth_user_ldap(*args, **kwargs)
        found = g.pop("team_rbac_ldap", None)
        if user is not None and found is not None and self.auth_roles_mapping:
            told = found.get(self.auth_ldap_group_field) or []  # LDAP knows no empty attribute
            keep_groups(user, (name.decode("utf-8", "replace") for name in told), self.session)
        return user

    def _search_ldap(self, *args: Any, **kwargs: Any) -> Any:
        found = super()._search_ldap(*args, **kwargs)
        g.team_rbac_ldap = found[1]
        return found
