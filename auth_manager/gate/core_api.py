"""
One guard in front of every handler of Airflow's API and UI.

FastAPI resolves ``get_user`` first of all dependencies, so what stands in its place stands before the authorization,
the audit log and the handler of a route, and knows the user, the endpoint, the path, the query and the body.
``table`` says what is asked and what is filtered for each endpoint.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api import security
from airflow.configuration import conf
from airflow.models.log import Log
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from fastapi.routing import APIRoute, Mount
from fastapi.security import HTTPAuthorizationCredentials
from starlette.types import ASGIApp, Receive, Scope, Send

from ..store.people import TeamUser
from . import plugins, rows
from .hooks import GateMissing, find
from .table import AS_CORE_ASKS, CORE, ENDPOINTS, Call, Check, Refusal, endpoint_name

log = logging.getLogger(__name__)

_UNAUTHENTICATED = "airflow.api_fastapi.core_api.app."
"""Core's shell of the UI and its redirects, which know no user."""


class CoreGate:
    """ASGI middleware that puts the guard into the app the first time it sees it, before any request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._installed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, once the guard stands."""
        if not self._installed:
            install(scope["app"])
            self._installed = True
        await self.app(scope, receive, send)


def install(app: FastAPI) -> None:
    """Put the guard in front of every handler. Raises GateMissing where Airflow has no place for it any more."""
    # Stands in for a hook that asks the auth manager about a whole request.
    original = find(security, "get_user")
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    guarded = [_guard(route.dependant, original) for route in routes]
    if not any(guarded):
        raise GateMissing("airflow-team-rbac needs get_user to be a dependency of Airflow's routes, and it is not")
    for route in routes:
        _authorize_before_logging(route)
    rows.listen()
    plugins.install()
    _say_what_is_not_guarded(app, routes)


def _guard(dependant: Dependant, original: Any) -> bool:
    """
    Put the guard in place of ``get_user`` wherever a route depends on it; return whether it does.

    As ``app.dependency_overrides`` does, which however takes the guard's signature apart again on every request.
    """
    found = False
    for place, inner in enumerate(dependant.dependencies):
        found = _guard(inner, original) or found
        if inner.call is original:
            dependant.dependencies[place] = get_dependant(path=inner.path or "/", call=_guarded, name=inner.name)
            found = True
    return found


def _authorize_before_logging(route: APIRoute) -> None:
    """
    Have a route ask who may before it writes to the audit log: a refused request writes nothing there.

    Stands in for the order of ``dependencies`` in core's decorators, which on 17 routes is the other way round.
    """
    route.dependant.dependencies.sort(key=lambda inner: _qualname(inner.call).startswith("action_logging"))


def _qualname(call: Any) -> str:
    return str(getattr(call, "__qualname__", ""))


def _say_what_is_not_guarded(app: FastAPI, routes: list[APIRoute]) -> None:
    for route in routes:
        name = endpoint_name(route.endpoint)
        if name.startswith(_UNAUTHENTICATED):
            continue
        if not name.startswith(CORE):
            log.info("Route %s is a plugin's: it keeps the plugin's own authorization", route.path)
        elif name not in ENDPOINTS and name not in _allowed():
            log.error(
                "Route %s (%s) is not known to airflow-team-rbac: only superusers may use it. To let Airflow's own "
                "authorization decide, add %s to [team_rbac] allow_endpoints",
                route.path,
                ", ".join(sorted(route.methods)),
                name,
            )
    for mount in app.routes:
        if isinstance(mount, Mount) and mount.path not in ("/execution", "/auth", "/static"):
            log.info("App %s is a plugin's: it keeps the plugin's own authorization", mount.path)


def _allowed() -> set[str]:
    return {name.strip() for name in conf.get("team_rbac", "allow_endpoints").split(",")}


