"""Which Dags and assets somebody may see, as a question that the database answers without naming every one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, TypeVar

from airflow.models.asset import AssetAliasModel, AssetModel
from airflow.models.dag import DagModel
from airflow.models.team import dag_bundle_team_association_table as bundle_team
from airflow.utils.session import create_session
from sqlalchemy import (
    ColumnElement,
    Engine,
    LargeBinary,
    Select,
    and_,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.orm import Session

from ..policy.evaluate import Evaluator, Principal, Resource, Standing
from ..policy.model import Action, Kind, Reference, Team, fold

ANY = "*"
"""Asked about as an id, it stands for nothing in particular: no Dag can have it."""

_RANGES_UP_TO = 20
"""From about as many prefixes on, one scan is faster than a range for each (DESIGN, performance)."""

PermitsOne = Callable[[Standing, str], bool]
"""FAB's answer for what is held in one place, about one id."""


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

    def holds(self, column: Any) -> ColumnElement[bool]:
        """Return whether a row's column names one of them: that looks up its Dag, where ``in_`` may read every Dag."""
        return _holds(self._clause, column)

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


@lru_cache(maxsize=256)
def _holds(clause: Select[Any], column: Any) -> ColumnElement[bool]:
    # Remembered, since to make it takes as long as to ask: for most people the clause is the same every time.
    return exists().where(clause.subquery().c.dag_id == column)


_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Listed:
    """What a list is of: a kind, and the columns that tell the owner of a row."""

    kind: Kind
    key: Any
    """What core filters by."""
    name: Any
    uri: Any = None


DAGS = Listed(Kind.DAG, DagModel.dag_id, DagModel.dag_id)
ASSETS = Listed(Kind.ASSET, AssetModel.id, AssetModel.name, AssetModel.uri)
ALIASES = Listed(Kind.ALIAS, AssetAliasModel.id, AssetAliasModel.name)


