"""A script: signs people in by what ``webserver_config.py`` says, and prints what comes of it."""

from __future__ import annotations

import json
import os
import re

from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store.models import IdpGroupRow
from airflow_team_rbac.auth_manager.team_auth_manager import TeamAuthManager
from fastapi.testclient import TestClient
from flask_appbuilder.const import AUTH_OAUTH
from sqlalchemy import select

from tests.coexist.play import answer, sign_in
from tests.login.provider import Provider
from tests.world import Api

# What providers tell of people.
USERINFO = (
    {"username": "new", "first_name": "N", "last_name": "Ew", "email": "new@example.com", "role_keys": ["ops"]},
    {"username": "newer", "email": "newer@example.com", "role_keys": ["ops", "nobody-knows", "analysts"]},
    {"username": "without_groups", "email": "w@example.com", "role_keys": []},
    {"email": "only-an-address@example.com", "role_keys": ["admins"]},
    {"username": "viewer", "email": "viewer@example.com", "role_keys": ["ops"]},
    {"username": "nobody", "email": "nobody@example.com", "role_keys": []},
    {"username": "disabled", "email": "disabled@example.com", "role_keys": ["admins"]},
    {"username": "", "role_keys": ["admins"]},
    {"first_name": "Nameless"},
)
PATHS = ("/dags", "/dags/etl", "/dags/report", "/connections", "/variables", "/ui/auth/menus", "/ui/auth/me")


def settings_of(manager: object) -> dict[str, object]:
    """All that FAB's security manager read from its configuration."""
    found = {}
    for name in dir(type(manager)):
        if name.startswith(("auth_", "oauth_", "api_login", "recaptcha")) and isinstance(
            getattr(type(manager), name), property
        ):
            try:
                found[name] = repr(getattr(manager, name))
            except Exception as error:
                found[name] = type(error).__name__
    return found


def accounts() -> list:
    with create_session() as session:
        users = session.scalars(select(User).order_by(User.username)).unique()
        return [
            (user.username, user.first_name, user.email, user.active, sorted(role.name for role in user.roles))
            for user in users
        ]


WALKS = (
    ("okta", {"sub": "s-walker", "email": "walker@okta.example.com", "groups": ["ops"]}),
    (
        "keycloak",
        {"sub": "k-1", "preferred_username": "walker", "email": "walker@example.com", "groups": ["ops", "admins"]},
    ),
    ("keycloak", {"sub": "k-1", "preferred_username": "walker", "email": "walker@example.com", "groups": ["analysts"]}),
)
"""Who signs in, at which provider; in the end with other groups than at first."""


def walk(client: TestClient, providers: dict[str, Provider], found: dict[str, object]) -> None:
    """Go the whole way: to the provider, back, and to the Dags."""
    for number, (name, person) in enumerate(WALKS):
        provider = providers[name]
        provider.userinfo = person
        provider.instead["/token"] = (200, {"access_token": "x", "token_type": "Bearer"})
        provider.instead["/openid-connect/userinfo"] = (200, person)
        client.cookies.clear()
        page = {"next": "http://testserver/dags/etl"}
        begun = client.get(f"/auth/login/{name}", params=page, follow_redirects=False)
        way = provider.authorize(begun.headers["location"])
        back = client.get(f"/auth/oauth-authorized/{name}", params=way, follow_redirects=False)
        found[f"walk {number}"] = answer(back)
        found[f"walk {number}: /api/v2/dags"] = answer(client.get("/api/v2/dags"))
    client.cookies.clear()


def groups() -> dict[str, list[str]]:
    """Which groups teams know of whom."""
    kept: dict[str, list[str]] = {}
    with create_session() as session:
        rows = select(User.username, IdpGroupRow.name).join(IdpGroupRow, IdpGroupRow.user_id == User.id)
        for username, group in session.execute(rows.order_by(IdpGroupRow.name)):
            kept.setdefault(username, []).append(group)
    return kept


def main() -> None:
    providers = {name: Provider() for name in ("okta", "keycloak")}
    os.environ.update({f"{name}_URL": f"{provider.issuer}/" for name, provider in providers.items()})
    app, manager, found = create_app(), get_auth_manager(), {}
    with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as client:
        found["login page"] = answer(client.get("/auth/login/"))
        found["the way in"] = answer(client.get("/api/v2/auth/login", follow_redirects=False))
        for path in PATHS:
            path = path if path.startswith("/ui/") else f"/api/v2{path}"
            found[f"a stranger: {path}"] = answer(client.get(path))
        for name in ("viewer", "disabled", "nobody"):
            found[f"{name}: form"] = sign_in(client, name)
            client.cookies.clear()
            body = {"username": name, "password": name}
            found[f"{name}: token"] = answer(client.post("/auth/token", json=body))
        found["wrong"] = answer(client.post("/auth/token", json={"username": "viewer", "password": "wrong"}))
        with manager.flask_app.test_request_context():
            security = manager.security_manager
            found["classes"] = [kind.__name__ for kind in type(security).__mro__]
            found["settings"] = re.sub(r"127\.0\.0\.1:\d+", "provider", str(settings_of(security)))
            if security.auth_type == AUTH_OAUTH:
                remotes = security.oauth_remotes.values()
                found["providers"] = [(remote.name, remote.client_id) for remote in remotes]
                for number, userinfo in enumerate(USERINFO):
                    user = security.auth_user_oauth(userinfo)
                    found[f"userinfo {number}"] = user and user.username
        if "providers" in found:
            walk(client, providers, found)
        found["accounts"] = accounts()
        if isinstance(manager, TeamAuthManager):
            found["groups"] = groups()
        with create_session() as session:
            ids = dict(session.execute(select(User.username, User.id)).all())
        for name, user_id in sorted(ids.items()):
            for path in PATHS:
                found[f"{name}: {path}"] = answer(Api(client, user_id).get(path))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
