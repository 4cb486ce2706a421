"""A script: asks a deployment all of the score, and prints every answer."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from airflow.api_fastapi.app import create_app
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from sqlalchemy import select

from tests.coexist.score import PAGES, READS, WRITES
from tests.world import Api

# What is another value each time, and what it is written as.
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:?00)?"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r'(name="csrf_token"[^>]*value=|nonce=)"[^"]*"'), r'\1"…"'),
    (re.compile(r'("(duration|last_parse_duration)": ?)[\d.e-]+'), r"\1…"),
    (re.compile(r"(var csrfToken = |csrf-token\" content=|X-CSRFToken', )['\"][^'\"]*['\"]"), r"\1…"),
)


def normal(text: str) -> str:
    for pattern, stands_for in _VARYING:
        text = pattern.sub(stands_for, text)
    return text


def answer(response: Any) -> list[Any]:
    text = normal(response.text)
    if response.is_redirect:
        text = response.headers["location"]
    return [response.status_code, " ".join(text.split())]


def filled(value: Any, me: str) -> Any:
    """Put a name in everywhere."""
    return json.loads(json.dumps(value).replace("{me}", me))


def sign_in(client: TestClient, name: str) -> list[Any]:
    page = client.get("/auth/login/")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', page.text)
    form = {"username": name, "password": name, "csrf_token": token.group(1) if token else ""}
    return answer(client.post("/auth/login/", data=form, follow_redirects=False))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("people", help="who is to ask, separated by commas")
    parser.add_argument("--write", action="store_true", help="ask for changes too, when all else has been asked")
    arguments = parser.parse_args()
    names = arguments.people.split(",")
    app, answers = create_app(), {}
    with create_session() as session:
        ids = dict(session.execute(select(User.username, User.id)).all())
    with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as client:
        people = {name: Api(client, ids[name]) for name in names} | {"a stranger": Api(client, 4711)}
        for name, api in people.items():
            for path in READS:
                answers[f"{name}: GET {path}"] = answer(api.get(path))
        for path in READS:
            path = path if path.startswith(("/ui/", "/auth/")) else f"/api/v2{path}"
            answers[f"anonymous: GET {path}"] = answer(client.get(path))
        for name in names:
            body = {"username": name, "password": name}
            answers[f"{name}: POST /auth/token"] = answer(client.post("/auth/token", json=body))
        for name in names:
            with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as browser:
                answers[f"{name}: sign-in"] = sign_in(browser, name)
                for path in PAGES:
                    answers[f"{name}: page {path}"] = answer(browser.get(path, follow_redirects=False))
        for name, api in people.items() if arguments.write else ():
            for number, (method, path, body) in enumerate(WRITES):
                response = api(method, filled(path, name), filled(body, name))
                answers[f"{name}: {method} {path} (write {number})"] = answer(response)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
