"""
Deployments of their own, beside the one in the test process: a home, a database and an auth manager each.

Airflow binds its database and its auth manager when it is imported, so what is asked of these runs in
processes of their own: the ``airflow`` command line, or a script that prints JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

REPOSITORY = Path(__file__).parents[2]

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
TEAMS = "airflow_team_rbac.auth_manager.TeamAuthManager"

SETTINGS = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
    "AIRFLOW__API__SECRET_KEY": "a-secret-key-for-tests",
    "AIRFLOW__API__BASE_URL": "http://testserver",
    "AIRFLOW__API_AUTH__JWT_SECRET": "a-jwt-secret-for-tests-that-is-long-enough-for-HS512-to-be-content-with",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW__FAB__AUTH_RATE_LIMITED": "False",
}


class Failed(AssertionError):
    """A process ended with another status than 0."""


@dataclass(frozen=True)
class Deployment:
    """One Airflow, not running."""

    home: Path
    url: str
    auth_manager: str = TEAMS
    settings: dict[str, str] = field(default_factory=dict)

    def using(self, auth_manager: str, **settings: str) -> Deployment:
        """The same database and home with other settings; what changes ``airflow.cfg`` changes."""
        return replace(self, auth_manager=auth_manager, settings=self.settings | settings)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return kept | {
            **SETTINGS,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.url,
            "AIRFLOW__CORE__AUTH_MANAGER": self.auth_manager,
            **self.settings,
        }

    def run(self, *command: str) -> str:
        """Run a command and return what it printed. Raises Failed with all of it where its status is not 0."""
        done = subprocess.run(
            command, env=self.environ, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            raise Failed(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def airflow(self, *arguments: str) -> str:
        """Run ``airflow …``."""
        return self.run(sys.executable, "-m", "airflow", *arguments)

    def script(self, module: str, *arguments: str) -> Any:
        """Run a script, given as a module, and return the JSON of the last line that it printed."""
        return json.loads(self.run(sys.executable, "-m", module, *arguments).splitlines()[-1])

    @cached_property
    def engine(self) -> Engine:
        return create_engine(self.url)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def write(self, *statements: str) -> None:
        """Write to the database."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


class Deployments:
    """Makes deployments, and copies of deployments, on one database engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def new(self) -> Deployment:
        """Make a deployment with an empty database."""
        return self._make(None)

    def copy(self, of: Deployment) -> Deployment:
        """Make a deployment with the same in its database and its home."""
        of.engine.dispose()
        made = self._make(of)
        shutil.copytree(of.home, made.home, dirs_exist_ok=True)
        return made.using(of.auth_manager, **of.settings)

    def _make(self, of: Deployment | None) -> Deployment:
        number = next(self._numbers)
        home = self._folder / f"home{number}"
        home.mkdir()
        return Deployment(home, self._database(number, of))

    def _database(self, number: int, of: Deployment | None) -> str:
        raise NotImplementedError


class OnSqlite(Deployments):
    def _database(self, number: int, of: Deployment | None) -> str:
        path = self._folder / f"{number}.db"
        if of is not None:
            old = of.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(old)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
        return f"sqlite:///{path}"


class OnPostgresql(Deployments):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        pgserver = pytest.importorskip("pgserver", reason="no pgserver for this Python: PostgreSQL is not tested")
        self.server = pgserver.get_server(folder / "postgresql")

    def _url(self, name: str) -> str:
        return str(self.server.get_uri(name)).replace("postgresql://", "postgresql+psycopg2://")

    def _database(self, number: int, of: Deployment | None) -> str:
        name = f"airflow{number}"
        template = f" TEMPLATE {of.engine.url.database}" if of is not None else ""
        with create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}{template}")
        return self._url(name)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def deployments(request: pytest.FixtureRequest) -> Iterator[Deployments]:
    """Deployments on each engine in turn."""
    folder = Path(tempfile.mkdtemp(prefix="team-rbac-"))
    try:
        if request.param == "sqlite":
            yield OnSqlite(folder)
        else:
            on_postgresql = OnPostgresql(folder)
            yield on_postgresql
            on_postgresql.server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(deployments: Deployments) -> Deployment:
    """What ``airflow db migrate`` makes, to look at and to copy, never to write to."""
    deployment = deployments.new()
    deployment.airflow("db", "migrate")
    return deployment
