"""Which Dags somebody may see, as a question that the database answers without naming every Dag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from functools import cache, cached_property
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.team import dag_bundle_team_association_table as bundle_team
from airflow.utils.session import create_session
from sqlalchemy import ColumnElement, Engine, Select, and_, false, func, or_, select, text
from sqlalchemy.orm import Session

from ..policy.evaluate import Evaluator, Principal, Resource, Standing
from ..policy.model import Action, Kind

ANY_DAG = "*"
"""Asked about as a Dag id, it stands for no Dag in particular: no Dag can have it."""

_RANGES_UP_TO = 20
"""From about as many prefixes on, one scan is faster than a range for each (DESIGN, performance)."""

PermitsDag = Callable[[Standing, str], bool]
"""FAB's answer for what is held in one place, about one Dag id."""


class DagIds(Set[str]):
    """
    A set of Dag ids that need not be read.

    Core hands it to ``in_``, where it is a subquery instead of a list of all ids: ``__clause_element__``.
    Whoever iterates it, asks it for an id or calls a method of ``set`` on it gets the ids.
    """

    def __init__(self, clause: Select[Any]) -> None:
        self._clause = clause

    def __clause_element__(self) -> Select[Any]:
        return self._clause

    @cached_property
    def _ids(self) -> frozenset[str]:
        with create_session(scoped=False) as session:
            return frozenset(session.scalars(self._clause))

    def __bool__(self) -> bool:
        # Core writes ``ids or set()``, which must not ask the database.
        return True

    def __contains__(self, dag_id: object) -> bool:
        return dag_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(frozenset, name):
            raise AttributeError(name)  # whoever only looks what this is must not have it read
        return getattr(self._ids, name)

    @classmethod
    def _from_iterable(cls, ids: Iterable[Any]) -> frozenset[Any]:
        return frozenset(ids)


def dag_ids(
    evaluator: Evaluator,
    principal: Principal,
    action: Action | None,
    permits: PermitsDag,
    *,
    asked: Hashable,
    native: bool,
    session: Session,
) -> Set[str]:
    """
    Return the ids of the Dags that somebody may do something to.

    :param asked: what ``permits`` answers; the same for the same question
    :param native: ``[core] multi_team`` is on, so that a Dag's bundle may name its owner
    """
    if principal.superuser or (not evaluator.owns_anything(native) and _all_unowned(evaluator, principal, permits)):
        return DagIds(_EVERY_DAG)
    if native or _all_unowned(evaluator, principal, permits):
        return _one_by_one(evaluator, principal, action, permits, native, session)
    if any(grant.resource.is_pattern for grant in principal.grants.get(Kind.DAG, ())):
        return DagIds(_own(evaluator, principal, action, permits, session))  # what it matches is asked each time
    key = ("dag_ids", asked, session.get_bind().dialect.name)
    clause = principal.memo.get(key)
    if clause is None:
        clause = principal.memo[key] = _own(evaluator, principal, action, permits, session)
    return DagIds(clause)


_EVERY_DAG = select(DagModel.dag_id)


def _own(
    evaluator: Evaluator, principal: Principal, action: Action | None, permits: PermitsDag, session: Session
) -> Select[Any]:
    criteria = [*_of_teams(evaluator, principal, permits, session)]
    single = _single(evaluator, principal, action, permits, session)
    if single:
        criteria.append(DagModel.dag_id.in_(single))
    return select(DagModel.dag_id).where(or_(false(), *criteria))


def _all_unowned(evaluator: Evaluator, principal: Principal, permits: PermitsDag) -> bool:
    return not evaluator.policy.unowned_denied and permits(principal.everywhere, ANY_DAG)


def _one_by_one(
    evaluator: Evaluator,
    principal: Principal,
    action: Action | None,
    permits: PermitsDag,
    native: bool,
    session: Session,
) -> set[str]:
    question: Select[Any] = select(DagModel.dag_id)
    if native:
        question = select(DagModel.dag_id, bundle_team.c.team_name).outerjoin(
            bundle_team, bundle_team.c.dag_bundle_name == DagModel.bundle_name
        )
    # Most Dags are answered by what is the same for all of a place; this is asked on every list.
    unowned, own = _all_unowned(evaluator, principal, permits), _own_teams(principal, permits)
    granted = bool(principal.grants.get(Kind.DAG))
    found = set()
    for dag_id, *team in session.execute(question):
        owner = evaluator.ownership.owner(Kind.DAG, dag_id, *team)
        if (unowned and owner.is_unowned) or owner.team in own:
            found.add(dag_id)
        elif granted or owner.is_unowned:
            resource = Resource(Kind.DAG, dag_id, owner)
            if evaluator.decide(principal, resource, action, lambda standing: permits(standing, dag_id)):  # noqa: B023
                found.add(dag_id)
    return found


