"""
What Airflow loads as a plugin (entry point ``airflow.plugins``); empty where another auth manager is configured.

Not as a provider's plugin: Airflow loads those only with ``[core] lazy_load_providers`` off.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

NAME = "team_rbac"
PREFIX = "/team-rbac"


class TeamRbacPlugin(AirflowPlugin):
    """The API under ``/team-rbac`` and the switcher on every page of the UI."""

    name = NAME
    fastapi_apps: list[Any] = []
    react_apps: list[dict[str, Any]] = []

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Bring what we have where it is used."""
        from ..gate.hooks import team_auth_manager_is_configured

        if not team_auth_manager_is_configured():
            return
        from .app import SWITCHER, app

        cls.fastapi_apps = [{"name": "Team RBAC", "app": app, "url_prefix": PREFIX}]
        # Relative, so that it works under a base_url with a path.
        cls.react_apps = [
            {"name": "TeamSwitcher", "bundle_url": f"team-rbac/{SWITCHER.path}", "destination": "base"},
        ]
