"""The people of the demo: what the identity provider knows, and what the table at the end says."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "demo-Passw0rd"


@dataclass(frozen=True)
class Account:
    """One person: the groups that the identity provider sends, and what they lead to in Airflow."""

    username: str
    given_name: str
    family_name: str
    groups: tuple[str, ...]
    teams: tuple[str, ...]
    sees: str
    hint: str

    @property
    def email(self) -> str:
        """The address that the identity provider sends."""
        return f"{self.username}@example.com"


ACCOUNTS = (
    Account(
        username="ana",
        given_name="Ana",
        family_name="Almeida",
        groups=("analysts",),
        teams=("analytics",),
        sees="analytics, as Viewer",
        hint="open Dags: only analytics__*; run one: refused",
    ),
    Account(
        username="noor",
        given_name="Noor",
        family_name="Haddad",
        groups=("ds-dev", "analysts"),
        teams=("analytics", "data_science"),
        sees="data_science, as Op, and analytics, as Viewer",
        hint="switch teams below the logo; run data_science__prepare; run analytics__dashboard: refused",
    ),
    Account(
        username="otto",
        given_name="Otto",
        family_name="Lindqvist",
        groups=("analytics-dev",),
        teams=("analytics",),
        sees="analytics, as Op, and data_eng's warehouse connection, granted to read",
        hint="run analytics__dashboard; open data_eng__dwh; edit it: refused",
    ),
    Account(
        username="emil",
        given_name="Emil",
        family_name="Novak",
        groups=("data-engineering",),
        teams=("analytics", "data_eng", "data_science"),
        sees="every team, as Op",
        hint="run data_eng__ingest: analytics__dashboard follows",
    ),
    Account(
        username="vera",
        given_name="Vera",
        family_name="Moreau",
        groups=("marketing",),
        teams=(),
        sees="nothing: no binding names her group",
        hint="open Dags: none; open a link to analytics__dashboard: nothing",
    ),
    Account(
        username="ada",
        given_name="Ada",
        family_name="Osei",
        groups=("airflow-admins",),
        teams=(),
        sees="everything: Admin of the deployment",
        hint="open Security > Users and Roles: people here have no FAB role",
    ),
)
