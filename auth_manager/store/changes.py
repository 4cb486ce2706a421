"""Every change to the policy: one transaction that writes, audits and makes a new revision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from airflow.models.asset import AssetAliasModel, AssetModel
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.log import Log
from airflow.models.pool import Pool
from airflow.models.team import Team as AirflowTeam
from airflow.models.team import dag_bundle_team_association_table as bundle_team
from airflow.models.variable import Variable
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from ..policy import document, selftests
from ..policy.evaluate import Evaluator
from ..policy.model import Binding, Grant, Kind, Policy, Team
from ..policy.plan import Change, Plan, Thing, describe, make_plan
from .models import BindingRow, ClaimRow, GrantRow, RevisionRow, TeamRow
from .native import native_teams_are_on
from .people import utcnow
from .roles import RoleBook, role_names
from .snapshot import read_policy


class Refused(Exception):
    """A change that is not made, and what to do instead. Nothing was written."""


@dataclass(frozen=True)
class Author:
    """Who makes a change, and through what."""

    name: str
    managed_by: str
    """``file``, ``cli``, ``api`` or ``ui``."""


def plan_file(text: str, *, prune: bool, asks: selftests.Asks, session: Session) -> Plan:
    """
    Say what applying a policy file would change. Writes nothing.

    :param text: the policy file
    :param prune: drop what an earlier file made and this one has not
    :param asks: what FAB is asked, for the file's tests
    :raises PolicyFileError: the file, or one of its tests, is wrong
    """
    read = document.parse(text)
    current = read_policy(session)
    result = document.merge(read, current, role_names(session), prune=prune)
    now = utcnow()
    roles = RoleBook(ttl=60).using(session)
    if failing := selftests.failures(read.tests, Evaluator(result), roles, asks, now):
        raise document.PolicyFileError(failing)
    in_file = Policy(tuple(read.teams.values()), read.bindings, read.grants)
    return make_plan(current, result, in_file, existing_things(session))


def apply_file(
    text: str, *, prune: bool, release: bool, asks: selftests.Asks, author: Author, session: Session
) -> Plan:
    """
    Apply a policy file in the session's transaction, and return what was changed.

    :param release: let existing resources of a team become unowned
    :raises PolicyFileError: the file, or one of its tests, is wrong
    :raises Refused: something would become unowned, or a team is still in use
    """
    _next_revision(session)
    plan = plan_file(text, prune=prune, asks=asks, session=session)
    check_released(plan, release=release)
    for change in plan.changes:
        _write(change, author, session)
    if not plan.changes:
        session.rollback()  # the revision too: nothing changed
    return plan


def check_released(plan: Plan, *, release: bool) -> None:
    """Refuse a plan under which a team would lose existing resources to nobody."""
    if plan.released and not release:
        lost = "\n".join(f"  {change}" for change in plan.released)
        raise Refused(
            f"{len(plan.released)} existing resource(s) would belong to no team, so that global roles reach "
            f"them:\n{lost}\nRun again with --release if that is meant."
        )


def existing_things(session: Session) -> Iterator[Thing]:
    """Yield all resources that exist in Airflow, with the team that it stores for each."""
    native = native_teams_are_on()
    dags = select(DagModel.dag_id, bundle_team.c.team_name).outerjoin(
        bundle_team, bundle_team.c.dag_bundle_name == DagModel.bundle_name
    )
    owned = {
        Kind.DAG: dags,
        Kind.CONNECTION: select(Connection.conn_id, Connection.team_name),
        Kind.VARIABLE: select(Variable.key, Variable.team_name),
        Kind.POOL: select(Pool.pool, Pool.team_name),
    }
    for kind, question in owned.items():
        for name, team in session.execute(question.order_by(question.selected_columns[0])):
            yield Thing(kind, name, native=team if native else None)
    for name, uri in session.execute(select(AssetModel.name, AssetModel.uri).order_by(AssetModel.name)):
        yield Thing(Kind.ASSET, name, uri=uri)
    for name in session.scalars(select(AssetAliasModel.name).order_by(AssetAliasModel.name)):
        yield Thing(Kind.ALIAS, name)


def _next_revision(session: Session) -> None:
    """Make the next revision. Its row is locked until the transaction ends: one change at a time."""
    values = {"value": RevisionRow.value + 1, "stamp": uuid4().hex}
    if not session.execute(update(RevisionRow).where(RevisionRow.id == 1).values(values)).rowcount:  # type: ignore[attr-defined]
        session.add(RevisionRow(id=1, value=1, stamp=uuid4().hex))
        session.flush()


def _write(change: Change, author: Author, session: Session) -> None:
    now = utcnow()
    row = change.after or change.before
    if isinstance(row, Team):
        _write_team(change, author, now, session)
    elif isinstance(row, Binding):
        _replace_row(BindingRow, change, _binding_row, author, now, session)
    elif isinstance(row, Grant):
        _replace_row(GrantRow, change, _grant_row, author, now, session)
    audit(
        f"team_rbac.{change.thing}.{change.verb}",
        author,
        session,
        before=describe(change.before),
        after=describe(change.after and _by(change.after, author)),
    )


def _by(row: Team | Binding | Grant, author: Author) -> Team | Binding | Grant:
    if isinstance(row, Team):
        return replace(row, managed_by=author.managed_by)
    return replace(row, origin=replace(row.origin, managed_by=author.managed_by))


def audit(event: str, author: Author, session: Session, **extra: object) -> None:
    """Write a row of Airflow's own audit log."""
    session.add(Log(event, owner=author.name, extra=json.dumps(extra | {"by": author.managed_by})))