@dataclass(frozen=True)
class Reach:
    """What somebody may do something to, of what is listed."""

    evaluator: Evaluator
    principal: Principal
    action: Action | None
    permits: PermitsOne
    asked: Hashable
    """What ``permits`` answers; the same for the same question."""
    session: Session

    def dag_ids(self, *, native: bool) -> Set[str]:
        """
        Return the ids of the Dags.

        :param native: ``[core] multi_team`` is on, so that a Dag's bundle may name its owner
        """
        if self.principal.superuser or (not self.evaluator.owns_anything(native) and self._all_unowned):
            return DagIds(_EVERY_DAG)
        if native:
            return self._one_by_one()
        pure, certain, doubtful = self._remembered("dags", self._make_dags)
        found = self._decided(DAGS, doubtful)
        return DagIds(_EVERY_DAG.where(or_(pure, DagModel.dag_id.in_(found))) if found else certain)

    def _make_dags(self) -> tuple[ColumnElement[bool], Select[Any], Select[Any] | None]:
        pure = self._certain_dags()
        return pure, _EVERY_DAG.where(pure), self._doubtful(DAGS)

    def rows(self, listed: Listed) -> ColumnElement[bool]:
        """
        Return what a row of assets or of aliases has to be.

        Of what no team could own nothing is read. Of the rest, only what they could reach: each is decided about.
        """
        if self.principal.superuser:
            return true()
        pure, doubtful = self._remembered(
            listed.kind,
            lambda: (
                self._unowned(listed) if self._all_unowned else false(),
                self._doubtful(listed, *self._reachable(listed)),
            ),
        )
        found = self._decided(listed, doubtful)
        return or_(pure, listed.key.in_(found)) if found else pure

    @cached_property
    def _all_unowned(self) -> bool:
        return not self.evaluator.policy.unowned_denied and self.permits(self.principal.everywhere, ANY)

    @cached_property
    def _own_teams(self) -> list[Team]:
        names = {name for name, standing in self.principal.teams.items() if self.permits(standing, ANY)}
        return [team for team in self.evaluator.policy.teams if team.name in names]

    def _remembered(self, what: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what follows from the principal alone, and is asked for on every list."""
        key = ("list", what, self.asked, self._dialect)
        found: _Made | None = self.principal.memo.get(key)
        if found is None:
            found = self.principal.memo[key] = make()
        return found

    @property
    def _dialect(self) -> str:
        return self.session.get_bind().dialect.name

    def _may(self, resource: Resource) -> bool:
        return self.evaluator.decide(
            self.principal, resource, self.action, lambda standing: self.permits(standing, resource.id)
        ).allowed

    # What is decided in the database ----------------------------------------------------------------

    def _certain_dags(self) -> ColumnElement[bool]:
        """What the teams' prefixes and lists tell, single grants, and that nobody owns it."""
        criteria = []
        listed = {
            team.name: [ref.id for ref in team.resources if ref.kind is Kind.DAG]
            for team in self.evaluator.policy.teams
        }
        own = {team.name for team in self._own_teams}
        prefixes = [prefix for team in self._own_teams for prefix in team.prefixes]
        if prefixes:
            begins = _begins_with_one_of(prefixes, self.session)
            elsewhere = [dag_id for name, ids in listed.items() if name not in own for dag_id in ids]
            criteria.append(and_(begins, DagModel.dag_id.not_in(elsewhere)) if elsewhere else begins)
        named = {dag_id for name in own for dag_id in listed[name]}
        # Those that are reached one by one: by grants, and by FAB's per-Dag permissions.
        candidates = {ref.id for ref in self._granted(Kind.DAG) if not ref.is_pattern}
        candidates.update(
            name.partition(":")[2] for _, name in self.principal.everywhere.perms if name.startswith("DAG:")
        )
        owner = self.evaluator.ownership.owner
        named.update(one for one in candidates if self._may(Resource(Kind.DAG, one, owner(Kind.DAG, one))))
        if named:
            criteria.append(DagModel.dag_id.in_(named))
        if self._all_unowned:
            criteria.append(self._unowned(DAGS))
        return or_(false(), *criteria)

    def _unowned(self, listed: Listed) -> ColumnElement[bool]:
        """What certainly has no owner: plain text that no prefix begins, letter case ignored, and no team lists."""
        teams, dialect = self.evaluator.policy.teams, self._dialect
        claims = [(listed.name, [prefix for team in teams for prefix in team.prefixes])]
        if listed.uri is not None:
            claims.append((listed.uri, [uri for team in teams for uri in team.asset_uris]))
        criteria = []
        for column, prefixes in claims:
            criteria.append(_is_plain(column, dialect))
            exact = column.collate("C") if dialect == "postgresql" else column
            criteria += [_is_none_of(func.lower(_head(exact, n)), some) for n, some in _by_length(map(fold, prefixes))]
        named = [ref.id for team in teams for ref in team.resources if ref.kind is listed.kind]
        return and_(*criteria, listed.name.not_in(named)) if named else and_(*criteria)

    # What is read, and decided about one by one -----------------------------------------------------

    def _decided(self, listed: Listed, doubtful: Select[Any] | None) -> list[Any]:
        if doubtful is None:
            return []
        owner = self.evaluator.ownership.owner
        return [
            key
            for key, name, *uri in self.session.connection().execute(doubtful)
            if self._may(Resource(listed.kind, name, owner(listed.kind, name, None, *uri)))
        ]

    def _doubtful(self, listed: Listed, *reachable: ColumnElement[bool]) -> Select[Any] | None:
        """What a grant of a pattern could match, what the database cannot tell to be unowned, and ``reachable``."""
        texts = [listed.name] if listed.uri is None else [listed.name, listed.uri]
        patterns = {ref.head for ref in self._granted(listed.kind) if ref.is_pattern}
        criteria = [*reachable, *_begins_exactly(listed.name, patterns)]
        if self._all_unowned:
            criteria += [not_(_is_plain(one, self._dialect)) for one in texts]
        # Bare columns, asked for by the connection: the ORM would take twice the time, and has nothing to do here.
        columns = (one.property.columns[0] for one in (listed.key, *texts))
        return select(*columns).where(or_(*criteria)) if criteria else None

    def _granted(self, kind: Kind) -> list[Reference]:
        return [grant.resource for grant in self.principal.grants.get(kind, ()) if self.action in grant.effective]

    def _reachable(self, listed: Listed) -> list[ColumnElement[bool]]:
        """What could be of their teams, or granted by its name."""
        criteria = _begins_exactly(listed.name, {prefix for team in self._own_teams for prefix in team.prefixes})
        if listed.uri is not None:
            criteria += _begins_exactly(listed.uri, {uri for team in self._own_teams for uri in team.asset_uris})
        named = {ref.id for team in self._own_teams for ref in team.resources if ref.kind is listed.kind}
        named.update(ref.id for ref in self._granted(listed.kind) if not ref.is_pattern)
        return [*criteria, listed.name.in_(named)] if named else criteria

    def _one_by_one(self) -> set[str]:
        question = select(DagModel.dag_id, bundle_team.c.team_name).outerjoin(
            bundle_team, bundle_team.c.dag_bundle_name == DagModel.bundle_name
        )
        # Most Dags are answered by what is the same for all of a place; this is asked on every list.
        own, granted = {team.name for team in self._own_teams}, bool(self.principal.grants.get(Kind.DAG))
        found = set()
        for dag_id, team in self.session.execute(question):
            owner = self.evaluator.ownership.owner(Kind.DAG, dag_id, team)
            if (
                (self._all_unowned and owner.is_unowned)
                or owner.team in own
                or ((granted or owner.is_unowned) and self._may(Resource(Kind.DAG, dag_id, owner)))
            ):
                found.add(dag_id)
        return found


_EVERY_DAG = select(DagModel.dag_id)


def _by_length(texts: Iterable[str]) -> list[tuple[int, list[str]]]:
    by_length: dict[int, set[str]] = defaultdict(set)
    for one in texts:
        by_length[len(one)].add(one)
    return [(n, sorted(some)) for n, some in sorted(by_length.items())]


def _head(column: Any, n: int) -> Any:
    # Numbers of ours, written out: each bound one costs a statement with loader criteria dearly.
    return func.substr(column, literal_column("1"), literal_column(str(n)))


def _is_none_of(column: Any, texts: list[str]) -> Any:
    # The same for everybody under one policy, and so written out where that is plainly safe: see ``_head``.
    if all(re.fullmatch(r"[a-z0-9_.:/-]+", one) for one in texts):
        written = ", ".join(f"'{one}'" for one in texts)
        return column.bool_op("NOT IN")(literal_column(f"({written})"))
    return column.not_in(texts)


def _begins_exactly(column: Any, prefixes: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return what begins so under every collation, which LIKE and ranges do not."""
    return [_head(column, n).in_(some) for n, some in _by_length(prefixes)]


def _is_plain(column: Any, dialect: str) -> Any:
    """Whether a text is ASCII, of which the database makes lower case as ``fold`` does. Where in doubt, it is not."""
    if dialect == "sqlite":
        return func.length(cast(column, LargeBinary)) == func.length(column)
    if dialect == "postgresql":
        return column.collate("C").regexp_match(literal_column("'^[ -~]*$'"))
    return false()


def _begins_with_one_of(prefixes: list[str], session: Session) -> ColumnElement[bool]:
    exactly = or_(*_begins_exactly(DagModel.dag_id, prefixes))
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
