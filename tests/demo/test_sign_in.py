"""Signing in and out, in Chromium, at a real identity provider."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser, expect

from .browser import SIDEBAR, TIMEOUT, sign_in, sign_out
from .conftest import ROOT, Demo, eventually, free_port

pytestmark = [pytest.mark.browser, pytest.mark.process]

DAG = "/dags/analytics__dashboard"


def test_signing_out_ends_the_session_at_the_provider_too(demo: Demo, chromium: Browser) -> None:
    page = chromium.new_page()
    sign_in(page, demo.airflow_url, "ana", demo.accounts["ana"])
    names = {cookie["name"] for cookie in page.context.cookies()}
    assert {"_token", "session"} <= names
    sign_out(page)
    assert "_token" not in {cookie["name"] for cookie in page.context.cookies()}
    page.locator("#btn-signin-oidc").click()
    expect(page.locator("input[name=login]")).to_be_visible()  # the provider asks who it is
    # Somebody else in the same browser, by a link deep into Airflow.
    sign_in(page, demo.airflow_url, "noor", demo.accounts["noor"], path=DAG)
    expect(page).to_have_url(demo.airflow_url + DAG)
    me = page.evaluate("async () => (await (await fetch('/ui/auth/me')).json()).username")
    assert me == "noor"
    page.context.close()


def test_the_second_time_the_provider_does_not_ask(demo: Demo, chromium: Browser) -> None:
    """As when a sign-in lapses: the session here is gone, and that at the provider is not."""
    page = chromium.new_page()
    sign_in(page, demo.airflow_url, "ana", demo.accounts["ana"])
    page.context.clear_cookies(name="_token")
    page.context.clear_cookies(name="session")
    page.goto(demo.airflow_url + DAG)
    expect(page.locator(SIDEBAR)).to_be_visible(timeout=TIMEOUT)
    expect(page).to_have_url(demo.airflow_url + DAG)
    expect(page.get_by_test_id("main-content")).to_contain_text("analytics__dashboard")
    page.context.close()


@dataclass
class Secure:
    """An API server behind TLS and under a path, and a provider that knows it."""

    url: str
    idp_url: str


@pytest.fixture(scope="module")
def secure(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder, port, idp_port = tmp_path_factory.mktemp("secure"), free_port(), free_port()
    url, idp_url = f"https://localhost:{port}/team/airflow", f"http://localhost:{idp_port}"
    client = {"client_id": "airflow-behind-tls", "client_secret": "a-secret-of-the-tests"}
    settings = {"url": idp_url, "port": idp_port, "secret_key": "a-secret-of-the-tests", "airflow_url": url, **client}
    (folder / "idp.json").write_text(json.dumps(settings))
    certificate(folder)
    env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_")}
    idp_env = Path(os.environ.get("DEMO_IDP_ENV") or ROOT / ".cache" / "idp-venv")
    idp_python = os.environ.get("DEMO_IDP_PYTHON") or str(idp_env / "bin" / "python")
    airflow_env = env | {
        "AIRFLOW_HOME": demo.airflow_home,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SSL_CERT": str(folder / "cert.pem"),
        "AIRFLOW__API__SSL_KEY": str(folder / "key.pem"),
        "AIRFLOW__TEAM_RBAC__OIDC_ISSUER": idp_url,
        "AIRFLOW__TEAM_RBAC__OIDC_CLIENT_ID": client["client_id"],
        "AIRFLOW__TEAM_RBAC__OIDC_CLIENT_SECRET": client["client_secret"],
    }
    server = ["-m", "airflow", "api-server", "--host", "localhost", "--port", str(port), "--workers", "1"]
    # Who they are at the one provider, they are not at the other.
    unlink = ["-m", "airflow", "team-rbac", "identities", "unlink", "otto"]
    with (folder / "log").open("w") as log:
        processes = [
            subprocess.Popen(
                [idp_python, str(ROOT / "examples" / "demo" / "idp.py"), str(folder / "idp.json")],
                env=env,
                stdout=log,
                stderr=log,
            ),
            subprocess.Popen([demo.python, *server], env=airflow_env, stdout=log, stderr=log),
        ]
        subprocess.run([demo.python, *unlink], env=airflow_env, stdout=log, stderr=log, check=False)
        try:
            eventually(lambda: answers(f"{url}/api/v2/version"), True, seconds=180)
            eventually(lambda: answers(f"{idp_url}/.well-known/openid-configuration"), True, seconds=60)
            yield Secure(url, idp_url)
        finally:
            for process in processes:
                process.terminate()
                process.wait(60)
            subprocess.run([demo.python, *unlink], env=airflow_env, stdout=log, stderr=log, check=False)


def certificate(folder: Path) -> None:
    """Make one that nobody signed but itself."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def answers(url: str) -> bool:
    unchecked = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(url, context=unchecked, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_behind_tls_and_under_a_path(demo: Demo, secure: Secure, chromium: Browser) -> None:
    context = chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    sign_in(page, secure.url, "otto", demo.accounts["otto"], path=DAG)
    expect(page).to_have_url(secure.url + DAG)
    expect(page.get_by_test_id("main-content")).to_contain_text("analytics__dashboard")
    token = next(cookie for cookie in context.cookies() if cookie["name"] == "_token")
    assert (token["path"], token["secure"], token["httpOnly"]) == ("/team/airflow/", True, True)
    sign_out(page)
    assert urlsplit(page.url).path == "/team/airflow/auth/login/"
    assert not [cookie for cookie in context.cookies() if cookie["name"] == "_token" and cookie["value"]]
    page.locator("#btn-signin-oidc").click()
    expect(page.locator("input[name=login]")).to_be_visible()
    context.close()


def test_what_oidc_check_says_of_it(demo: Demo) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_")}
    command = [demo.python, "-m", "airflow", "team-rbac", "oidc", "check", "-o", "json"]
    done = subprocess.run(
        command, env=env | {"AIRFLOW_HOME": demo.airflow_home}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert {one["result"] for one in found.values()} == {"ok"}
    assert found["register as redirect URI"]["detail"] == f"{demo.airflow_url}/auth/oauth-authorized/oidc"
    assert found["metadata"]["detail"].startswith("issuer http://127.0.0.1:")
    assert found["PKCE"]["detail"] == "S256"
    assert "end_session" in found["end_session_endpoint"]["detail"]
