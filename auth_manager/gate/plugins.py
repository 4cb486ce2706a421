"""``GET /plugins``, without which the UI of a Viewer cannot load the switcher: *Deployment-wide things* in DESIGN."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import Any

from airflow import plugins_manager

from ..api.plugin import NAME
from .hooks import find

_only_ours: ContextVar[bool] = ContextVar("team_rbac_only_our_plugin", default=False)


def show(*, only_ours: bool) -> None:
    """Show the rest of this request every plugin, or none but ours."""
    _only_ours.set(only_ours)


def install() -> None:
    """Stand at Airflow's list of plugins. Does nothing where no request is marked. Raises GateMissing."""
    # Stands in for a filter of plugins by user.
    listed = find(plugins_manager, "get_plugin_info")
    if getattr(listed, "team_rbac", False):
        return

    @functools.wraps(listed)
    def get_plugin_info(*args: Any, **kwargs: Any) -> Any:
        found = listed(*args, **kwargs)
        return [plugin for plugin in found if plugin["name"] == NAME] if _only_ours.get() else found

    get_plugin_info.team_rbac = True  # type: ignore[attr-defined]
    plugins_manager.get_plugin_info = get_plugin_info
