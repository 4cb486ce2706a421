"""Features for the model."""

from datetime import datetime

from airflow.sdk import Asset, Connection, dag, task

FEATURES = Asset("data_science__features")


@dag("data_science__prepare", schedule="@daily", start_date=datetime(2026, 1, 1), tags=["data_science"])
def prepare():
    @task(pool="data_science__gpu", outlets=[FEATURES])
    def compute() -> None:
        store = Connection.get("data_science__feature_store")
        print(f"features to {store.host}")

    compute()


prepare()
