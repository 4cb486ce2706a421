"""The demo's identity provider: Canaille, with its people and one OIDC client, all in memory.

Run as ``python idp.py SETTINGS`` with a Python that has Canaille. ``SETTINGS`` is a JSON file with
``url``, ``port``, ``secret_key``, ``client_id``, ``client_secret`` and ``airflow_url``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from accounts import ACCOUNTS, PASSWORD
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from flask import Flask


def configuration(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what Canaille is told; the rest is its own default."""
    url = urlsplit(settings["url"])
    return {
        "SECRET_KEY": settings["secret_key"],
        # Both make the issuer, which must be the address that Airflow was given, to the letter.
        "SERVER_NAME": url.netloc,
        "PREFERRED_URL_SCHEME": url.scheme,
        "CANAILLE": {
            "NAME": "Example Corp",
            "DATABASE": "memory",
            "LANGUAGE": "en",
            "SMTP": None,
            "CAPTCHA_ENABLED": False,
        },
        "CANAILLE_OIDC": {
            # A client of a trusted domain is not asked for consent, and may ask to come back after sign-out.
            "TRUSTED_DOMAINS": [urlsplit(settings["airflow_url"]).hostname],
            # Canaille would send the display name.
            "USERINFO_MAPPING": {"PREFERRED_USERNAME": "{{ user.user_name }}"},
        },
    }


def populate(settings: dict[str, Any]) -> None:
    """Register the people, their groups, and Airflow."""
    users = {}
    for account in ACCOUNTS:
        user = models.User(
            user_name=account.username,
            given_name=account.given_name,
            family_name=account.family_name,
            formatted_name=f"{account.given_name} {account.family_name}",
            emails=[account.email],
            password=PASSWORD,
        )
        Backend.instance.save(user)
        users[account.username] = user

    for name in sorted({group for account in ACCOUNTS for group in account.groups}):
        members = [users[account.username] for account in ACCOUNTS if name in account.groups]
        Backend.instance.save(models.Group(display_name=name, members=members))

    airflow_url = settings["airflow_url"]
    client = models.Client(
        client_id=settings["client_id"],
        client_secret=settings["client_secret"],
        client_name="Airflow",
        client_uri=airflow_url,
        redirect_uris=[f"{airflow_url}/auth/oauth-authorized/oidc"],
        post_logout_redirect_uris=[f"{airflow_url}/auth/login/"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
        token_endpoint_auth_method="client_secret_basic",
        id_token_signed_response_alg="RS256",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


def build(settings: dict[str, Any]) -> Flask:
    """Return the application, with everybody in it."""
    app = create_app(configuration(settings))
    with app.app_context(), Backend.instance.session():
        populate(settings)
    return app


def main() -> None:
    """Serve until a signal ends the process."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    # One process: the database lives in its memory.
    make_server("127.0.0.1", settings["port"], build(settings), threaded=True).serve_forever()


if __name__ == "__main__":
    main()
