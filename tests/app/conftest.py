"""An Airflow of three teams, made once for the tests that only ask."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ..world import Api, World

POLICY = """
[teams.sales]
resources = ["dag:legacy_etl", "connection:crm"]
asset_uris = ["s3://sales/"]
[teams.finance]
[teams.ops]

[[bindings]]
group = "sales-op"
team = "sales"
role = "Op"
[[bindings]]
group = "sales-viewer"
team = "sales"
role = "Viewer"
[[bindings]]
group = "finance-op"
team = "finance"
role = "Op"
[[bindings]]
group = "finance-viewer"
team = "finance"
role = "Viewer"
[[bindings]]
group = "engineers"
team = "*"
role = "Op"
[[bindings]]
group = "admins"
scope = "deployment"
role = "Admin"
[[bindings]]
user = "ursula"
team = "ops"
role = "User"

[[grants]]
to = "team:finance"
resource = "connection:sales__dwh"
actions = ["read", "use"]
reason = "Q4 audit"
[[grants]]
to = "team:finance"
resource = "dag:sales__shared_*"
actions = ["run"]
reason = "month-end close"
[[grants]]
to = "user:greta"
resource = "variable:sales__rate"
actions = ["edit"]
reason = "she keeps the rates"
[[grants]]
to = "group:auditors"
resource = "dag:finance__etl"
actions = ["read"]
reason = "audit"
[[grants]]
to = "*"
resource = "pool:sales__pool"
actions = ["read"]
reason = "capacity planning"
[[grants]]
to = "user:greta"
resource = "asset:sales__orders"
actions = ["trigger"]
reason = "backdated orders"
"""

PEOPLE: dict[str, dict[str, tuple[str, ...]]] = {
    "ada": {"groups": ("admins",)},
    "root": {"roles": ("Admin",)},
    "emil": {"groups": ("engineers",)},
    "olga": {"groups": ("sales-op",)},
    "vic": {"groups": ("sales-viewer",)},
    "noor": {"groups": ("sales-op", "finance-viewer")},
    "fred": {"groups": ("finance-op",)},
    "greta": {"groups": ()},
    "arno": {"groups": ("auditors",)},
    "ursula": {},
    "gus": {"roles": ("Op",)},
    "gina": {"roles": ("Viewer",), "groups": ("finance-viewer",)},
    "vera": {"groups": ("marketing",)},
}


@dataclass
class Company:
    """The world, its people by name, and its assets' numbers by name."""

    world: World
    people: dict[str, int]
    assets: dict[str, int]
    aliases: dict[str, int]
    client: object

    def api(self, name: str) -> Api:
        return Api(self.client, self.people[name])


DAGS = ("sales__etl", "sales__shared_close", "finance__etl", "ops__etl", "legacy_etl", "housekeeping", "SALES__etl")
CONNECTIONS = ("sales__dwh", "finance__dwh", "crm", "CRM", "shared", "SALES__dwh")
VARIABLES = ("sales__rate", "finance__rate", "limit", "Finance__rate")
POOLS = ("sales__pool", "finance__pool", "spare")
ASSETS = {
    "sales__orders": None,
    "finance__ledger": None,
    "weather": None,
    "raw_orders": "s3://sales/raw",
    "finance__raw": "s3://sales/mixed",
}
ALIASES = ("sales__alias", "finance__alias", "any_alias")


def make_company(client: object, world: World, policy: str = POLICY) -> Company:
    world.apply(policy)
    for dag_id in DAGS:
        world.dag(dag_id)
    for conn_id in CONNECTIONS:
        world.connection(conn_id)
    for key in VARIABLES:
        world.variable(key)
    for name in POOLS:
        world.pool(name)
    return Company(
        world=world,
        people={name: world.person(name, **facts) for name, facts in PEOPLE.items()},
        assets={name: world.asset(name, uri) for name, uri in ASSETS.items()},
        aliases={name: world.alias(name) for name in ALIASES},
        client=client,
    )


@pytest.fixture(scope="module")
def company(client):
    world = World()
    yield make_company(client, world)
    world.clear()
