"""
What teams cost, in ratios of medians that one run measures: ``make bench``.

Each engine runs ``measure.py`` in a process and on a database of its own, since Airflow binds its database when it
is imported. Ends with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
ENGINES = ("sqlite", "postgresql")
WIDTHS = (50, 12, 12, 8, 8, 6)


def say(*cells: str) -> None:
    first, *rest = (
        cell.ljust(width) if n == 0 else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(cells, WIDTHS, strict=False))
    )
    print(first, *rest, flush=True)


@contextmanager
def database(engine: str, home: Path) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{home / 'airflow.db'}"
        return
    import pgserver

    server = pgserver.get_server(home / "postgresql")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    finally:
        server.cleanup()


def measure(engine: str, rounds: int) -> list[dict]:
    """Run ``measure.py`` and return its rows."""
    home = Path(tempfile.mkdtemp(prefix="team-rbac-bench-"))
    try:
        with database(engine, home) as url:
            environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
                "AIRFLOW__CORE__AUTH_MANAGER": "airflow_team_rbac.auth_manager.TeamAuthManager",
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__API__SECRET_KEY": "bench-secret-key",
                "AIRFLOW__API_AUTH__JWT_SECRET": "bench-jwt-secret-that-is-long-enough-for-HS512-to-be-content-with",
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            }
            command = [sys.executable, "-m", "bench.measure", str(rounds)]
            done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{done.stdout}\n{done.stderr}\n{engine}: measure.py ended with status {done.returncode}")
            return json.loads(done.stdout.splitlines()[-1])
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, action="append", help="measure on this one only")
    parser.add_argument("--rounds", type=int, default=300, help="how often each question is asked (default 300)")
    arguments = parser.parse_args()
    missed = False
    for engine in arguments.engine or ENGINES:
        say(f"\n{engine}: 10,000 Dags in 100 teams")
        say("", "ours", "against", "ratio", "target", "")
        for row in measure(engine, arguments.rounds):
            ratio, target = row.get("ratio"), row.get("target")
            over = target is not None and ratio > target
            missed = missed or over
            say(
                row["what"],
                row["ours"],
                row.get("against", ""),
                f"{ratio:.2f}" if ratio is not None else "",
                f"{target:.1f}" if target is not None else "",
                "over" if over else "ok" if target is not None else "",
            )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
