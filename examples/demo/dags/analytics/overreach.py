"""Asks for credentials of another team that nobody granted, and is glad not to get them. Run it by hand."""

from datetime import datetime

from airflow.sdk import Connection, dag, task


@dag("analytics__overreach", schedule=None, start_date=datetime(2026, 1, 1), tags=["analytics"])
def overreach():
    @task
    def borrow() -> None:
        try:
            registry = Connection.get("data_science__registry")
        except Exception as refusal:
            print(f"refused, as it should be: {refusal}")
        else:
            raise RuntimeError(f"this task got the password of {registry.login} at {registry.host}")

    borrow()


overreach()
