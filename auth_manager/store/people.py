"""Who a user id is: one small question a request, everything else from memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.configuration import conf
from airflow.models.revoked_token import RevokedToken
from airflow.providers.fab.auth_manager.models import Role as FabRole
from airflow.providers.fab.auth_manager.models import User as FabUser
from airflow.providers.fab.auth_manager.models import assoc_user_role
from airflow.settings import get_engine
from airflow.utils.session import create_session
from cachetools import TTLCache
from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ..policy.evaluate import Evaluator, Person, Principal, Standing
from ..policy.model import Kind, Permissions
from .models import ActiveTeamRow, IdentityRow, IdpGroupRow
from .roles import RoleBook
from .snapshot import PolicyUnavailable, Snapshot, read_version, version_columns


def utcnow() -> datetime:
    """Return the time that expiries are held against."""
    return datetime.now(tz=UTC)


@dataclass(frozen=True, eq=False)
class TeamUser(BaseUser):
    """The person of one request, with the policy that holds for it. Made anew for each request."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    principal: Principal = field(repr=False)
    evaluator: Evaluator = field(repr=False)
    active_team: str | None = None
    """The team that they work in, which is in their token; None for all. It narrows lists, and decides nothing."""
    narrowed: bool = False
    """Whether this request asks for a collection, which shows what concerns the active team (``gate.core_api``)."""
    listed: set[Any] = field(default_factory=set, repr=False)
    """What beneath Dags this request asked to list; see ``TeamAuthManager.get_authorized_dag_ids``."""
    named: dict[Kind, Any] = field(default_factory=dict, repr=False)
    """What the body of this request names, where Airflow does not tell the auth manager (``gate.table``)."""

    @property
    def sees(self) -> Principal:
        """Return the person as they count for a list: *View* in DESIGN section 3."""
        if not self.narrowed or self.active_team is None:
            return self.principal
        key = ("within", self.active_team)
        within: Principal | None = self.principal.memo.get(key)
        if within is None:
            within = self.principal.memo[key] = self.principal.within(self.active_team)
        return within

    def may_work_in(self, team: str) -> bool:
        """Whether a team is theirs to switch to."""
        return team in self.principal.teams or (self.principal.superuser and team in self.evaluator.team_names)

    is_active = True

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody signed in; the attribute that FAB reads."""
        return self.principal.signed_in

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody signed in."""
        return not self.principal.signed_in

    @property
    def perms(self) -> Permissions:
        """What is held in the deployment; the attribute that FAB reads."""
        return self.principal.everywhere.perms

    def get_id(self) -> str:
        """Return the id, as FAB's user does."""
        return str(self.id)

    def get_name(self) -> str:
        """Return the username, as FAB's user does."""
        return self.username or self.email or self.first_name

    def get_full_name(self) -> str:
        """Return first and last name."""
        return f"{self.first_name} {self.last_name}"

    def get_display_name(self) -> str:
        """Return the name to show."""
        return self.get_full_name()


class SignInLapsed(ValueError):
    """What the identity provider told at somebody's last sign-in holds no longer: *Freshness* in DESIGN section 3."""


_NOBODY = 0
"""An id that no user has."""


