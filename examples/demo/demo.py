#!/usr/bin/env python3
"""One command: an identity provider, an Airflow with three teams, and people to sign in as.

    make demo

Needs Python 3.11 to 3.13 and a package index. What it makes is in ``.demo/``; delete that to start anew.

Environment variables:

``AIRFLOW_PORT``, ``IDP_PORT``
    The ports; without them the first free ones from 8080 and 5055 on.
``DEMO_DIR``
    Where everything is kept, instead of ``.demo``.
``DEMO_PYTHON``, ``DEMO_IDP_PYTHON``
    Interpreters that already have Airflow with this package, and Canaille: nothing is installed.
``DEMO_IDP_ENV``
    Where the identity provider is installed, instead of in ``DEMO_DIR``: several demos can share it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

from accounts import ACCOUNTS, PASSWORD
from console import say, step, table
from deployment import HERE, POLICY, ROOT, Deployment, choose_port
from environments import Environment, airflow_environment, fingerprint, idp_environment, install
from processes import DemoError, Process, Processes

AIRFLOW_PROGRAMS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEARTBEATS = ("scheduler", "dag_processor", "triggerer")


class Demo:
    """The steps, in order."""

    def __init__(self, deployment: Deployment, processes: Processes) -> None:
        self.deployment = deployment
        self.processes = processes
        self.python = Path()
        self.idp_python = Path()

    def run(self) -> NoReturn:
        """Start everything, say so, and stay until something ends, which is an error."""
        self.deployment.write_configuration()
        self.prepare()
        self.start()
        self.announce()
        while True:
            self.processes.check()
            time.sleep(1)

    def prepare(self) -> None:
        """Make both virtual environments, side by side, and Airflow's database."""
        directory = self.deployment.directory
        with ThreadPoolExecutor() as pool:
            try:
                idp = self._interpreter(pool, "DEMO_IDP_PYTHON", idp_environment(directory))
                airflow = self._interpreter(pool, "DEMO_PYTHON", airflow_environment(directory))
                with step("Install Airflow and this package"):
                    self.python = airflow.result()
                with step("Install the identity provider"):
                    self.idp_python = idp.result()
            except BaseException:
                # The pool waits for its threads, and they for what they have started.
                self.processes.stop()
                raise
        with step("Make the database"):
            self._make_database()
        with step("Apply examples/policy.toml"):
            self.airflow("apply", "team-rbac", "apply", str(POLICY))

    def start(self) -> None:
        """Start the servers and wait until they serve."""
        # Not datetime.UTC: an older python3 gets as far as being told what is needed.
        started = datetime.now(timezone.utc)  # noqa: UP017
        cwd = self.deployment.directory
        with step("Start the identity provider"):
            self.processes.start(
                "idp",
                [self.idp_python, HERE / "idp.py", self.deployment.idp_settings],
                {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ},
                cwd,
            )
            for name, arguments in AIRFLOW_PROGRAMS.items():
                self._start_airflow(name, *arguments)
            self.processes.wait_until(self._idp_answers, "The identity provider", 120)
        with step("Start Airflow's API server"):
            self.processes.wait_until(lambda: bool(self._health()), "Airflow's API server", 180)
        with step("Start scheduler, Dag processor and triggerer"):
            self.processes.wait_until(lambda: self._alive_since(started), "Airflow", 180)
        with step("Read the Dags"):
            self.processes.wait_until(self._dags_are_known, "The Dag processor", 120)

    def announce(self) -> None:
        """Say who can sign in: to people on the terminal, to programs in ``demo.json``."""
        deployment = self.deployment
        announcement = {
            "airflow_url": deployment.airflow_url,
            "idp_url": deployment.idp_url,
            "airflow_home": str(deployment.airflow_home),
            "python": str(self.python),
            "accounts": [
                {
                    "username": account.username,
                    "password": PASSWORD,
                    "groups": list(account.groups),
                    "teams": list(account.teams),
                }
                for account in ACCOUNTS
            ],
        }
        draft = deployment.announcement.with_suffix(".part")
        draft.write_text(json.dumps(announcement, indent=2) + "\n")
        draft.replace(deployment.announcement)

        say()
        say(f"  Airflow             {deployment.airflow_url}")
        say(f"  Identity provider   {deployment.idp_url}")
        say(f"  Password            {PASSWORD}, for everybody")
        say(f"  Logs                {_short(deployment.directory / 'logs')}")
        say()
        rows = [(account.username, ", ".join(account.groups), account.sees, account.hint) for account in ACCOUNTS]
        say(table(("username", "IdP groups", "sees", "try"), rows, (8, 16, 24)))
        say()
        say("  A private window for each person keeps them apart. To be somebody else in the same one: User > Logout,")
        say("  which is for the identity provider too.")
        say()
        say("  Ask the policy, or change it; the next click is answered by what holds then:")
        say(f"      export AIRFLOW_HOME={_from_here(deployment.airflow_home)}")
        say(f"      export PATH={_from_here(self.python.parent)}:$PATH")
        say("      airflow team-rbac why --groups analysts --action run --resource dag:analytics__dashboard")
        say(f"      airflow team-rbac apply {_short(POLICY)} --prune")
        say()
        say("  Ctrl-C ends everything.")

    def airflow(self, log: str, *arguments: str) -> None:
        """Run an ``airflow`` command to its end."""
        self._run(log, self.python, "-m", "airflow", *arguments)

    def _make_database(self) -> None:
        """Migrate and fill the database, unless the same was done at the last start."""
        made_by = [ROOT / "constraints.txt", HERE / "seed.py", *sorted((ROOT / "migrations").rglob("*.py"))]
        wanted = fingerprint(str(self.python), *made_by)
        stamp = self.deployment.airflow_home / "database.stamp"
        if self.deployment.database.exists() and stamp.exists() and stamp.read_text() == wanted:
            return
        stamp.unlink(missing_ok=True)
        self.airflow("migrate", "db", "migrate")
        self._run("seed", self.python, HERE / "seed.py")
        stamp.write_text(wanted)

    def _run(self, log: str, *command: str | Path) -> None:
        self.processes.run(log, command, self.deployment.environment(), self.deployment.directory)

    def _start_airflow(self, name: str, *arguments: str) -> Process:
        command: tuple[str | Path, ...] = (self.python, "-m", "airflow", *arguments)
        return self.processes.start(name, command, self.deployment.environment(), self.deployment.directory)

    def _interpreter(self, pool: ThreadPoolExecutor, variable: str, environment: Environment) -> Future[Path]:
        given = os.environ.get(variable)
        if not given:
            return pool.submit(install, environment, self.processes)
        found = shutil.which(given)
        if not found:
            raise DemoError(f"{variable}={given} is not an interpreter.")
        # Not resolved: the link is what tells Python which environment it is in.
        return pool.submit(Path(found).absolute)

    def _idp_answers(self) -> bool:
        answer = _get(f"{self.deployment.idp_url}/.well-known/openid-configuration")
        return answer is not None and answer["issuer"] == self.deployment.idp_url

    def _health(self) -> dict[str, Any] | None:
        return _get(f"http://127.0.0.1:{self.deployment.airflow_port}/api/v2/monitor/health")

    def _alive_since(self, started: datetime) -> bool:
        health = self._health() or {}
        for name in HEARTBEATS:
            beat = health.get(name, {}).get(f"latest_{name}_heartbeat")
            if not beat or datetime.fromisoformat(beat.replace("Z", "+00:00")) < started:
                return False
        return True

    def _dags_are_known(self) -> bool:
        with closing(sqlite3.connect(f"file:{self.deployment.database}?mode=ro", uri=True)) as database:
            (dags,) = database.execute("SELECT count(*) FROM dag WHERE NOT is_stale").fetchone()
            (errors,) = database.execute("SELECT count(*) FROM import_error").fetchone()
        return int(dags) + int(errors) >= self.deployment.dag_files()


