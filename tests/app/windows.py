"""A browser's window, as the server sees it."""

from __future__ import annotations

import jwt
from airflow.api_fastapi.app import get_auth_manager
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.team_auth_manager import TeamAuthManager

OURS = {"X-Team-RBAC": "test"}
LISTS = {
    "dag": ("/dags", "dags", "dag_id"),
    "connection": ("/connections", "connections", "connection_id"),
    "variable": ("/variables", "variables", "key"),
    "pool": ("/pools", "pools", "name"),
    "asset": ("/assets?only_active=false", "assets", "name"),
    "alias": ("/assets/aliases", "asset_aliases", "name"),
}


class Window:
    """A browser's window: somebody's cookie, and nothing else."""

    def __init__(self, client, user_id: int, team: str | None = None) -> None:
        self.client = client
        self.cookie = (
            get_auth_manager()._get_token_signer().generate({"sub": str(user_id)} | ({"team": team} if team else {}))
        )

    def __call__(self, method: str, path: str, **options):
        headers = {"Cookie": f"_token={self.cookie}"} | options.pop("headers", {})
        answer = self.client.request(method, path, headers=headers, **options)
        self.cookie = answer.cookies.get("_token", self.cookie)
        self.client.cookies.clear()  # which the header goes before; others may have none
        return answer

    def switch(self, team: str | None, **options):
        return self("POST", "/team-rbac/api/active-team", json={"team": team}, headers=OURS, **options)

    def me(self, dag_id: str | None = None) -> dict:
        return self("GET", "/team-rbac/api/me" + (f"?dag_id={dag_id}" if dag_id else "")).json()

    def listed(self, kind: str) -> set[str]:
        path, key, name = LISTS[kind]
        answer = self("GET", f"/api/v2{path}").json()
        found = {thing[name] for thing in answer[key]}
        assert answer["total_entries"] == len(found)
        return found

    @property
    def claims(self) -> dict:
        return jwt.decode(self.cookie, options={"verify_signature": False})

    def starts_in(self) -> str | None:
        """Sign in again, at another server that has just started: what FAB does with its own user."""
        with create_session() as session:
            user = session.get(User, int(self.claims["sub"]))
            session.expunge(user)
        return TeamAuthManager().serialize_user(user).get("team")
