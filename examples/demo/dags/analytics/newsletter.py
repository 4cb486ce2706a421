"""Sends the numbers by the mail server that belongs to nobody, so that everybody's tasks may use it."""

from datetime import datetime

from airflow.sdk import Asset, Connection, Variable, dag, task


@dag(
    "analytics__newsletter",
    schedule=[Asset("analytics__numbers")],
    start_date=datetime(2026, 1, 1),
    tags=["analytics"],
)
def newsletter():
    @task(pool="analytics__reports")
    def send() -> None:
        mail = Connection.get("company_mail")
        print(f"to {Variable.get('analytics__readers')} by {mail.host}")

    send()


newsletter()