def _get(url: str) -> dict[str, Any] | None:
    """Return what a local server answers, or None while it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as response:
            return dict(json.load(response))
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _from_here(path: Path) -> str:
    return f"$PWD/{_short(path)}" if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def _lock(directory: Path) -> Iterator[int]:
    """Hold the directory: two demos in it would share a database."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode() or "unknown"
            raise DemoError(
                f"A demo already uses {directory} (process {holder}). End that one, or choose another DEMO_DIR."
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _interrupt(number: int, _frame: object) -> None:
    """End as by Ctrl-C, once: what follows is already ending."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main() -> int:
    """Run the demo and return its exit code."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    directory = Path(os.environ.get("DEMO_DIR") or ROOT / ".demo").absolute()
    logs = directory / "logs"
    # Secrets are in there.
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs.mkdir(exist_ok=True)
    try:
        with _lock(directory) as lock:
            for log in logs.glob("*.log"):
                log.unlink()
            deployment = Deployment(directory, choose_port("AIRFLOW_PORT", 8080), choose_port("IDP_PORT", 5055))
            deployment.announcement.unlink(missing_ok=True)
            processes = Processes(logs, lock)
            say(f"  One Airflow, three teams, kept in {_short(directory)}. The first start takes a minute or two.")
            say()
            try:
                Demo(deployment, processes).run()
            except KeyboardInterrupt:
                say()
                return 0
            finally:
                deployment.announcement.unlink(missing_ok=True)
                if processes.running:
                    with step("End everything"):
                        processes.stop()
    except DemoError as error:
        say(f"\n  {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
