"""The morning's numbers, from another team's warehouse: two grants let it."""

from datetime import datetime

from airflow.sdk import Asset, Connection, Variable, dag, task


@dag(
    "analytics__dashboard",
    # Granted: `consume`.
    schedule=[Asset("data_eng__orders", uri="s3://data-eng/orders")],
    start_date=datetime(2026, 1, 1),
    tags=["analytics"],
)
def dashboard():
    @task(pool="analytics__reports")
    def query() -> str:
        # Granted: `use`.
        warehouse = Connection.get("data_eng__dwh")
        return f"orders from {warehouse.host}"

    @task(outlets=[Asset("analytics__numbers")])
    def publish(numbers: str) -> None:
        board = Connection.get("analytics__board")
        title = Variable.get("analytics__title")
        print(f"{title}: {numbers} to {board.host}")

    publish(query())


dashboard()
