"""An auth manager that lets many teams share one Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .team_auth_manager import TeamAuthManager

__all__ = ["TeamAuthManager"]


def __getattr__(name: str) -> Any:
    # Importing the auth manager imports all of FAB. Airflow reads provider info and policy hooks from this
    # package in every process, and must not pay for that.
    if name == "TeamAuthManager":
        from .team_auth_manager import TeamAuthManager

        return TeamAuthManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