async def _guarded(
    request: Request,
    oauth_token: str | None = Depends(security.oauth2_scheme),
    bearer_credentials: HTTPAuthorizationCredentials | None = Depends(security.bearer_scheme),
) -> AsyncIterator[Any]:
    """Yield the user, whom ``get_user`` returns, once the request may go on. Whatever refuses it, that is audited."""
    user: Any = await security.get_user(request, oauth_token, bearer_credentials)
    if not isinstance(user, TeamUser):  # whoever has no token, where FAB gives the public a role
        user = await run_in_threadpool(request.app.state.auth_manager.team_user, user)
    try:
        user = await _check(request, user)
        yield user
    except Refusal as refusal:
        await run_in_threadpool(_audit, request, user, str(refusal))
        raise HTTPException(refusal.status, refusal.told) from None
    except HTTPException as error:
        rule = ENDPOINTS.get(endpoint_name(request.scope["endpoint"]), AS_CORE_ASKS)
        if error.status_code == status.HTTP_403_FORBIDDEN and not rule.quiet:
            await run_in_threadpool(_audit, request, user, "Airflow asked, and they may not")
        raise


async def _check(request: Request, user: TeamUser) -> TeamUser:
    """Return the user as this request is answered to them. Raises Refusal."""
    name = endpoint_name(request.scope["endpoint"])
    rule = ENDPOINTS.get(name)
    if user.active_team is not None:
        if name == _MAKES_A_TOKEN:
            user = replace(user, active_team=None)  # a token for scripts: DESIGN section 3, *View*
        elif _asks_for_a_collection(request):
            user = replace(user, narrowed=True)
    if rule is None:
        if name.startswith(CORE) and name not in _allowed() and not user.principal.superuser:
            raise Refusal(f"{name} is not known to airflow-team-rbac")
        return user
    checks = [rule.check] if rule.check is not None else []
    acts = request.method != "GET"
    # A body that nobody looks at is not waited for: that costs a GET more than all else here.
    body = await _body(request) if checks or acts else None
    call = Call(user, request.app.state.auth_manager, request.path_params, request.query_params, body)
    if not user.sees.superuser:
        rows.restrict(call, rule.rows, rule.veil)
    if rule.plugins:
        only_ours = not call.manager.permits_view(AccessView.PLUGINS, user.principal.everywhere)
        plugins.show(only_ours=only_ours)
        if only_ours:
            user.listed.add(AccessView.PLUGINS)
    if acts and call.mentioned_dags:
        checks.insert(0, Call.check_mentioned_dags)
    for check in checks:
        await _run(check, call)
    return user


async def _run(check: Check, call: Call) -> None:
    """Run a check as FastAPI runs a dependency: what asks the database is no coroutine, and gets a thread."""
    if iscoroutinefunction(check):
        await check(call)
    else:
        await run_in_threadpool(check, call)


def _asks_for_a_collection(request: Request) -> bool:
    """Whether a request names no thing: ``~`` names none."""
    named = [*request.path_params.values(), *(request.query_params.get(name) for name in _NAMES)]
    return all(value in (None, "", "~") for value in named)


_NAMES = ("asset_id", "dag_id", "dag_ids", "node_id", "source_dag_id")
"""Query parameters that name one thing, as those of a path do."""
_MAKES_A_TOKEN = f"{CORE}ui.auth.generate_token"


async def _body(request: Request) -> Any:
    """Return what FastAPI takes the body for: JSON, or None. What is no JSON no handler gets either."""
    try:
        return await request.json()  # which FastAPI has parsed already, where the handler takes JSON
    except ValueError:
        return None


def _audit(request: Request, user: TeamUser, reason: str) -> None:
    name = endpoint_name(request.scope["endpoint"])
    extra = {"method": request.method, "path": request.url.path, "endpoint": name, "reason": reason}
    with create_session(scoped=False) as session:
        session.add(Log("team_rbac.request.refuse", owner=user.get_name(), extra=json.dumps(extra)))
