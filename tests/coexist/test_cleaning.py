"""``airflow db clean`` knows FAB's sessions under both auth managers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.store.deployments import FAB, TEAMS, Deployment, Deployments

CLEAN = ("db", "clean", "--tables", "session", "--clean-before-timestamp", "2026-01-01", "--skip-archive", "--yes")


def clean(deployment: Deployment) -> list:
    for number, expiry in enumerate(("2025-01-01", "2027-01-01")):
        deployment.write(f"INSERT INTO session (session_id, expiry) VALUES ('s{number}', '{expiry} 00:00:00')")
    deployment.airflow(*CLEAN)
    return deployment.rows("SELECT session_id FROM session")


@pytest.mark.parametrize("deployments", ["sqlite"], indirect=True, scope="session")
def test_clean_removes_sessions_that_ended(deployments: Deployments, migrated: Deployment):
    with ThreadPoolExecutor() as pool:
        left = list(pool.map(clean, (deployments.copy(migrated).using(manager) for manager in (FAB, TEAMS))))
    assert left == [[("s1",)], [("s1",)]]
