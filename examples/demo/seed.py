"""Connections, variables and pools of the demo. Run with Airflow's Python; what is there already stays."""

from __future__ import annotations

from airflow.models import Connection, Pool, Variable
from airflow.utils.session import create_session
from sqlalchemy import select

CONNECTIONS = {
    "data_eng__dwh": ("postgres", "warehouse.example.com", "loader", "w4rehouse"),
    "data_eng__shops": ("http", "shops.example.com", "ingest", "sh0ps"),
    "data_science__feature_store": ("redis", "features.example.com", "science", "f3atures"),
    "data_science__registry": ("http", "models.example.com", "science", "m0dels"),
    "analytics__board": ("http", "board.example.com", "analytics", "b0ard"),
    "analytics__export": ("ftp", "export.example.com", "analytics", "exp0rt"),
    "company_mail": ("smtp", "mail.example.com", "airflow", "m4il"),
}
VARIABLES = {
    "data_eng__batch_size": "500",
    "data_eng__error_budget": "3",
    "data_science__learning_rate": "0.05",
    "data_science__experiment": "spring",
    "analytics__title": "Orders of the day",
    "analytics__readers": "everyone@example.com",
    "company_name": "Example Corp",
}
POOLS = {"data_eng__etl": 4, "data_science__gpu": 1, "analytics__reports": 2}


def main() -> None:
    """Add what is missing."""
    with create_session() as session:
        there = set(session.scalars(select(Connection.conn_id)))
        for name, (kind, host, login, password) in CONNECTIONS.items():
            if name not in there:
                session.add(Connection(conn_id=name, conn_type=kind, host=host, login=login, password=password))
        there = set(session.scalars(select(Variable.key)))
        for name, value in VARIABLES.items():
            if name not in there:
                session.add(Variable(key=name, val=value))
        there = set(session.scalars(select(Pool.pool)))
        for name, slots in POOLS.items():
            if name not in there:
                session.add(Pool(pool=name, slots=slots, description="", include_deferred=False))


if __name__ == "__main__":
    main()
