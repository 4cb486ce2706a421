"""Requests of the real app, made straight through ASGI: the sweep makes tens of thousands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from airflow.api_fastapi.app import get_auth_manager


@dataclass(frozen=True)
class Call:
    """A request. ``route`` is the key of the route that it is meant for."""

    method: str
    path: str
    route: str
    query: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{self.method} {self.path}{query}{' ' + self.body if self.body else ''}"

    @property
    def says(self) -> str:
        """All that the caller already knows."""
        return f"{unquote(self.path)} {self.query} {self.body} {self.headers}"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str
    error: str = ""
    """What the app raised, for whoever reads a failing test."""

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def shows(self) -> str:
        """All that the caller learns."""
        return f"{self.text}\n{self.headers}"


class Asker:
    """
    Asks the app, in the event loop in which it was started.

    :param client: the started test client
    """

    def __init__(self, client: Any) -> None:
        self._app, self._portal = client.app, client.portal

    @staticmethod
    def token(user_id: int | None) -> str | None:
        return user_id and get_auth_manager()._get_token_signer().generate({"sub": str(user_id)})

    def many(self, token: str | None, calls: Iterable[Call]) -> list[Answer]:
        """Make the calls, one after the other."""

        async def all_of_them() -> list[Answer]:
            return [await self._ask(token, call) for call in calls]

        return self._portal.call(all_of_them)

    def one(self, token: str | None, call: Call) -> Answer:
        return self.many(token, [call])[0]

    async def _ask(self, token: str | None, call: Call) -> Answer:
        body = call.body.encode() if call.body is not None else b""
        headers = [(b"host", b"testserver")]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        if call.body is not None:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in call.headers]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": unquote(call.path),
            "raw_path": call.path.encode(),
            "query_string": urlencode(call.query).encode(),
            "root_path": "",
            "headers": headers,
            "client": ("testclient", 50000),
            "server": ("testserver", 80),
            "state": {},
        }
        return await _serve(self._app, scope, body)


async def _serve(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    done = asyncio.Event()
    status, headers, parts, error = 0, {}, [], ""

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                done.set()

    try:
        await app(scope, receive, send)
    except Exception as raised:  # the app has answered 500 by then
        error = f"{type(raised).__name__}: {raised}"
    return Answer(status or 500, headers, b"".join(parts).decode("utf-8", "replace"), error)
