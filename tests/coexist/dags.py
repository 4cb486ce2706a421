"""Dags, written to the database as the Dag processor writes them."""

from __future__ import annotations

import datetime
from typing import Any

from airflow import DAG
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.models.dagbundle import DagBundleModel
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session

BUNDLE = "tests"


def make_dag(dag_id: str, **options: Any) -> LazyDeserializedDAG:
    """Make a Dag as the parsing process sends it."""
    options = {"schedule": None, "start_date": datetime.datetime(2026, 1, 1)} | options
    with DAG(dag_id, **options) as dag:
        EmptyOperator(task_id="task")
    dag.fileloc, dag.relative_fileloc = __file__, f"{dag_id}.py"
    return LazyDeserializedDAG.from_dag(dag)


def parse(*dags: LazyDeserializedDAG) -> dict[str, str]:
    """Write Dags of one file each, and return the import errors that come of it, by file."""
    errors: dict[tuple[str, str], str] = {}
    files = {(BUNDLE, dag.relative_fileloc) for dag in dags}
    with create_session() as session:
        session.merge(DagBundleModel(name=BUNDLE))
        session.flush()
        update_dag_parsing_results_in_db(BUNDLE, None, dags, errors, None, set(), session, files_parsed=files)
    return {file: text for (_, file), text in errors.items()}
