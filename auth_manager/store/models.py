"""
The tables. Teams themselves are rows of Airflow's ``team``; what we know of them is here.

There is no foreign key to Airflow's or FAB's tables: what stands under the prefix of a team that is gone
must stay disputed, and FAB's tables are dropped before ours by ``airflow db reset``.
"""

from __future__ import annotations

from datetime import datetime

from airflow.configuration import conf
from airflow.models.base import naming_convention
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy import DateTime, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

metadata = MetaData(
    schema=conf.get("database", "sql_alchemy_schema", fallback=None) or None,
    naming_convention=naming_convention,
)


class Base(DeclarativeBase):
    """The base of our tables."""

    metadata = metadata


class _Row:
    id: Mapped[int] = mapped_column(Integer, primary_key=True)


class _Managed:
    managed_by: Mapped[str] = mapped_column(String(10))
    """``file`` where a policy file made the row, which is then read-only elsewhere."""
    created_by: Mapped[str] = mapped_column(String(512), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RevisionRow(Base):
    """One row, new with every change. Each change locks it, so changes come one by one."""

    __tablename__ = "team_rbac_revision"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[int] = mapped_column(Integer)
    """Grows by one: for people."""
    stamp: Mapped[str] = mapped_column(String(32))
    """Random: a database that was reset or restored must not look like one that was there before."""


class TeamRow(_Managed, Base):
    """A team that we know more of than its name."""

    __tablename__ = "team_rbac_team"
    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    description: Mapped[str] = mapped_column(Text, default="")


class ClaimRow(_Row, Base):
    """What makes something a team's: a prefix, an asset URI, a source or an adopted resource."""

    __tablename__ = "team_rbac_claim"
    __table_args__ = (
        UniqueConstraint("what", "value", "team_name"),
        Index("idx_team_rbac_claim_team", "team_name"),
    )
    team_name: Mapped[str] = mapped_column(String(50))
    what: Mapped[str] = mapped_column(String(10))
    """``prefix``, ``asset_uri``, ``source`` or ``resource``."""
    value: Mapped[str] = mapped_column(String(1600))
    position: Mapped[int] = mapped_column(Integer)
    """Its place in the team's list, so that ``export`` writes what was read."""


class BindingRow(_Row, _Managed, Base):
    """Who holds a role, and where."""

    __tablename__ = "team_rbac_binding"
    subject_kind: Mapped[str] = mapped_column(String(12))
    subject: Mapped[str] = mapped_column(String(1000))
    team_name: Mapped[str | None] = mapped_column(String(100))
    """A team, ``*`` or a template; NULL is the deployment."""
    role: Mapped[str] = mapped_column(String(100))
    expires: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")


class GrantRow(_Row, _Managed, Base):
    """What somebody may do with another team's resource."""

    __tablename__ = "team_rbac_grant"
    subject: Mapped[str] = mapped_column(String(1000))
    resource: Mapped[str] = mapped_column(String(1600))
    team_name: Mapped[str | None] = mapped_column(String(50))
    """The owner, where it is named."""
    owner: Mapped[str] = mapped_column(String(50))
    actions: Mapped[str] = mapped_column(String(100))
    expires: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text)


class IdentityRow(Base):
    """Who a FAB user is at the IdP, and when their groups were last told."""

    __tablename__ = "team_rbac_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)
    user_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user_created_on: Mapped[datetime | None] = mapped_column(DateTime)
    """``ab_user.created_on``: a database may give a deleted user's id to somebody else."""
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    groups_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ActiveTeamRow(Base):
    """The team that a user switched to last; the next sign-in starts there."""

    __tablename__ = "team_rbac_active_team"
    user_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user_created_on: Mapped[datetime | None] = mapped_column(DateTime)
    """As in ``IdentityRow``."""
    team_name: Mapped[str] = mapped_column(String(50))
    """Empty for all teams."""


class SignInLinkRow(Base):
    """A link that signs a user in once."""

    __tablename__ = "team_rbac_sign_in_link"
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The SHA-256 of what is secret of the link."""
    user_id: Mapped[int] = mapped_column(Integer)
    user_created_on: Mapped[datetime | None] = mapped_column(DateTime)
    """As in ``IdentityRow``."""
    expires: Mapped[datetime] = mapped_column(UtcDateTime)


class IdpGroupRow(Base):
    """A group that the IdP named at the user's last sign-in."""

    __tablename__ = "team_rbac_idp_group"
    user_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(1000), primary_key=True)
