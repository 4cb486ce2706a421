"""Which FAB user somebody is. An identity is an issuer and a subject, never a username alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.providers.fab.auth_manager.models import User
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash

from ..login.claims import SignInRefused, issuer_of
from ..policy.evaluate import Person
from .changes import Author, Refused, audit
from .models import IdentityRow, IdpGroupRow
from .people import groups_of, set_groups, utcnow
from .roles import RoleBook
from .snapshot import policy_now

if TYPE_CHECKING:
    from ..login.claims import Identity

FAB = "fab"
"""The issuer of those whom FAB's own ways to sign in know, by their username alone."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def sign_in(identity: Identity, session: Session) -> User:
    """
    Find or make the FAB user of an identity and keep its groups, all in one commit.

    People made this way hold no FAB role: what they may do, bindings say.

    :raises SignInRefused: it is not certain that the account is theirs, or it is not active. Nothing is kept.
    """
    user = _linked(identity.issuer, identity.subject, session) or _linkable(identity, session)
    if user is None:
        user = User(username=identity.username, active=True, roles=[])
        session.add(user)
    elif not user.is_active:
        raise SignInRefused(f"The account {user.username!r} is disabled. Ask an administrator.")
    user.first_name, user.last_name = identity.first_name, identity.last_name
    user.email = identity.email or f"{identity.username}@email.notfound"
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise SignInRefused(
            f"Another account has the e-mail address {identity.email!r}. Ask an administrator which is yours."
        ) from None
    _write(user, identity.issuer, identity.subject, utcnow(), session)
    set_groups(user.id, identity.groups, session)
    session.commit()
    return user


def keep_groups(user: User, groups: Iterable[str], session: Session) -> None:
    """
    Keep the groups that one of FAB's own ways to sign in was told. Commits.

    FAB does not tell none from not being told: of whoever has none, nothing is kept that could lapse.
    """
    told, known = frozenset(groups), identity_of(user, session)
    issuer, subject = (known.issuer, known.subject) if known is not None else (FAB, user.username)
    if told or issuer != FAB:
        _write(user, issuer, subject, utcnow(), session)
    elif known is not None:
        session.delete(known)
    set_groups(user.id, told, session)
    session.commit()


def link(username: str, issuer: str, subject: str, author: Author, session: Session) -> None:
    """
    Say that an account is somebody's at the provider. They sign in anew, whoever was signed in with it.

    :raises Refused: there is no such account, or they have another one
    """
    user, issuer = account(username, session), issuer_of(issuer)
    taken = _linked(issuer, subject, session)
    if taken is not None and taken is not user:
        raise Refused(
            f"{subject!r} of {issuer} is {taken.username!r} here. First: airflow team-rbac identities unlink "
            f"{taken.username}"
        )
    _write(user, issuer, subject, _NEVER, session)
    set_groups(user.id, (), session)
    audit("team_rbac.identity.link", author, session, username=user.username, issuer=issuer, subject=subject)


def unlink(username: str, author: Author, session: Session) -> None:
    """
    Forget who an account is at the provider, and their groups.

    :raises Refused: there is no such account, or it is nobody's there
    """
    user = account(username, session)
    row = identity_of(user, session)
    if row is None:
        raise Refused(f"{username!r} is not linked to anybody at an identity provider")
    audit("team_rbac.identity.unlink", author, session, username=username, issuer=row.issuer, subject=row.subject)
    session.delete(row)
    session.execute(delete(IdpGroupRow).where(IdpGroupRow.user_id == user.id))


def identity_of(user: User, session: Session) -> IdentityRow | None:
    """Return who a user is at the provider."""
    row = session.get(IdentityRow, user.id)
    # A deleted user's id may have gone to somebody else since.
    return row if row is not None and row.user_created_on == user.created_on else None


def account(username: str, session: Session) -> User:
    """Return a FAB user. Raises Refused where there is none."""
    user: User | None = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise Refused(f"There is no account {username!r}. airflow users list shows them")
    return user


@dataclass(frozen=True)
class Known:
    """Somebody as they are known here and at the provider."""

    username: str
    issuer: str
    subject: str
    groups_at: datetime | None
    """When they signed in last; None for never."""
    groups: tuple[str, ...]


def all_identities(session: Session) -> list[Known]:
    """Return who FAB's users are at the provider, by username."""
    rows = session.execute(
        select(User.username, IdentityRow)
        .join(IdentityRow, IdentityRow.user_id == User.id)
        .where(User.created_on.is_not_distinct_from(IdentityRow.user_created_on))
        .order_by(User.username)
    )
    return [
        Known(
            username,
            row.issuer,
            row.subject,
            None if row.groups_at == _NEVER else row.groups_at,
            tuple(sorted(groups_of(row.user_id, session))),
        )
        for username, row in rows
    ]


def _write(user: User, issuer: str, subject: str, groups_at: datetime, session: Session) -> None:
    session.execute(delete(IdentityRow).where(IdentityRow.user_id == user.id))
    session.execute(delete(IdentityRow).where(IdentityRow.issuer == issuer, IdentityRow.subject == subject))
    session.add(
        IdentityRow(
            user_id=user.id,
            user_created_on=user.created_on,
            issuer=issuer,
            subject=subject,
            groups_at=groups_at,
        )
    )


def _linked(issuer: str, subject: str, session: Session) -> User | None:
    row = session.scalar(select(IdentityRow).where(IdentityRow.issuer == issuer, IdentityRow.subject == subject))
    user = session.get(User, row.user_id) if row is not None else None
    return user if user is not None and identity_of(user, session) is row else None


def _linkable(identity: Identity, session: Session) -> User | None:
    """Return the account of that username, if it may be taken to be theirs at their first sign-in."""
    user: User | None = session.scalar(select(User).where(func.lower(User.username) == identity.username.lower()))
    if user is None:
        if _is_superuser(identity.username, (), session):
            raise SignInRefused(
                f"A binding makes {identity.username!r} an administrator, and there is no such account yet: a name is "
                "not enough. If it is you, ask an administrator to make the account (airflow users create) and to link "
                f"it: airflow team-rbac identities link {identity.username} --subject {identity.subject}"
            )
        return None
    known = f"There is an account {user.username!r} already"
    mend = (
        "If it is yours, ask an administrator to link it: "
        f"airflow team-rbac identities link {user.username} --subject {identity.subject}"
    )
    row = identity_of(user, session)
    if row is not None and row.issuer != FAB:
        raise SignInRefused(f"{known}, and it is somebody else's at the identity provider. {mend}")
    if user.password and not check_password_hash(user.password, ""):  # FAB hashes "" for its OAuth users
        raise SignInRefused(f"{known}, with a password of its own. {mend}")
    if _is_superuser(user.username, tuple(role.name for role in user.roles), session):
        raise SignInRefused(f"{known}, and it is an administrator's. {mend}")
    return user


def _is_superuser(username: str, roles: tuple[str, ...], session: Session) -> bool:
    """Whether somebody would be one by their name and roles, whatever groups the provider names."""
    person = Person(username, frozenset(), roles)
    return policy_now().principal(person, RoleBook(ttl=60).using(session), utcnow()).superuser