def _write_team(change: Change, author: Author, now: datetime, session: Session) -> None:
    team = change.after or change.before
    assert isinstance(team, Team)  # noqa: S101 - for the type checker
    session.execute(delete(ClaimRow).where(ClaimRow.team_name == team.name))
    session.execute(delete(TeamRow).where(TeamRow.name == team.name))
    if change.after is None:
        _delete_airflow_team(team.name, session)
        return
    if session.get(AirflowTeam, team.name) is None:
        session.add(AirflowTeam(name=team.name))
    session.add(
        TeamRow(
            name=team.name,
            description=team.description,
            managed_by=author.managed_by,
            created_by=author.name,
            created_at=now,
        )
    )
    claims = {
        "prefix": team.prefixes,
        "asset_uri": team.asset_uris,
        "source": team.sources,
        "resource": tuple(map(str, team.resources)),
    }
    for what, values in claims.items():
        for position, value in enumerate(values):
            session.add(ClaimRow(team_name=team.name, what=what, value=value, position=position))
    session.flush()


def _delete_airflow_team(name: str, session: Session) -> None:
    """Delete Airflow's team, on the terms of ``airflow teams delete``: nothing may be stored under it."""
    stored = {
        "Dag bundle(s)": select(func.count()).where(bundle_team.c.team_name == name),
        "connection(s)": select(func.count()).where(Connection.team_name == name),
        "variable(s)": select(func.count()).where(Variable.team_name == name),
        "pool(s)": select(func.count()).where(Pool.team_name == name),
    }
    in_use = [f"{count} {what}" for what, question in stored.items() if (count := session.scalar(question))]
    if in_use:
        raise Refused(
            f"Team {name} cannot go: Airflow stores {', '.join(in_use)} under it. Move them to another team first."
        )
    session.execute(delete(AirflowTeam).where(AirflowTeam.name == name))


def _replace_row(model, change: Change, make, author: Author, now: datetime, session: Session) -> None:  # type: ignore[no-untyped-def]
    before = change.before
    if before is not None and not isinstance(before, Team):
        session.execute(delete(model).where(model.id == before.origin.id))
    if change.after is not None:
        row = make(change.after)
        row.managed_by, row.created_by, row.created_at = author.managed_by, author.name, now
        session.add(row)
        session.flush()


def _binding_row(binding: Binding) -> BindingRow:
    return BindingRow(
        subject_kind=binding.subject_kind,
        subject=binding.subject,
        team_name=binding.team,
        role=binding.role,
        expires=binding.expires,
        reason=binding.reason,
    )


def _grant_row(grant: Grant) -> GrantRow:
    return GrantRow(
        subject=grant.to,
        resource=str(grant.resource),
        team_name=grant.team,
        owner=grant.owner,
        actions=",".join(sorted(map(str, grant.actions))),
        expires=grant.expires,
        reason=grant.reason,
    )