class _Facts(NamedTuple):
    """What the small question answers."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    roles: tuple[str, ...]
    groups_at: datetime | None


class People:
    """Finds people. One per process, shared by threads."""

    def __init__(self) -> None:
        # Twice half of FAB's own lag, so that a changed role holds as soon as it does with FAB alone.
        ttl = conf.getint("fab", "cache_ttl", fallback=30) / 2
        self._max_age = timedelta(seconds=conf.getint("team_rbac", "membership_max_age"))
        self.snapshot = Snapshot()
        self.roles = RoleBook(ttl)
        self._lock = threading.Lock()
        self._principals: TTLCache[object, Principal] = TTLCache(maxsize=4096, ttl=ttl)

    def find(self, user_id: int, active_team: str | None = None, token_id: str | None = None) -> TeamUser:
        """
        Return who a user id is now.

        :param active_team: the team that they work in; taken for none where it is not theirs
        :param token_id: the ``jti`` of the token that names them
        :raises ValueError: there is no such user, or not an active one, or the token is revoked
        :raises SignInLapsed: they have to sign in again
        :raises PolicyUnavailable: the database does not tell
        """
        with _reading() as connection:
            user = self._find(user_id, token_id, connection)
        return replace(user, active_team=active_team) if active_team and user.may_work_in(active_team) else user

    def nobody(self, perms: Permissions = frozenset()) -> TeamUser:
        """
        Return the person who is not signed in, whom no binding and no grant reaches.

        :param perms: what FAB's public role gives them
        :raises PolicyUnavailable: the database does not tell
        """
        principal = Principal(None, False, Standing(perms, ("the public role",)), {}, {}, (), None)
        return TeamUser(_NOBODY, "", "Anonymous", "", "", principal, self.evaluator())

    def start(self, user: TeamUser) -> str | None:
        """
        Return the team in which somebody starts who signs in: *View* in DESIGN section 3.

        :raises PolicyUnavailable: the database does not tell
        """
        with _reading() as connection:
            last = connection.scalar(
                select(ActiveTeamRow.team_name)
                .join(FabUser, _same_user(ActiveTeamRow))
                .where(ActiveTeamRow.user_id == user.id)
            )
        if last is None:
            return user.principal.bound[0] if len(user.principal.bound) > 1 else None
        return last if user.may_work_in(last) else None

    @staticmethod
    def remember(user: TeamUser, team: str | None) -> None:
        """Keep the team in which somebody is to start the next time."""
        try:
            _remember(user, team)
        except IntegrityError:  # another window of theirs chose for the first time, at the same time
            _remember(user, team)

    def evaluator(self) -> Evaluator:
        """Return the policy as it is now, for nobody in particular. Raises PolicyUnavailable."""
        with _reading() as connection:
            return self.snapshot.evaluator(read_version(connection), connection)[1]

    def _find(self, user_id: int, token_id: str | None, connection: Connection) -> TeamUser:
        rows = connection.execute(_question(), {"user_id": user_id, "token_id": token_id}).all()
        if not rows:
            raise ValueError(f"User with id {user_id} not found")
        row = rows[0]
        if not row.active:
            raise ValueError(f"User with id {user_id} is not active")
        if row.revoked:
            raise ValueError("Token has been revoked")
        if row.groups_at is not None and utcnow() >= row.groups_at + self._max_age:
            raise SignInLapsed(f"User with id {user_id} has to sign in again: [team_rbac] membership_max_age is over")
        version, evaluator = self.snapshot.evaluator((row.stamp, row.teams), connection)
        facts = _Facts(
            id=user_id,
            username=row.username,
            first_name=row.first_name,
            last_name=row.last_name,
            email=row.email,
            roles=tuple(sorted(row.role for row in rows if row.role is not None)),
            groups_at=row.groups_at,
        )
        principal = self._principal(facts, (facts, version), evaluator, connection)
        return TeamUser(user_id, facts.username, facts.first_name, facts.last_name, facts.email, principal, evaluator)

    def _principal(self, facts: _Facts, key: object, evaluator: Evaluator, connection: Connection) -> Principal:
        now = utcnow()
        with self._lock:
            principal = self._principals.get(key)
        if principal is None or (principal.until is not None and principal.until <= now):
            with Session(connection) as session:
                principal = self._make_principal(facts, evaluator, now, session)
            with self._lock:
                self._principals[key] = principal
        return principal

    def _make_principal(self, facts: _Facts, evaluator: Evaluator, now: datetime, session: Session) -> Principal:
        groups = groups_of(facts.id, session) if facts.groups_at is not None else frozenset()
        person = Person(facts.username, groups, facts.roles)
        return evaluator.principal(person, self.roles.using(session), now)


def _remember(user: TeamUser, team: str | None) -> None:
    with create_session(scoped=False) as session:
        created_on = session.scalar(select(FabUser.created_on).where(FabUser.id == user.id))
        session.merge(ActiveTeamRow(user_id=user.id, user_created_on=created_on, team_name=team or ""))


@contextmanager
def _reading() -> Iterator[Connection]:
    try:
        # Of its own: FAB's session is shared by what runs in the thread, and may be left in a failed state. A bare
        # connection, since on most requests there is nothing for the ORM to do, and nothing is ever written.
        with get_engine().connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise PolicyUnavailable(f"The policy cannot be read: {type(error).__name__}") from error


@cache
def _question() -> Any:
    """Make the small question, once: who is ``:user_id``, is ``:token_id`` revoked, which policy is written down?"""
    stamp, teams = version_columns()
    return (
        select(
            FabUser.username,
            FabUser.first_name,
            FabUser.last_name,
            FabUser.email,
            FabUser.active,
            IdentityRow.groups_at,
            FabRole.name.label("role"),
            stamp.label("stamp"),
            teams.label("teams"),
            exists().where(RevokedToken.jti == bindparam("token_id")).label("revoked"),
        )
        .select_from(FabUser)
        .outerjoin(IdentityRow, _same_user(IdentityRow))
        .outerjoin(assoc_user_role, assoc_user_role.c.user_id == FabUser.id)
        .outerjoin(FabRole, FabRole.id == assoc_user_role.c.role_id)
        .where(FabUser.id == bindparam("user_id"))
    )


def _same_user(row: type[IdentityRow] | type[ActiveTeamRow]) -> ColumnElement[bool]:
    return and_(row.user_id == FabUser.id, row.user_created_on.is_not_distinct_from(FabUser.created_on))


def groups_of(user_id: int, session: Session) -> frozenset[str]:
    """Return the groups that the IdP named at the user's last sign-in."""
    return frozenset(session.scalars(select(IdpGroupRow.name).where(IdpGroupRow.user_id == user_id)))


def set_groups(user_id: int, groups: Iterable[str], session: Session) -> None:
    """Replace the groups of a user. Names count exactly."""
    session.execute(delete(IdpGroupRow).where(IdpGroupRow.user_id == user_id))
    session.add_all(IdpGroupRow(user_id=user_id, name=name) for name in sorted(set(groups)))
