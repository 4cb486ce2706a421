"""The policy as it is written down, loaded once per revision and then answered from memory."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from typing import Any

from airflow.configuration import conf
from airflow.models.team import Team as AirflowTeam
from airflow.utils.session import create_session
from sqlalchemy import Connection, func, literal_column, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from ..policy.evaluate import Evaluator
from ..policy.model import Action, Binding, Grant, Origin, Policy, Reference, Team
from .models import BindingRow, ClaimRow, GrantRow, RevisionRow, TeamRow


class PolicyUnavailable(Exception):
    """The policy cannot be read. The answer is an error (503), never yes and never an old yes."""


Version = tuple[str | None, str | None]
"""What the policy in memory was made of: our revision's stamp, and the names of Airflow's teams, if any."""


def version_columns() -> tuple[ColumnElement[str | None], ColumnElement[str | None]]:
    """
    Return the two columns that tell a ``Version``, to stand in any one-row question.

    Airflow's own ``airflow teams create`` and ``delete`` do not know our revision, so the names are asked too.
    """
    stamp = select(RevisionRow.stamp).where(RevisionRow.id == literal_column("1")).scalar_subquery()
    # Written out, since SQLAlchemy puts a separator that is bound into the text of each statement anew.
    comma: Any = literal_column("','")
    teams = select(func.aggregate_strings(AirflowTeam.name, comma)).scalar_subquery()
    return stamp, teams


def read_version(connection: Connection) -> Version:
    """Ask which policy is written down now."""
    stamp, teams = connection.execute(select(*version_columns())).one()
    return stamp, teams


def read_revision(session: Session) -> int:
    """Ask how many changes there were."""
    return session.scalar(select(RevisionRow.value).where(RevisionRow.id == 1)) or 0


def read_policy(session: Session) -> Policy:
    """Read everything that is written down."""
    claims: dict[tuple[str, str], list[str]] = defaultdict(list)
    for claim in session.scalars(select(ClaimRow).order_by(ClaimRow.position)):
        claims[claim.team_name, claim.what].append(claim.value)
    known = {row.name: row for row in session.scalars(select(TeamRow))}
    exist = set(session.scalars(select(AirflowTeam.name)))
    teams = tuple(
        Team(
            name,
            row.description if (row := known.get(name)) else "",
            prefixes=tuple(claims[name, "prefix"]),
            asset_uris=tuple(claims[name, "asset_uri"]),
            sources=tuple(claims[name, "source"]),
            resources=tuple(map(Reference.parse, claims[name, "resource"])),
            managed_by=row.managed_by if row else "airflow",
            exists=name in exist,
        )
        for name in sorted(exist | known.keys())
    )
    bindings = tuple(
        Binding(row.subject_kind, row.subject, row.role, row.team_name, row.expires, row.reason, _origin(row))
        for row in session.scalars(select(BindingRow).order_by(BindingRow.id))
    )
    grants = tuple(
        Grant(
            to=row.subject,
            resource=Reference.parse(row.resource),
            actions=frozenset(map(Action, row.actions.split(","))),
            owner=row.owner,
            reason=row.reason,
            expires=row.expires,
            team=row.team_name,
            origin=_origin(row),
        )
        for row in session.scalars(select(GrantRow).order_by(GrantRow.id))
    )
    roles = [name.strip() for name in conf.get("team_rbac", "superuser_roles").split(",")]
    return Policy(
        teams,
        bindings,
        grants,
        superuser_roles=frozenset(filter(None, roles)),
        unowned_denied=unowned_denied(),
    )


def unowned_denied() -> bool:
    """Read ``[team_rbac] unowned``. Raises ValueError where it is neither ``fab`` nor ``deny``."""
    value = conf.get("team_rbac", "unowned").strip().lower()
    if value not in ("fab", "deny"):
        raise ValueError(f"[team_rbac] unowned is {value!r}; write fab or deny")
    return value == "deny"


def _origin(row: BindingRow | GrantRow) -> Origin:
    return Origin(row.id, row.managed_by, row.created_by)


class Snapshot:
    """Keeps the newest policy in memory. One per process, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: tuple[Version, Evaluator] | None = None

    def evaluator(self, version: Version, connection: Connection) -> tuple[Version, Evaluator]:
        """
        Return the policy of a version just read, and the version that it really is.

        Another version may have been written since: then that one is loaded, never an older one.
        """
        held = self._held
        if held is not None and held[0] == version:
            return held
        with self._lock, Session(connection) as session:
            if self._held is not None and self._held[0] == version:
                return self._held
            while True:
                try:
                    evaluator = Evaluator(read_policy(session))
                except (ValueError, KeyError, re.error) as error:
                    raise PolicyUnavailable(f"The policy that is stored makes no sense: {error}") from error
                now = read_version(connection)
                if now == version:
                    break
                version = now  # written to while it was read
                session.expire_all()
            self._held = (version, evaluator)
            return self._held


_shared = Snapshot()


def policy_now() -> Evaluator:
    """Return the policy as it is now, in processes that serve no requests. Raises PolicyUnavailable."""
    with create_session(scoped=False) as session:  # of its own: the caller's may hold what is not written yet
        connection = session.connection()
        return _shared.evaluator(read_version(connection), connection)[1]
