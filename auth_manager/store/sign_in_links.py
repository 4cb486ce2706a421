"""Links that sign somebody in once, for when the identity provider is down."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from airflow.providers.fab.auth_manager.models import User
from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from ..login.claims import SignInRefused
from .changes import Author, Refused, audit
from .identities import account, identity_of
from .models import SignInLinkRow
from .people import utcnow

_REFUSED = "This link does not sign anybody in: it was used, it is too old, or it is no such link. Ask for another."


def make_link(username: str, author: Author, lifetime: timedelta, session: Session) -> tuple[str, datetime]:
    """
    Return a code that signs a user in once, and until when it does. What is kept of it does not tell it.

    :raises Refused: there is no such account, or it is not active
    """
    user = account(username, session)
    if not user.is_active:
        raise Refused(f"The account {username!r} is disabled")
    now = utcnow()
    code, expires = secrets.token_urlsafe(32), now + lifetime
    session.execute(delete(SignInLinkRow).where(SignInLinkRow.expires <= now))
    session.add(SignInLinkRow(code_hash=_hash(code), user_id=user.id, user_created_on=user.created_on, expires=expires))
    audit("team_rbac.sign_in_link.make", author, session, username=user.username, expires=expires.isoformat())
    return code, expires


def use_link(code: str, session: Session) -> User:
    """
    Return whom a code signs in, and use it up. Their groups are those that the provider named last, from now on.

    :raises SignInRefused: nobody
    """
    row = session.get(SignInLinkRow, _hash(code))
    if row is None:
        raise SignInRefused(_REFUSED)
    user, expires, created_on = session.get(User, row.user_id), row.expires, row.user_created_on
    try:
        session.delete(row)
        session.flush()
    except StaleDataError:  # another request used it at the same time
        session.rollback()
        raise SignInRefused(_REFUSED) from None
    if user is None or user.created_on != created_on or not user.is_active or expires <= utcnow():
        session.commit()
        raise SignInRefused(_REFUSED)
    identity = identity_of(user, session)
    if identity is not None:
        identity.groups_at = utcnow()
    audit("team_rbac.sign_in_link.use", Author(user.username, "ui"), session, username=user.username)
    session.commit()
    return user


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