def _own_teams(principal: Principal, permits: PermitsDag) -> set[str]:
    return {name for name, standing in principal.teams.items() if permits(standing, ANY_DAG)}


def _of_teams(
    evaluator: Evaluator, principal: Principal, permits: PermitsDag, session: Session
) -> Iterator[ColumnElement[bool]]:
    """Yield what the prefixes and lists of the teams reach in which this is permitted."""
    names = _own_teams(principal, permits)
    teams = [team for team in evaluator.policy.teams if team.name in names]
    listed = {team.name: [ref.id for ref in team.resources if ref.kind is Kind.DAG] for team in evaluator.policy.teams}
    prefixes = [prefix for team in teams for prefix in team.prefixes]
    if prefixes:
        begins = _begins_with_one_of(prefixes, session)
        elsewhere = [dag_id for name, ids in listed.items() if name not in names for dag_id in ids]
        yield and_(begins, DagModel.dag_id.not_in(elsewhere)) if elsewhere else begins
    own = [dag_id for name in names for dag_id in listed[name]]
    if own:
        yield DagModel.dag_id.in_(own)


def _begins_with_one_of(prefixes: list[str], session: Session) -> ColumnElement[bool]:
    by_length: dict[int, list[str]] = defaultdict(list)
    for prefix in prefixes:
        by_length[len(prefix)].append(prefix)
    # Right under every collation, which LIKE and ranges are not.
    exactly = or_(*(func.substr(DagModel.dag_id, 1, n).in_(some) for n, some in sorted(by_length.items())))
    if len(prefixes) > _RANGES_UP_TO or not _orders_by_bytes(session.get_bind().engine):
        return exactly
    ranges = (
        and_(DagModel.dag_id >= prefix, DagModel.dag_id < prefix[:-1] + chr(ord(prefix[-1]) + 1)) for prefix in prefixes
    )
    return and_(or_(*ranges), exactly)


@cache
def _orders_by_bytes(engine: Engine) -> bool:
    """Whether a range over the primary key misses nothing that begins alike."""
    if engine.dialect.name != "postgresql":
        return engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        of_column = connection.scalar(
            text(
                "SELECT collation_name FROM information_schema.columns "
                "WHERE table_schema = current_schema() AND table_name = 'dag' AND column_name = 'dag_id'"
            )
        )
        # As JSON, since the columns of this table differ between versions of PostgreSQL.
        database = connection.scalar(
            text("SELECT to_jsonb(d) FROM pg_database d WHERE datname = current_database()"),
        )
    if of_column is not None:
        return of_column in _BY_BYTES
    return database["datcollate"] in _BY_BYTES and database.get("datlocprovider", "c") == "c"


_BY_BYTES = ("C", "POSIX", "C.UTF-8", "C.utf8")


def _single(
    evaluator: Evaluator, principal: Principal, action: Action | None, permits: PermitsDag, session: Session
) -> list[str]:
    """Return the Dags that are reached one by one: by grants, and by FAB's per-Dag permissions."""
    grants = [grant for grant in principal.grants.get(Kind.DAG, ()) if action in grant.effective]
    candidates = {grant.resource.id for grant in grants if not grant.resource.is_pattern}
    heads = {grant.resource.head for grant in grants if grant.resource.is_pattern}
    if heads:
        by_head = or_(*(func.substr(DagModel.dag_id, 1, len(head)) == head for head in heads))
        candidates.update(session.scalars(select(DagModel.dag_id).where(by_head)))
    candidates.update(name.partition(":")[2] for _, name in principal.everywhere.perms if name.startswith("DAG:"))
    found = []
    for dag_id in candidates:
        resource = Resource(Kind.DAG, dag_id, evaluator.ownership.owner(Kind.DAG, dag_id))
        if evaluator.decide(principal, resource, action, lambda standing: permits(standing, dag_id)):  # noqa: B023
            found.append(dag_id)
    return found
