"""What the database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow import settings
from sqlalchemy import event


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect every statement that the engine of Airflow runs meanwhile."""
    found: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(statement)

    event.listen(settings.engine, "before_cursor_execute", hear)
    try:
        yield found
    finally:
        event.remove(settings.engine, "before_cursor_execute", hear)


def execute(*texts: str) -> None:
    """Write to the database behind everybody's back."""
    with settings.engine.begin() as connection:
        for text in texts:
            connection.exec_driver_sql(text)
