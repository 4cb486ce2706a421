"""A script: fills a deployment as its people have, before anybody heard of teams."""

from __future__ import annotations

import json

from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.models.errors import ParseImportError
from airflow.providers.fab.auth_manager.models import User
from airflow.sdk import Asset
from airflow.utils.session import create_session
from airflow.utils.timezone import utcnow
from fastapi.testclient import TestClient
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from tests.coexist.dags import make_dag, parse
from tests.coexist.score import CONSUMER, DAGS, PEOPLE, ROLES
from tests.world import Api, World


def main() -> None:
    app = create_app()  # FAB makes its own roles
    manager, world = get_auth_manager(), World()
    with manager.flask_app.app_context():
        for role, permissions in ROLES.items():
            manager.security_manager.bulk_sync_roles([{"role": role, "perms": permissions}])
    ids = {name: world.person(name, roles=roles) for name, roles in PEOPLE.items()}
    with create_session() as session:
        # Few rounds: signing in is not what takes the time here.
        for user in session.scalars(select(User)).unique():
            user.password = generate_password_hash(user.username, method="pbkdf2:sha256:1000")
            user.active = user.username != "disabled"
        session.add(
            ParseImportError(filename="broken.py", bundle_name="tests", stacktrace="it is broken", timestamp=utcnow())
        )
    for dag_id, access_control in DAGS.items():
        assert not parse(make_dag(dag_id, access_control=access_control, tags=["nightly"]))
    orders = Asset("orders", uri="x://orders")
    assert not parse(make_dag(CONSUMER, schedule=[orders], access_control={"Analyst": {"can_read"}}))
    for name in ("shared", *(f"old_{person}" for person in PEOPLE)):
        world.connection(name)
    for name in ("limit", *(f"old_{person}" for person in PEOPLE)):
        world.variable(name)
    for name in ("spare", *(f"old_{person}" for person in PEOPLE)):
        world.pool(name)
    world.alias("any_order")
    with TestClient(app) as client:
        admin = Api(client, ids["admin"])
        for dag_id in (*DAGS, CONSUMER):
            run = {"dag_run_id": "first", "logical_date": "2026-01-01T00:00:00Z"}
            assert admin.status("POST", f"/dags/{dag_id}/dagRuns", run) == 200
            value = {"key": "count", "value": "1"}
            path = f"/dags/{dag_id}/dagRuns/first/taskInstances/task/xcomEntries"
            assert admin.status("POST", path, value) == 201
        assert admin.status("POST", "/assets/events", {"asset_id": 1}) == 200
    print(json.dumps(ids))


if __name__ == "__main__":
    main()
