"""One demo for all tests of this folder, and its people in windows of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from playwright.sync_api import Browser, sync_playwright

from .browser import Person, launch_chromium

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "examples" / "policy.toml"
SECONDS_TO_START = 900
"""Most of it is for the first start on a machine, which installs the identity provider."""


@dataclass(frozen=True)
class Demo:
    """What the running demo says of itself."""

    airflow_url: str
    airflow_home: str
    python: str
    accounts: dict[str, str]
    """Usernames and passwords."""

    def apply(self, policy: Path) -> None:
        """Do as an administrator would in a terminal, beside the running servers."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_")}
        command = [self.python, "-m", "airflow", "team-rbac", "apply", str(policy), "--prune"]
        done = subprocess.run(
            command, env=env | {"AIRFLOW_HOME": self.airflow_home}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def eventually(found: Callable[[], Any], wanted: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while (last := found()) != wanted and time.monotonic() < deadline:
        time.sleep(0.25)
    assert last == wanted


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, started as ``make demo`` does, and ended as by Ctrl-C."""
    directory = tmp_path_factory.mktemp("demo")
    settings = {
        "DEMO_DIR": str(directory),
        "DEMO_PYTHON": sys.executable,
        "AIRFLOW_PORT": str(free_port()),
        "IDP_PORT": str(free_port()),
    }
    env = {"DEMO_IDP_ENV": str(ROOT / ".cache" / "idp-venv")} | dict(os.environ) | settings
    output = directory / "output"
    announcement = directory / "demo.json"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / "demo" / "demo.py")],
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: announcement.exists() or process.poll() is not None, True, SECONDS_TO_START)
        assert announcement.exists(), output.read_text()
        said = json.loads(announcement.read_text())
        accounts = {account["username"]: account["password"] for account in said["accounts"]}
        yield Demo(said["airflow_url"], said["airflow_home"], said["python"], accounts)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(120)
    assert code == 0, output.read_text()
    assert not announcement.exists()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


class People:
    """Everybody, each in a browser window of their own, signed in when they are first needed."""

    def __init__(self, demo: Demo, chromium: Browser) -> None:
        self._demo = demo
        self._chromium = chromium
        self._known: dict[str, Person] = {}
        self._anew: list[Person] = []

    def __getitem__(self, username: str) -> Person:
        if username not in self._known:
            context = self._chromium.new_context(viewport={"width": 1280, "height": 900})
            password = self._demo.accounts[username]
            person = self._known[username] = Person(context, self._demo.airflow_url, username, password)
            person.work_in(None)
        return self._known[username]

    def anew(self, username: str, **options: Any) -> Person:
        """Sign somebody in once more, in a browser of its own."""
        context = self._chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        person = Person(context, self._demo.airflow_url, username, self._demo.accounts[username])
        self._anew.append(person)
        return person

    def rest(self) -> None:
        """Close the browsers of one test, and let no page of the others go on asking Airflow what is new."""
        for person in self._anew:
            person.page.context.close()
        self._anew.clear()
        for person in self._known.values():
            person.rest()


@pytest.fixture(scope="session")
def everybody(demo: Demo, chromium: Browser) -> People:
    return People(demo, chromium)


@pytest.fixture
def people(everybody: People) -> Iterator[People]:
    yield everybody
    everybody.rest()


@contextmanager
def changed_policy(demo: Demo, path: Path, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    policy = tomllib.loads(POLICY.read_text())
    del policy["tests"]  # they say what the policy is to mean as it is
    change(policy)
    path.write_text(tomlkit.dumps(policy))
    try:
        demo.apply(path)
        yield
    finally:
        demo.apply(POLICY)
