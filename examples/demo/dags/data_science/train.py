"""Trains the model on each new set of features."""

from datetime import datetime

from airflow.sdk import Asset, Connection, Variable, dag, task


@dag(
    "data_science__train",
    schedule=[Asset("data_science__features")],
    start_date=datetime(2026, 1, 1),
    tags=["data_science"],
)
def train():
    @task(pool="data_science__gpu")
    def fit() -> float:
        rate = float(Variable.get("data_science__learning_rate"))
        return 1 - rate

    @task
    def publish(score: float) -> None:
        registry = Connection.get("data_science__registry")
        print(f"a model with score {score} to {registry.host}")

    publish(fit())


train()
