"""The orders of every shop, into the warehouse; other teams wait for them."""

from datetime import datetime

from airflow.sdk import Asset, Connection, Variable, dag, task

ORDERS = Asset("data_eng__orders", uri="s3://data-eng/orders")


@dag("data_eng__ingest", schedule="@daily", start_date=datetime(2026, 1, 1), tags=["data_eng"])
def ingest():
    @task(pool="data_eng__etl")
    def extract() -> int:
        shops = Connection.get("data_eng__shops")
        size = int(Variable.get("data_eng__batch_size"))
        print(f"{size} orders at a time from {shops.host}")
        return 3 * size

    @task(pool="data_eng__etl", outlets=[ORDERS])
    def load(orders: int) -> None:
        warehouse = Connection.get("data_eng__dwh")
        print(f"{orders} orders into {warehouse.host}, as {warehouse.login}")

    load(extract())


ingest()
