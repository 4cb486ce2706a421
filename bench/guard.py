"""
What a request costs with the guard: two real API servers on one database, FAB's auth manager and ours.

The same person makes the same calls at both in turn, so that a drift of the machine's speed hits both alike, and both
are started anew a few times, since one process may be luckier than another. Prints the ratio of medians with a
bootstrapped 95 % confidence interval. ``ROUNDS`` (default 1000) calls each.
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROUNDS = int(os.environ.get("ROUNDS", "1000"))
STARTS, WARM_UP = 5, 30
TARGET = 1.05
MANAGERS = {
    "fab": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    "teams": "airflow_team_rbac.auth_manager.TeamAuthManager",
}
PREPARE = """
from tests.world import World
from airflow.utils.db import initdb
from airflow.api_fastapi.app import init_auth_manager
from airflow_team_rbac.auth_manager.cli.commands import _ensure_roles
initdb()
_ensure_roles()
world = World()
world.apply('[teams.sales]\\n[[bindings]]\\ngroup = "g"\\nteam = "sales"\\nrole = "Op"\\n')
for n in range(200):
    world.dag(f"unowned_{n}")
for n in range(50):
    world.asset(f"asset_{n}")
person = world.person("gus", roles=["Op"])
print("TOKEN", init_auth_manager()._get_token_signer(expiration_time_in_seconds=36000).generate({"sub": str(person)}))
"""


def environment(home: Path, manager: str) -> dict[str, str]:
    return os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__AUTH_MANAGER": MANAGERS[manager],
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API__SECRET_KEY": "bench-secret-key",
        "AIRFLOW__API_AUTH__JWT_SECRET": "bench-jwt-secret-that-is-long-enough-for-HS512-to-be-content-with-it-all",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(home: Path, manager: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)]
    with (home / f"{manager}.log").open("w") as log:
        process = subprocess.Popen(command, env=environment(home, manager), stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process, home / f"{manager}.log")
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"The API server ended: {log.read_text()[-2000:]}")
        try:
            httpx.get(f"{url}/api/v2/version", timeout=2)
            return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise SystemExit(f"The API server did not answer: {log.read_text()[-2000:]}")


def interval(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the ratio of medians, by resampling."""
    draw = random.Random(0)
    ratios = sorted(
        statistics.median(draw.choices(ours, k=len(ours))) / statistics.median(draw.choices(theirs, k=len(theirs)))
        for _ in range(400)
    )
    return ratios[9], ratios[-10]


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="team-rbac-bench-"))
    prepared = subprocess.run(
        [sys.executable, "-c", PREPARE], env=environment(home, "teams"), capture_output=True, text=True, check=False
    )
    token = next((line.split()[1] for line in prepared.stdout.splitlines() if line.startswith("TOKEN")), None)
    if token is None:
        raise SystemExit(prepared.stderr[-3000:])
    counter = iter(range(10**9))
    calls = {
        "GET one Dag": lambda: ("GET", "/api/v2/dags/unowned_7", None),
        "list Dags": lambda: ("GET", "/api/v2/dags?limit=25", None),
        "list assets": lambda: ("GET", "/api/v2/assets?limit=25&only_active=false", None),
        "POST a variable": lambda: ("POST", "/api/v2/variables", {"key": f"v{next(counter)}", "value": "1"}),
    }
    headers = {"Authorization": f"Bearer {token}"}
    print(f"{ROUNDS} calls each, in turn, over {STARTS} starts of both servers, on SQLite; medians in ms")
    print(f"{'call':16} {'FAB':>8} {'teams':>8} {'ratio':>7}  95 % interval   target {TARGET}")
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for start in range(STARTS):
        with (
            server(home, "fab") as fab,
            server(home, "teams") as teams,
            httpx.Client(base_url=fab, headers=headers) as a,
            httpx.Client(base_url=teams, headers=headers) as b,
        ):
            pair = [("fab", a), ("teams", b)]
            for name, call in calls.items():
                for turn in range(ROUNDS // STARTS + WARM_UP):
                    for manager, client in pair if turn % 2 else reversed(pair):
                        method, path, body = call()
                        began = time.perf_counter()
                        client.request(method, path, json=body).raise_for_status()
                        if turn >= WARM_UP:
                            times[name, manager].append((time.perf_counter() - began) * 1000)
        print(f"start {start + 1} of {STARTS} done", file=sys.stderr)
    for name in calls:
        ours, theirs = times[name, "teams"], times[name, "fab"]
        ratio = statistics.median(ours) / statistics.median(theirs)
        low, high = interval(ours, theirs)
        print(
            f"{name:16} {statistics.median(theirs):8.2f} {statistics.median(ours):8.2f} {ratio:7.3f}  "
            f"{low:.3f} - {high:.3f}   {'ok' if ratio <= TARGET else 'OVER'}"
        )


if __name__ == "__main__":
    main()
