"""What applying a policy would change, said before it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .model import Binding, Grant, Kind, Policy, Team
from .ownership import Owner, Ownership


@dataclass(frozen=True)
class Thing:
    """A resource that exists in Airflow now."""

    kind: Kind
    id: str
    """Its id; of an asset or alias, its name."""
    uri: str | None = None
    native: str | None = None


@dataclass(frozen=True)
class Change:
    """A row that is added, changed or removed."""

    thing: str
    """``team``, ``binding`` or ``grant``."""
    verb: str
    """``add``, ``change`` or ``remove``."""
    before: Team | Binding | Grant | None
    after: Team | Binding | Grant | None

    def __str__(self) -> str:
        row = self.after or self.before
        text = f"team {row.name}" if isinstance(row, Team) else f"{self.thing}: {row}"
        if self.verb != "change":
            return f"{self.verb} {text}"
        before, after = describe(self.before), describe(self.after)
        differ = [f"{key} {before[key]!r} -> {after[key]!r}" for key in after if before[key] != after[key]]
        return f"change {text}: {', '.join(differ)}"


@dataclass(frozen=True)
class OwnerChange:
    """An existing resource that gets another owner."""

    thing: Thing
    before: Owner
    after: Owner

    def __str__(self) -> str:
        return f"{self.thing.kind}:{self.thing.id}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Plan:
    """All that would change, and the policy that would result."""

    result: Policy
    changes: tuple[Change, ...]
    owners: tuple[OwnerChange, ...]
    kept: tuple[Team | Binding | Grant, ...]
    """What an earlier file made, this one has not, and ``prune`` was not asked for."""

    @property
    def released(self) -> tuple[OwnerChange, ...]:
        """Existing resources that a team would lose to nobody."""
        return tuple(change for change in self.owners if change.after.is_unowned and change.before.team)

    @property
    def unprotected(self) -> tuple[Team, ...]:
        """Teams without sources: anyone who writes Dags can claim their ids (*Dag ids* in DESIGN section 3)."""
        return tuple(team for team in self.result.teams if team.managed_by != "airflow" and not team.sources)


def make_plan(current: Policy, result: Policy, in_file: Policy, things: Iterable[Thing]) -> Plan:
    """
    Compare two policies.

    :param current: what is there
    :param result: what would be there
    :param in_file: the rows that the file itself has
    :param things: the resources that exist in Airflow
    """
    changes: list[Change] = []
    kept: list[Team | Binding | Grant] = []
    groups: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]], ...] = (
        ("team", current.teams, result.teams, in_file.teams),
        ("binding", current.bindings, result.bindings, in_file.bindings),
        ("grant", current.grants, result.grants, in_file.grants),
    )
    for thing, rows_before, rows_after, rows_in_file in groups:
        # A team that Airflow has lost and the file has is made again.
        before = {
            _key(row): row for row in rows_before if not _is_gone(row) or _key(row) not in map(_key, rows_in_file)
        }
        after = {_key(row): row for row in rows_after}
        wanted = {_key(row) for row in rows_in_file}
        for key, row in after.items():
            if key not in before:
                changes.append(Change(thing, "add", None, row))
            elif row != before[key] or managed_by(row) != managed_by(before[key]):
                changes.append(Change(thing, "change", before[key], row))
            elif key not in wanted and managed_by(row) == "file":
                kept.append(row)
        changes += [Change(thing, "remove", row, None) for key, row in before.items() if key not in after]
    return Plan(result, tuple(changes), _owner_changes(current, result, things), tuple(kept))


def _owner_changes(current: Policy, result: Policy, things: Iterable[Thing]) -> tuple[OwnerChange, ...]:
    if current.teams == result.teams and not any(map(_is_gone, current.teams)):
        return ()
    before, after = Ownership(current.teams), Ownership(result.teams)
    found = []
    for thing in things:
        where = (thing.kind, thing.id, thing.native, thing.uri)
        was, becomes = before.owner(*where), after.owner(*where)
        if (was.team, was.disputed) != (becomes.team, becomes.disputed):
            found.append(OwnerChange(thing, was, becomes))
    return tuple(found)


def _is_gone(row: Team | Binding | Grant) -> bool:
    return isinstance(row, Team) and not row.exists


def _key(row: Team | Binding | Grant) -> object:
    return row.name if isinstance(row, Team) else row.key


def managed_by(row: Team | Binding | Grant) -> str:
    """Return what a row is managed by: ``file``, or the surface that made it."""
    return row.managed_by if isinstance(row, Team) else row.origin.managed_by


def describe(row: Team | Binding | Grant | None) -> dict[str, Any]:
    """Return a row as plain values, for the plan and the audit log."""
    if row is None:
        return {}
    if isinstance(row, Team):
        values: dict[str, Any] = {
            "name": row.name,
            "description": row.description,
            "prefixes": list(row.prefixes),
            "asset_uris": list(row.asset_uris),
            "sources": list(row.sources),
            "resources": [str(reference) for reference in row.resources],
        }
    elif isinstance(row, Binding):
        values = {
            row.subject_kind: row.subject,
            "team": row.team,
            "role": row.role,
            "expires": row.expires and row.expires.isoformat(),
            "reason": row.reason,
        }
    else:
        values = {
            "to": row.to,
            "resource": str(row.resource),
            "team": row.team,
            "owner": row.owner,
            "actions": sorted(map(str, row.actions)),
            "expires": row.expires and row.expires.isoformat(),
            "reason": row.reason,
        }
    return values | {"managed_by": managed_by(row)}
