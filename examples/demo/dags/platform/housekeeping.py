"""The platform's own: no team's prefix, so it is unowned and FAB's global roles decide."""

from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("platform_housekeeping", schedule="@daily", start_date=datetime(2026, 1, 1), tags=["platform"]):
    BashOperator(task_id="sweep", bash_command="echo 'nothing to sweep'")
