"""Looks at the orders whenever there are new ones."""

from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset

with DAG(
    "data_eng__quality",
    schedule=[Asset("data_eng__orders", uri="s3://data-eng/orders")],
    start_date=datetime(2026, 1, 1),
    tags=["data_eng"],
):
    BashOperator(
        task_id="count",
        bash_command="echo 'no order without a customer, at most {{ var.value.data_eng__error_budget }} errors'",
    )
