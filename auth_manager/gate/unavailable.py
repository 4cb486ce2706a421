"""Fail closed: where the policy cannot be read, the answer is 503."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..store.snapshot import PolicyUnavailable

log = logging.getLogger(__name__)


class PolicyUnavailableMiddleware:
    """
    Answers 503 for a request whose policy cannot be read.

    Not an exception handler: Airflow's token-refresh middleware asks for the user before any route is found,
    and takes an ``HTTPException`` for an expired token, which would sign the person out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        try:
            await self.app(scope, receive, send)
        except PolicyUnavailable as error:
            log.error("Refused %s: %s", scope.get("path"), error, exc_info=error.__cause__)
            detail = "The access policy cannot be read right now. Nothing was done; try again shortly."
            await JSONResponse({"detail": detail}, status_code=503)(scope, receive, send)
