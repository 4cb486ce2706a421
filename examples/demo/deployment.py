"""The Airflow deployment of the demo: where it lives, how it is configured, who may see its secrets."""

from __future__ import annotations

import base64
import configparser
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import DemoError

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
POLICY = ROOT / "examples" / "policy.toml"
DAGS = HERE / "dags"
CLIENT_ID = "airflow"


@dataclass(frozen=True)
class Deployment:
    """One demo: a directory and two ports."""

    directory: Path
    airflow_port: int
    idp_port: int

    @property
    def airflow_url(self) -> str:
        """Where people find Airflow.

        Cookies do not know ports: with another host name than the identity provider's, neither site sees
        the other's, as in real life.
        """
        return f"http://localhost:{self.airflow_port}"

    @property
    def idp_url(self) -> str:
        """Where people sign in, and the issuer of the tokens."""
        return f"http://127.0.0.1:{self.idp_port}"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own directory."""
        return self.directory / "airflow"

    @property
    def database(self) -> Path:
        """Airflow's metadata database."""
        return self.airflow_home / "airflow.db"

    @property
    def announcement(self) -> Path:
        """What the table says, for programs; there while the demo is ready."""
        return self.directory / "demo.json"

    @property
    def idp_settings(self) -> Path:
        """What the identity provider is started with."""
        return self.directory / "idp.json"

    def environment(self) -> dict[str, str]:
        """Return the environment of Airflow's programs: the caller's, without other deployments' settings."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW_", "FLASK_"))}
        here = "localhost,127.0.0.1"
        for name in ("no_proxy", "NO_PROXY"):
            env[name] = ",".join(filter(None, (env.get(name), here)))
        return env | {"AIRFLOW_HOME": str(self.airflow_home), "PYTHONUNBUFFERED": "1"}

    def write_configuration(self) -> None:
        """Write airflow.cfg, and what the identity provider needs."""
        self.airflow_home.mkdir(exist_ok=True)
        keys = self._secrets()
        parser = configparser.RawConfigParser()
        parser.read_dict(self.airflow_settings(keys))
        with (self.airflow_home / "airflow.cfg").open("w") as file:
            parser.write(file)
        settings = {
            "url": self.idp_url,
            "port": self.idp_port,
            "secret_key": keys["idp_secret_key"],
            "client_id": CLIENT_ID,
            "client_secret": keys["client_secret"],
            "airflow_url": self.airflow_url,
        }
        self.idp_settings.write_text(json.dumps(settings, indent=2))

    def airflow_settings(self, keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return the content of airflow.cfg."""
        return {
            "core": {
                "auth_manager": "airflow_team_rbac.auth_manager.TeamAuthManager",
                "executor": "LocalExecutor",
                "parallelism": 2,
                "load_examples": False,
                "dags_are_paused_at_creation": False,
                "fernet_key": keys["fernet_key"],
                "execution_api_server_url": f"http://127.0.0.1:{self.airflow_port}/execution/",
            },
            "team_rbac": {
                "contact": "the platform team (platform@example.com)",
                "oidc_issuer": self.idp_url,
                "oidc_client_id": CLIENT_ID,
                "oidc_client_secret": keys["client_secret"],
                "oidc_scope": "openid profile email groups",
                "groups_claim": "groups",
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{self.database}", "load_default_connections": False},
            "api": {
                "base_url": self.airflow_url,
                "host": "127.0.0.1",
                "port": self.airflow_port,
                "workers": 1,
                "secret_key": keys["api_secret_key"],
            },
            "api_auth": {"jwt_secret": keys["jwt_secret"]},
            "dag_processor": {
                "dag_bundle_config_list": json.dumps(self.bundles()),
                "parsing_processes": 1,
                "min_file_process_interval": 10,
            },
            # A machine that is busy with starting all this answers late; tasks would fail after 5 seconds.
            "workers": {"execution_api_timeout": 60},
            "usage_data_collection": {"enabled": False},
        }

    def bundles(self) -> list[dict[str, Any]]:
        """Return one Dag bundle for each folder of ``dags/``: a team's, or the platform's own."""
        return [
            {
                "name": folder.name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(folder), "refresh_interval": 10},
            }
            for folder in sorted(DAGS.iterdir())
            if folder.is_dir() and not folder.name.startswith(("_", "."))
        ]

    def dag_files(self) -> int:
        """Return how many Dag files there are; each has one Dag."""
        return sum(1 for bundle in self.bundles() for _ in Path(bundle["kwargs"]["path"]).glob("*.py"))

    def _secrets(self) -> dict[str, str]:
        """Return this demo's own secrets, made at its first start."""
        path = self.directory / "secrets.json"
        if not path.exists():
            keys = {
                name: secrets.token_urlsafe(48)
                for name in ("jwt_secret", "api_secret_key", "client_secret", "idp_secret_key")
            }
            keys["fernet_key"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            path.write_text(json.dumps(keys, indent=2))
        return dict(json.loads(path.read_text()))


def choose_port(variable: str, default: int) -> int:
    """Return the port that an environment variable names, or else the first free one."""
    given = os.environ.get(variable)
    if given:
        if not given.isdecimal() or not 0 < int(given) < 65536:
            raise DemoError(f"{variable}={given} is not a port.")
        if not _is_free(int(given)):
            raise DemoError(f"Port {given} ({variable}) is taken. Leave {variable} out to use any free port.")
        return int(given)
    for port in range(default, default + 200):
        if _is_free(port):
            return port
    raise DemoError(f"No free port from {default} on. Name one: {variable}=<port>.")


def _is_free(port: int) -> bool:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(1)
                if client.connect_ex((host, port)) == 0:
                    return False
        except OSError:
            continue
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
