"""What a test finds in Airflow: people, teams and their things, made as Airflow makes them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from airflow import DAG
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.models.asset import AssetAliasModel, AssetModel
from airflow.models.connection import Connection
from airflow.models.dagbundle import DagBundleModel
from airflow.models.log import Log
from airflow.models.pool import Pool
from airflow.models.team import Team
from airflow.models.variable import Variable
from airflow.providers.fab.auth_manager.models import Role, User
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store import models
from airflow_team_rbac.auth_manager.store.changes import Author, apply_file
from airflow_team_rbac.auth_manager.store.people import utcnow
from airflow_team_rbac.auth_manager.team_auth_manager import TeamAuthManager, fab_asks
from sqlalchemy import MetaData, delete, select, true

KEPT = ("ab_", "alembic_version", "log_template")


@contextmanager
def public_role(name: str | None) -> Iterator[None]:
    """Give whoever is not signed in a role of FAB's for a while."""
    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            patch.setenv("AIRFLOW__FAB__AUTH_ROLE_PUBLIC", name)
        yield


class World:
    """One Airflow. Everything that is made here goes with ``clear``."""

    def person(
        self, name: str, *, roles: Iterable[str] = (), groups: Iterable[str] | None = None, active: bool = True
    ) -> int:
        """Make a FAB user with FAB roles and, if given, IdP groups told just now. Returns the id."""
        with create_session() as session:
            user = User(
                username=name,
                first_name=name.title(),
                last_name="Test",
                email=f"{name}@example.com",
                active=active,
                roles=[session.scalars(select(Role).where(Role.name == role)).unique().one() for role in roles],
            )
            session.add(user)
            session.flush()
            if groups is not None:
                self.set_groups(user, groups, session)
            return user.id

    @staticmethod
    def set_groups(user: User, groups: Iterable[str], session: Any) -> None:
        session.merge(
            models.IdentityRow(
                user_id=user.id,
                user_created_on=user.created_on,
                issuer="https://idp.example.com",
                subject=f"subject-{user.id}",
                groups_at=utcnow(),
            )
        )
        session.add_all(models.IdpGroupRow(user_id=user.id, name=group) for group in groups)

    def regroup(self, user_id: int, groups: Iterable[str]) -> None:
        """What a sign-in with other groups does."""
        with create_session() as session:
            session.execute(delete(models.IdpGroupRow).where(models.IdpGroupRow.user_id == user_id))
            self.set_groups(session.get(User, user_id), groups, session)

    def apply(self, text: str, *, prune: bool = True, release: bool = True) -> Any:
        """Apply a policy file."""
        with create_session() as session:
            return apply_file(
                "version = 1\n" + text,
                prune=prune,
                release=release,
                asks=fab_asks(TeamAuthManager()),
                author=Author("test", "file"),
                session=session,
            )

    def dag(self, dag_id: str, *, bundle: str = "tests", **options: Any) -> str:
        """Make a Dag with one task, parsed and serialized."""
        with DAG(dag_id, schedule=None, start_date=datetime.datetime(2026, 1, 1), **options) as dag:
            EmptyOperator(task_id="task")
        dag.fileloc = __file__  # the Dag's "code": any file that is there
        dag.relative_fileloc = f"{dag_id}.py"
        with create_session() as session:
            session.merge(DagBundleModel(name=bundle))
            session.flush()
            errors: dict[tuple[str, str], str] = {}
            update_dag_parsing_results_in_db(
                bundle, None, [LazyDeserializedDAG.from_dag(dag)], errors, None, set(), session
            )
            assert not errors, errors
        return dag_id

    def connection(self, conn_id: str, *, team: str | None = None) -> str:
        self._add(Connection(conn_id=conn_id, conn_type="http", host="example.com", team_name=team))
        return conn_id

    def variable(self, key: str, *, team: str | None = None) -> str:
        self._add(Variable(key=key, val="value", team_name=team))
        return key

    def pool(self, name: str, *, team: str | None = None) -> str:
        self._add(Pool(pool=name, slots=1, description="", include_deferred=False, team_name=team))
        return name

    def asset(self, name: str, uri: str | None = None) -> int:
        return self._add(AssetModel(name=name, uri=uri or f"x://{name}", group="asset"))

    def alias(self, name: str) -> int:
        return self._add(AssetAliasModel(name=name, group="asset"))

    def team(self, name: str, *, bundles: Iterable[str] = ()) -> str:
        """Make one of Airflow's own teams."""
        with create_session() as session:
            team = Team(name=name)
            team.dag_bundles = [session.merge(DagBundleModel(name=bundle)) for bundle in bundles]
            session.add(team)
        return name

    @staticmethod
    def _add(row: Any) -> Any:
        with create_session() as session:
            session.add(row)
            session.flush()
            return getattr(row, "id", None)

    def audit(self, event: str | None = None) -> list[Log]:
        """Return the audit rows of an event, or all."""
        with create_session() as session:
            rows = list(session.scalars(select(Log).where(Log.event == event if event else true()).order_by(Log.id)))
            session.expunge_all()
            return rows

    @staticmethod
    def clear() -> None:
        """Empty every table but Airflow's and FAB's own fixtures."""
        from airflow import settings

        metadata = MetaData()
        metadata.reflect(settings.engine)
        with settings.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for table in reversed(metadata.sorted_tables):
                if table.name in ("ab_user", "ab_user_role") or not table.name.startswith(KEPT):
                    rows = delete(table)
                    if table.name == "slot_pool":
                        rows = rows.where(table.c.pool != "default_pool")
                    connection.execute(rows)


class Api:
    """Somebody's calls of the API."""

    def __init__(self, client: Any, user_id: int) -> None:
        from airflow.api_fastapi.app import get_auth_manager

        self._client = client
        token = get_auth_manager()._get_token_signer().generate({"sub": str(user_id)})
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None, **options: Any) -> Any:
        path = path if path.startswith(("/ui/", "/auth/", "/api/")) else f"/api/v2{path}"
        return self._client.request(method, path, json=body, headers=self._headers, **options)

    def get(self, path: str) -> Any:
        return self("GET", path)

    def status(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> int:
        return self(method, path, body).status_code
