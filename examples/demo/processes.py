"""Start programs, watch them, and end exactly those."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GRACE = 15.0
"""Seconds that a program has to end by itself."""


class DemoError(Exception):
    """Something that the person at the terminal has to know; the text says what to do."""


@dataclass
class Process:
    """A program that was started, in a session of its own."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def failure(self) -> DemoError:
        """Return what to tell about a program that ended and should not have."""
        return DemoError(
            f"{self.name} ended with exit code {self.popen.returncode}. The end of {self.log}:\n\n{tail(self.log)}"
        )

    def members(self) -> list[int]:
        """Return the processes of its session: itself and everything that it started.

        Airflow gives each task a process group of its own, so the group alone would miss some.
        """
        session = self.popen.pid
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                # The name, in parentheses, may contain anything: state, parent, group, session follow it.
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def kill(self) -> None:
        """End whatever is left of it."""
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


class Processes:
    """All programs of one demo."""

    def __init__(self, logs: Path, inherited: int) -> None:
        self._logs = logs
        self._inherited = inherited
        self._guard = threading.Lock()
        self.running: list[Process] = []
        """What was started and has not been seen to end."""
        self._stopping = False

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> Process:
        """Start a program whose output goes to ``logs/<name>.log``."""
        log = self._logs / f"{name}.log"
        with self._guard, log.open("ab") as output:
            if self._stopping:
                raise DemoError("The demo is being stopped.")
            popen = subprocess.Popen(
                [str(part) for part in command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A Ctrl-C is for the demo, which then ends the others in order.
                start_new_session=True,
                # It holds the lock of the directory: as long as anything lives, no second demo starts in it.
                pass_fds=(self._inherited,),
            )
            process = Process(name, popen, log)
            self.running.append(process)
        return process

    def run(self, name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> None:
        """Run a program to its end."""
        process = self.start(name, command, env, cwd)
        code = process.popen.wait()
        with self._guard:
            self.running.remove(process)
            stopping = self._stopping
        if code and not stopping:
            raise process.failure()

    def check(self) -> None:
        """Raise when a program has ended."""
        for process in self.running:
            if process.popen.poll() is not None:
                raise process.failure()

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Return as soon as ``ready`` says so; raise when that takes too long or a program ends."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"{what} is not ready after {seconds:.0f} seconds. Look into {self._logs}.")
            time.sleep(0.25)

    def stop(self) -> None:
        """End everything, politely first, then for certain."""
        with self._guard:
            self._stopping = True
            running = list(self.running)
        for process in running:
            process.popen.terminate()
        deadline = time.monotonic() + GRACE
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(max(0.1, deadline - time.monotonic()))
            process.kill()


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
