"""Which FAB user somebody is. An identity is an issuer and a subject, never a username alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.providers.fab.auth_manager.models import User
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash

from ..login.claims import SignInRefused
from .models import IdentityRow
from .people import set_groups, utcnow

if TYPE_CHECKING:
    from ..login.claims import Identity


def sign_in(identity: Identity, session: Session) -> User:
    """
    Find or make the FAB user of an identity and keep its groups, all in one commit.

    People made this way hold no FAB role: what they may do, bindings say.

    :raises SignInRefused: it is not certain that the account is theirs, or it is not active. Nothing is kept.
    """
    user = _linked(identity, session) or _linkable(identity, session)
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
    session.execute(delete(IdentityRow).where(IdentityRow.user_id == user.id))
    session.execute(
        delete(IdentityRow).where(IdentityRow.issuer == identity.issuer, IdentityRow.subject == identity.subject)
    )
    session.add(
        IdentityRow(
            user_id=user.id,
            user_created_on=user.created_on,
            issuer=identity.issuer,
            subject=identity.subject,
            groups_at=utcnow(),
        )
    )
    set_groups(user.id, identity.groups, session)
    session.commit()
    return user


def _identity_of(user: User, session: Session) -> IdentityRow | None:
    row = session.get(IdentityRow, user.id)
    # A deleted user's id may have gone to somebody else since.
    return row if row is not None and row.user_created_on == user.created_on else None


def _linked(identity: Identity, session: Session) -> User | None:
    row = session.scalar(
        select(IdentityRow).where(IdentityRow.issuer == identity.issuer, IdentityRow.subject == identity.subject)
    )
    user = session.get(User, row.user_id) if row is not None else None
    return user if user is not None and _identity_of(user, session) is row else None


def _linkable(identity: Identity, session: Session) -> User | None:
    """Return the account of that username, if it may be taken to be theirs at their first sign-in."""
    user: User | None = session.scalar(select(User).where(func.lower(User.username) == identity.username.lower()))
    if user is None:
        return None
    known = f"There is an account {user.username!r} already"
    if _identity_of(user, session) is not None:
        raise SignInRefused(f"{known}, and it is somebody else's at the identity provider. Ask an administrator.")
    if user.password and not check_password_hash(user.password, ""):  # FAB hashes "" for its OAuth users
        raise SignInRefused(f"{known}, with a password of its own. Ask an administrator to rename or remove it.")
    superusers = {name.strip().casefold() for name in conf.get("team_rbac", "superuser_roles").split(",")}
    if any(role.name.casefold() in superusers for role in user.roles):
        raise SignInRefused(f"{known}, and it is an administrator's. Ask an administrator to rename or remove it.")
    return user
