"""Waits for data_eng's orders and never runs: no grant lets this team consume them.

Add one to ``examples/policy.toml``, apply it, and run ``data_eng__ingest`` again::

    [[grants]]
    to = "team:data_science"
    resource = "asset:data_eng__orders"
    actions = ["consume"]
    reason = "Forecast of tomorrow's orders"
"""

from datetime import datetime

from airflow.sdk import Asset, dag, task


@dag(
    "data_science__forecast",
    schedule=[Asset("data_eng__orders", uri="s3://data-eng/orders")],
    start_date=datetime(2026, 1, 1),
    tags=["data_science"],
)
def forecast():
    @task
    def predict() -> None:
        print("42 orders tomorrow")

    predict()


forecast()
