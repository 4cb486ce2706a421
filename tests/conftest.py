"""
A real Airflow in the test process: its own FastAPI app on a database of its own.

``TEAM_RBAC_TEST_DB=postgresql`` runs on a real PostgreSQL (``pgserver``), a URL on that server, nothing on SQLite.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

# What Airflow and the sweep keep in memory takes long to look through, again and again, and is not garbage.
gc.set_threshold(20_000, 50, 50)

HOME = Path(tempfile.mkdtemp(prefix="team-rbac-test-"))
SERVERS: list[Any] = []


def _database_url() -> str:
    wanted = os.environ.get("TEAM_RBAC_TEST_DB", "sqlite")
    if wanted == "sqlite":
        return f"sqlite:///{HOME / 'airflow.db'}"
    if wanted != "postgresql":
        return wanted
    import pgserver

    SERVERS.append(pgserver.get_server(HOME / "postgresql"))
    return SERVERS[0].get_uri().replace("postgresql://", "postgresql+psycopg2://")


# Airflow reads its configuration when it is imported, so this comes before anything else is.
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _database_url(),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_ENGINE_ARGS": '{"query_cache_size": 20000}',
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow_team_rbac.auth_manager.TeamAuthManager",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
        "AIRFLOW__API__SECRET_KEY": "a-secret-key-for-tests",
        "AIRFLOW__API__BASE_URL": "http://testserver",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a-jwt-secret-for-tests-that-is-long-enough-for-HS512-to-be-content-with",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__FAB__AUTH_RATE_LIMITED": "False",
    }
)


@sa.event.listens_for(sa.Engine, "connect")
def do_not_wait_for_the_disk(connection: Any, _: Any) -> None:
    """Nothing that is made here is to survive anything."""
    if "sqlite" in type(connection).__module__:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.close()


def pytest_sessionfinish() -> None:
    # pytest and the interpreter look ten times through all that there is, a gigabyte after the sweep.
    gc.collect()
    gc.freeze()
    for server in SERVERS:
        server.cleanup()
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def database() -> Iterator[None]:
    """A migrated database with FAB's own roles."""
    from airflow.utils.db import initdb
    from airflow_team_rbac.auth_manager.cli.commands import _ensure_roles

    initdb()
    _ensure_roles()
    yield
    from airflow import settings

    settings.dispose_orm()


@pytest.fixture(scope="session")
def app(database: None):
    """Airflow's own FastAPI app."""
    from airflow.api_fastapi.app import create_app, purge_cached_app

    from .world import public_role

    purge_cached_app()
    # FAB looks once whether there is a public at all, and on each request which role it has: see public_role.
    with public_role("Public"):
        return create_app()


@pytest.fixture(scope="session")
def client(app):
    """An HTTP client of the app, errors of the server included as answers."""
    from fastapi.testclient import TestClient

    with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def world(database: None):
    """An empty Airflow to fill, emptied again afterwards."""
    from .world import World

    world = World()
    yield world
    world.clear()
