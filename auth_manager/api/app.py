"""Which teams somebody has, and which one they work in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager, get_cookie_path
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..policy.model import Action, Kind
from ..store.native import native_team
from ..store.people import TeamUser, groups_of

_HEADER = "X-Team-RBAC"
"""A page of another origin cannot set it without a CORS preflight, which Airflow does not grant."""
_MOST = 1024
"""How long the body of a request may be, in bytes."""


@dataclass(frozen=True)
class Script:
    """A file that browsers may keep for ever, since its path says what is in it."""

    path: str
    text: bytes


def _script(name: str) -> Script:
    text = files("airflow_team_rbac.ui_templates").joinpath(name).read_bytes()
    return Script(f"{hashlib.sha256(text).hexdigest()[:16]}/{name}", text)


SWITCHER = _script("switcher.js")

app = FastAPI(title="Airflow Team RBAC", docs_url=None, redoc_url=None)


@app.get(f"/{SWITCHER.path}", include_in_schema=False)
def get_switcher() -> Response:
    """Return the switcher's script, to anybody: there is nothing in it to know."""
    return Response(
        SWITCHER.text,
        media_type="text/javascript",
        headers={"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"},
    )


def _team_user(user: Annotated[Any, Depends(get_user)]) -> TeamUser:
    if not isinstance(user, TeamUser) or user.is_anonymous:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Sign in: nobody in particular has no team.")
    return user


User = Annotated[TeamUser, Depends(_team_user)]


class Me(BaseModel):
    """Who asks, and what they can switch to."""

    username: str
    teams: list[str] = Field(description="The teams that can be worked in, sorted.")
    active_team: str | None = Field(description="The team whose things collections show; null for all teams.")
    sees_more: bool = Field(description="Whether anything can be seen beyond one team.")
    groups: list[str] = Field(description="The groups that the identity provider named at the last sign-in.")
    contact: str = Field(description="Whom to ask for access.")
    dag_team: str | None = Field(description="The team of the Dag that was asked about, if it may be read.")


@app.get("/api/me")
def get_me(user: User, dag_id: str | None = None) -> Me:
    """Return who asks; with ``dag_id``, also the team that the Dag belongs to."""
    principal = user.principal
    teams = sorted(user.evaluator.team_names if principal.superuser else principal.teams)
    by_other_ways = any(
        grant.to_team is None and Action.READ in grant.effective
        for grants in principal.grants.values()
        for grant in grants
    )
    with create_session(scoped=False) as session:
        groups = sorted(groups_of(user.id, session))
    return Me(
        username=user.username,
        teams=teams,
        active_team=user.active_team,
        sees_more=len(teams) > 1 or principal.superuser or bool(principal.everywhere.perms) or by_other_ways,
        groups=groups,
        contact=conf.get("team_rbac", "contact"),
        dag_team=_team_of(user, dag_id) if dag_id else None,
    )


def _team_of(user: TeamUser, dag_id: str) -> str | None:
    with create_session(scoped=False) as session:
        native = native_team(Kind.DAG, dag_id, session)
    details = DagDetails(id=dag_id, team_name=native)
    manager: Any = get_auth_manager()
    if not manager.is_authorized_dag(method="GET", user=user, details=details):
        return None
    return user.evaluator.ownership.owner(Kind.DAG, dag_id, native).team


class ActiveTeam(BaseModel):
    """What to switch to."""

    model_config = ConfigDict(extra="forbid")
    team: str | None = Field(description="One of one's teams; null for all of them.")


async def _active_team(request: Request) -> ActiveTeam:
    """Read the body by hand: FastAPI would read one of any length."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > _MOST:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, f"Send at most {_MOST} bytes.")
    try:
        return ActiveTeam.model_validate_json(raw)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors())
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, found) from None


def _from_our_own_page(request: Request, user: User) -> None:
    """Refuse what another site's page made the browser send: it sends the cookie, but not these."""
    if "authorization" in request.headers:
        return
    if _HEADER not in request.headers:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, f"Send the header {_HEADER}: with a cookie alone, the request may be forged."
        )
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "The request comes from a page of another site.")


@app.post("/api/active-team", dependencies=[Depends(_from_our_own_page)])
async def post_active_team(
    request: Request, response: Response, user: User, wanted: Annotated[ActiveTeam, Depends(_active_team)]
) -> ActiveTeam:
    """
    Switch to one of one's teams, or to all.

    The next sign-in starts there; the browser that asks works there at once. The token of an API client stays what
    it is: ask ``/auth/token`` for one with ``team``.
    """
    if wanted.team is not None and not user.may_work_in(wanted.team):
        raise HTTPException(status.HTTP_400_BAD_REQUEST, f"You are in no team {wanted.team!r}.")
    manager: Any = get_auth_manager()
    await run_in_threadpool(manager.people.remember, user, wanted.team)
    token = request.cookies.get(COOKIE_NAME_JWT_TOKEN)
    if token is not None and "authorization" not in request.headers:
        path = get_cookie_path()
        secure = request.base_url.scheme == "https" or bool(conf.get("api", "ssl_cert", fallback=""))
        new = await manager.with_active_team(token, wanted.team)
        response.set_cookie(COOKIE_NAME_JWT_TOKEN, new, path=path, httponly=True, secure=secure, samesite="lax")
        if path != "/":  # as Airflow does: one that is left there would win
            response.delete_cookie(COOKIE_NAME_JWT_TOKEN, path="/", httponly=True, secure=secure, samesite="lax")
    return wanted
