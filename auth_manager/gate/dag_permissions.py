"""FAB's per-Dag permissions, kept for unowned Dags: DESIGN section 3, *Who may do what*, rule 2."""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from airflow.configuration import conf
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

F = TypeVar("F", bound=Callable[..., Any])


class DagPermissions:
    """Tells FAB of a Dag's ``access_control`` when it changes. Of owned Dags it is not used."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._telling: dict[str, Any] = {}
        """What is told once the transaction is committed; core may roll it back and try again."""

    def keep(self, dag: Any, session: Session) -> None:
        """Have FAB sync an unowned Dag that it was not told of, or of which it was told something else."""
        from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

        dag_id, access_control = dag.dag_id, dag.access_control
        if dag_id in self._told and self._told[dag_id] == access_control:
            return
        self._told.pop(dag_id, None)
        if not self._is_unowned(dag_id, session):
            return
        for name, listener in (("after_commit", self._committed), ("after_rollback", self._rolled_back)):
            if not event.contains(session, name, listener):
                event.listen(session, name, listener)
        FabAuthManager.sync_dag_perms(dag, session=session)
        self._telling[dag_id] = access_control

    def _committed(self, session: Session) -> None:
        self._told.update(self._telling)
        self._telling.clear()

    def _rolled_back(self, session: Session) -> None:
        self._telling.clear()

    @staticmethod
    def _is_unowned(dag_id: str, session: Session) -> bool:
        from ..policy.model import Kind
        from ..store.native import native_team
        from ..store.snapshot import policy_now

        native = native_team(Kind.DAG, dag_id, session)
        return bool(policy_now().ownership.owner(Kind.DAG, dag_id, native).is_unowned)


def keep_dag_permissions(write_dag: F) -> F:
    """Wrap core's writer of one Dag, with errors told as it tells its own: as the import errors of the file."""
    signature = inspect.signature(write_dag)
    permissions = DagPermissions()

    @functools.wraps(write_dag)
    def write(*args: Any, **kwargs: Any) -> Any:
        from .hooks import team_auth_manager_is_configured

        errors = write_dag(*args, **kwargs)
        if errors or not team_auth_manager_is_configured():
            return errors
        given = signature.bind(*args, **kwargs).arguments
        dag = given["dag"]
        try:
            permissions.keep(dag, given["session"])
        except OperationalError:
            raise  # core tries again
        except Exception:
            depth = conf.getint("core", "dagbag_import_error_traceback_depth")
            return [((given["bundle_name"], dag.relative_fileloc), traceback.format_exc(limit=-depth))]
        return errors

    return write  # type: ignore[return-value]
