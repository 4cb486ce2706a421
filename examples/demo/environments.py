"""The two virtual environments: made once, and again only when what they are made of changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deployment import HERE, ROOT
from processes import DemoError, Processes

SUPPORTED = ((3, 11), (3, 13))
"""The Python versions that Airflow's FAB provider runs on."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment and what goes into it."""

    name: str
    path: Path
    requirements: tuple[str, ...]
    constraints: Path
    sources: tuple[Path, ...]
    """Files that decide what is installed."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def fingerprint(self, version: str) -> str:
        """Return what has to be the same for the environment to be used again."""
        return fingerprint(repr((version, self.requirements)), *self.sources, self.constraints)

    @property
    def stamp(self) -> Path:
        """Where the fingerprint is kept; written last, so its presence says that all went well."""
        return self.path / ".demo-stamp"


def airflow_environment(directory: Path) -> Environment:
    """Return Airflow's: with this package, from this checkout, editable."""
    return Environment(
        name="airflow-install",
        path=directory / "venv",
        requirements=("--editable", str(ROOT), "apache-airflow", "apache-airflow-providers-fab"),
        constraints=ROOT / "constraints.txt",
        sources=(ROOT / "pyproject.toml",),
    )


def idp_environment(directory: Path) -> Environment:
    """Return the identity provider's."""
    return Environment(
        name="idp-install",
        path=Path(os.environ.get("DEMO_IDP_ENV") or directory / "idp-venv").absolute(),
        requirements=("canaille[front,oidc]",),
        constraints=HERE / "idp-constraints.txt",
        sources=(),
    )


def base_python() -> tuple[str, str]:
    """Return an interpreter that Airflow supports, this one or another of this machine, and which it is."""
    lowest, highest = SUPPORTED
    candidates = [f"python{lowest[0]}.{minor}" for minor in range(highest[1], lowest[1] - 1, -1)]
    if lowest <= sys.version_info[:2] <= highest:
        candidates.insert(0, sys.executable)
    for candidate in filter(shutil.which, candidates):
        # What a version manager leaves on the path may name a version that is not installed.
        asked = subprocess.run(
            [candidate, "-c", "import sys; print(sys.executable, sys.version)"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode == 0:
            return candidate, asked.stdout
    versions = f"{lowest[0]}.{lowest[1]} to {highest[0]}.{highest[1]}"
    raise DemoError(f"Airflow needs Python {versions}; this is {sys.version.split()[0]}, and no other was found.")


def install(environment: Environment, processes: Processes) -> Path:
    """Make the environment unless it is current, and return its interpreter."""
    base, version = base_python()
    wanted = environment.fingerprint(version)
    if environment.stamp.exists() and environment.stamp.read_text() == wanted:
        return environment.python

    def run(*command: str | Path) -> None:
        processes.run(environment.name, command, dict(os.environ), ROOT)

    shutil.rmtree(environment.path, ignore_errors=True)
    try:
        run(base, "-m", "venv", environment.path)
    except DemoError as error:
        raise DemoError(
            f"{error}\n\nNo virtual environment could be made. On Debian and Ubuntu this helps: "
            "apt install python3-venv"
        ) from error
    pip: Sequence[str | Path] = (environment.python, "-m", "pip", "--disable-pip-version-check", "install")
    what = (*environment.requirements, "--constraint", str(environment.constraints))
    try:
        # uv installs in seconds what takes pip a minute.
        run(*pip, "--quiet", "uv")
        run(environment.path / "bin" / "uv", "pip", "install", "--python", environment.python, *what)
    except DemoError:
        # It does not read pip's configuration, e.g. of a mirror. pip does.
        run(*pip, *what)
    environment.stamp.write_text(wanted)
    return environment.python


def fingerprint(text: str, *files: Path) -> str:
    """Return a digest that changes with the text and with the content of the files."""
    digest = hashlib.sha256(text.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
