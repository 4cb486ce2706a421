"""Who calls, under which policy, and the database as a value that can be compared and put back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from airflow import settings

from ..world import World
from .canaries import Planter, Plants

POLICY = """
[teams.alpha]
description = "zqa-team-description"
sources = ["bundle:alpha__zqa_bundle"]
asset_uris = ["x://alpha__"]
[teams.beta]
description = "zqb-team-description"
sources = ["bundle:beta__zqb_bundle", "bundle:beta__zqs_bundle"]
asset_uris = ["x://beta__"]

[[bindings]]
group = "zqa-op"
team = "alpha"
role = "Op"
[[bindings]]
group = "zqa-admin"
team = "alpha"
role = "Admin"
[[bindings]]
group = "zqb-everything"
team = "beta"
role = "Admin"
reason = "zqb-team_rbac_binding-reason"
[[bindings]]
group = "zqb-everything"
team = "beta"
role = "Op"
[[bindings]]
user = "zqb_bess"
team = "beta"
role = "User"

[[grants]]
to = "user:gabe"
resource = "dag:beta__zqs_dag"
actions = ["read"]
reason = "zqs-reason"
[[grants]]
to = "user:zqb_grantee"
resource = "dag:beta__zqb_*"
team = "beta"
actions = ["read"]
reason = "zqb-team_rbac_grant-reason"
"""

STORED_GRANTS = """
[[grants]]
to = "user:gwen"
resource = "{kind}:beta__zqs_{name}"
actions = ["read"]
reason = "zqs-reason"
"""

OUTSIDERS: dict[str, dict[str, Any]] = {
    "opal": {"groups": ("zqa-op",)},
    "adam": {"groups": ("zqa-admin",)},
    "nora": {"groups": ("marketing",)},
    "gabe": {"groups": ()},
    "gwen": {},
    "gus": {"roles": ("Op",)},
    "public": {},
}
"""In nothing that is beta's. Some hold all that can be held in alpha, some a grant, two a global role."""
PUBLIC_ROLE = {"public": "Op"}
"""Who is not signed in, and the role of FAB's that they have."""

INSIDERS: dict[str, dict[str, Any]] = {
    "zqb_bess": {"groups": ("zqb-everything",)},
    "root": {"roles": ("Admin",)},
}


@dataclass
class Sweep:
    """The world of the sweep."""

    world: World
    people: dict[str, int | None]
    alpha: Plants
    beta: Plants
    shared: Plants
    unowned: Plants
    without_beta: Rows
    with_beta: Rows


def make_sweep(home: Path) -> Sweep:
    """Make the world, and remember it as it was before beta had anything that it did not share."""
    world = World()
    things = {"connection": "conn", "variable": "var", "pool": "pool", "asset": "in", "alias": "alias"}
    world.apply(POLICY + "".join(STORED_GRANTS.format(kind=kind, name=name) for kind, name in things.items()))
    people = {
        name: None if name in PUBLIC_ROLE else world.person(name, **facts)
        for name, facts in {**OUTSIDERS, **INSIDERS}.items()
    }
    unowned = Planter(Plants("", "zqu", 2015), home).plant()
    alpha = Planter(Plants("alpha", "zqa", 2016), home).plant()
    shared = Planter(Plants("beta", "zqs", 2018), home).plant()
    without = Rows.read()
    planter = Planter(Plants("beta", "zqb", 2017), home)
    beta = planter.plant()
    planter.cross(alpha)
    return Sweep(world, people, alpha, beta, shared, unowned, without, Rows.read())


class Rows:
    """All rows of the database."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        self.tables = tables

    @classmethod
    def read(cls) -> Rows:
        with settings.engine.connect() as connection:
            return cls(
                {
                    table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                    for table in _metadata().sorted_tables
                }
            )

    def put_back(self) -> None:
        """Make the database what it was."""
        metadata = _metadata()
        with settings.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
            for table in metadata.sorted_tables:
                if self.tables[table.name]:
                    connection.execute(sa.insert(table), self.tables[table.name])

    def without(self, other: Rows) -> dict[str, list[dict[str, Any]]]:
        """Return the rows that the other has not."""
        found = {}
        for name, rows in self.tables.items():
            theirs = {repr(row) for row in other.tables[name]}
            if only := [row for row in rows if repr(row) not in theirs]:
                found[name] = only
        return found


_reflected: list[sa.MetaData] = []


def _metadata() -> sa.MetaData:
    if not _reflected:
        metadata = sa.MetaData()
        metadata.reflect(settings.engine)
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, sa.DateTime | sa.TIMESTAMP | sa.JSON):
                    column.type = sa.String() if settings.engine.dialect.name == "sqlite" else column.type
        _reflected.append(metadata)
    return _reflected[0]
