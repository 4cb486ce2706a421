"""A Dag's ``access_control`` reaches FAB as without this package, while the Dag belongs to no team."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.dag_processing import collection
from airflow.models.errors import ParseImportError
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.store.deployments import FAB, TEAMS, Deployment, Deployments

from .dags import make_dag, parse
from .permissions import EDIT, NONSENSE, READ, RUN, per_dag

SALES = "[teams.sales]"


@pytest.fixture
def world(world):
    yield world
    per_dag.forget()


@pytest.mark.parametrize("deployments", ["sqlite"], indirect=True, scope="session")
def test_it_is_told_as_fab_is_told(deployments: Deployments, migrated: Deployment):
    """The same changes of a Dag's file, under one auth manager and under the other."""
    both = deployments.copy(migrated).using(FAB), deployments.copy(migrated).using(TEAMS)
    with ThreadPoolExecutor() as pool:
        stock, ours = pool.map(lambda deployment: deployment.script("tests.coexist.permissions"), both)
    assert [step[0] for step in stock] == [step[0] for step in ours]
    assert stock == ours
    assert json.dumps(stock).count("can_read") > 3


def test_a_change_reaches_fab_and_only_a_change(world):
    assert parse(make_dag("report", access_control=READ)) == {}
    assert per_dag("report") == {("Viewer", "can_read", "DAG:report")}
    per_dag.forget()
    parse(make_dag("report", access_control=READ))
    assert per_dag("report") == set()  # nothing changed, so nobody was told
    parse(make_dag("report", access_control=EDIT))
    assert per_dag("report") == {("User", "can_edit", "DAG:report"), ("User", "can_read", "DAG:report")}
    parse(make_dag("report", access_control=RUN))
    assert per_dag("report") == {("User", "can_create", "DAG Run:report")}
    parse(make_dag("report", access_control={}))
    assert per_dag("report") == set()


def test_of_an_owned_dag_fab_hears_nothing(world):
    world.apply(SALES)
    assert parse(make_dag("sales__report", access_control=READ)) == {}
    assert per_dag("sales__report") == set()
    assert per_dag.resources("sales__report") == []
    assert parse(make_dag("sales__report", access_control=NONSENSE)) == {}


def test_a_dag_that_becomes_owned_and_unowned_again(world):
    parse(make_dag("sales__report", access_control=READ))
    assert per_dag("sales__report") == {("Viewer", "can_read", "DAG:sales__report")}
    world.apply(SALES)
    parse(make_dag("sales__report", access_control=EDIT))
    assert per_dag("sales__report") == {("Viewer", "can_read", "DAG:sales__report")}  # as it was, and not used
    world.apply("")
    parse(make_dag("sales__report", access_control=EDIT))
    assert per_dag("sales__report") == {
        ("User", "can_edit", "DAG:sales__report"),
        ("User", "can_read", "DAG:sales__report"),
    }


def test_what_fab_refuses_is_an_import_error(world):
    errors = parse(make_dag("fine", access_control=READ), make_dag("broken", access_control=NONSENSE))
    assert list(errors) == ["broken.py"]
    assert "Nonsense" in errors["broken.py"]
    assert per_dag("fine") == {("Viewer", "can_read", "DAG:fine")}
    with create_session() as session:
        assert list(session.scalars(select(ParseImportError.filename))) == ["broken.py"]
    assert list(parse(make_dag("broken", access_control=NONSENSE))) == ["broken.py"]  # until it is mended
    assert parse(make_dag("broken", access_control=READ)) == {}
    with create_session() as session:
        assert list(session.scalars(select(ParseImportError))) == []


def test_what_fab_forgot_when_it_refused_is_told_again(world):
    """FAB takes away what was there before it looks at what is new."""
    parse(make_dag("report", access_control=READ))
    parse(make_dag("report", access_control=NONSENSE))
    assert per_dag("report") == set()
    parse(make_dag("report", access_control=READ))
    assert per_dag("report") == {("Viewer", "can_read", "DAG:report")}


def test_what_was_rolled_back_is_told_again(world, monkeypatch):
    """Core writes all Dags of a file again when the database fails it in the middle."""
    write, failed = collection.SerializedDagModel.write_dag, []

    def fail_once(dag, *args, **kwargs):
        if dag.dag_id == "second" and not failed:
            failed.append(dag)
            raise OperationalError("INSERT", {}, Exception("the server closed the connection"))
        return write(dag, *args, **kwargs)

    monkeypatch.setattr(collection.SerializedDagModel, "write_dag", fail_once)
    assert parse(make_dag("first", access_control=READ), make_dag("second", access_control=READ)) == {}
    assert failed
    assert per_dag("first") == {("Viewer", "can_read", "DAG:first")}
    assert per_dag("second") == {("Viewer", "can_read", "DAG:second")}
