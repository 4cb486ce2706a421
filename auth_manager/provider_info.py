"""What Airflow is told about this package, as its own providers tell it."""

from __future__ import annotations

from typing import Any

from . import __version__

_PACKAGE = "airflow_team_rbac.auth_manager"


def _option(
    description: str,
    default: str | None,
    *,
    kind: str = "string",
    example: str | None = None,
    sensitive: bool = False,
) -> dict[str, Any]:
    option: dict[str, Any] = {
        "description": description,
        "version_added": "0.1.0",
        "type": kind,
        "example": example,
        "default": default,
    }
    return option | {"sensitive": True} if sensitive else option


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata (``airflow/provider_info.schema.json``)."""
    return {
        "package-name": "airflow-team-rbac",
        "name": "Team RBAC",
        "description": "Teams for Airflow's FAB auth manager.",
        "versions": [__version__],
        "auth-managers": [f"{_PACKAGE}.team_auth_manager.TeamAuthManager"],
        "db-managers": [f"{_PACKAGE}.store.database.TeamRbacDBManager"],
        "cli": [f"{_PACKAGE}.cli.definition.get_cli_commands"],
        "config": {
            "team_rbac": {
                "description": "Teams for the FAB auth manager.",
                "options": {
                    "superuser_roles": _option(
                        "FAB roles, separated by commas, whose global holders may do everything.\n", "Admin"
                    ),
                    "unowned": _option(
                        "Who decides about what belongs to no team. ``fab``: FAB, with the user's global\n"
                        "roles, as without this package. ``deny``: nobody but superusers may touch it.\n",
                        "fab",
                        example="deny",
                    ),
                    "membership_max_age": _option(
                        "How long a sign-in at the IdP and the groups that it named hold, in seconds. Then people are\n"
                        "sent to the IdP again, which mostly answers without asking them.\n",
                        "86400",
                        kind="integer",
                    ),
                    "contact": _option(
                        "Whom people without a team are told to ask. Plain text.\n",
                        "",
                        example="#data-platform on Slack",
                    ),
                    "allow_endpoints": _option(
                        "Endpoints of Airflow that this package does not know (a newer Airflow), separated by commas,\n"
                        "for which Airflow's own authorization is to decide. All others are for superusers only.\n",
                        "",
                        example="airflow.api_fastapi.core_api.routes.public.things.get_things",
                    ),
                    "oidc_issuer": _option(
                        "The issuer URL of the OpenID Connect provider that people sign in at. Empty: FAB's own\n"
                        "settings in ``webserver_config.py`` decide how people sign in.\n",
                        "",
                        example="https://idp.example.com/realms/main",
                    ),
                    "oidc_client_id": _option("The client id that the provider knows Airflow by.\n", ""),
                    "oidc_client_secret": _option("The client's secret.\n", "", sensitive=True),
                    "oidc_scope": _option("The scopes to ask for, separated by spaces.\n", "openid profile email"),
                    "groups_claim": _option(
                        "Where a person's groups are: a JMESPath over the claims of the id token and of userinfo.\n"
                        "Where it finds nothing, nobody is signed in; an empty list is no group.\n",
                        "groups",
                        example="realm_access.roles",
                    ),
                    "username_claim": _option(
                        "Where a person's username is, likewise. It counts at the first sign-in; who somebody is,\n"
                        "the issuer and the subject say.\n",
                        "preferred_username || email",
                        example="upn",
                    ),
                    "first_name_claim": _option("Where a person's first name is, likewise.\n", "given_name"),
                    "last_name_claim": _option("Where a person's last name is, likewise.\n", "family_name"),
                    "email_claim": _option("Where a person's e-mail address is, likewise.\n", "email"),
                },
            }
        },
    }
