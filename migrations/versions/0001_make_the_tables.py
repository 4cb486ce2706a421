"""
Make the tables.

Revision ID: 0001
Revises:
Create Date: 2026-11-22 14:55:28.186879
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "team_rbac_binding",
        sa.Column("subject_kind", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=1000), nullable=False),
        sa.Column("team_name", sa.String(length=100), nullable=True),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("expires", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("managed_by", sa.String(length=10), nullable=False),
        sa.Column("created_by", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("team_rbac_binding_pkey")),
    )
    op.create_table(
        "team_rbac_claim",
        sa.Column("team_name", sa.String(length=50), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=1600), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("team_rbac_claim_pkey")),
        sa.UniqueConstraint("what", "value", "team_name", name=op.f("team_rbac_claim_what_value_team_name_uq")),
    )
    with op.batch_alter_table("team_rbac_claim", schema=None) as batch_op:
        batch_op.create_index("idx_team_rbac_claim_team", ["team_name"], unique=False)

    op.create_table(
        "team_rbac_grant",
        sa.Column("subject", sa.String(length=1000), nullable=False),
        sa.Column("resource", sa.String(length=1600), nullable=False),
        sa.Column("team_name", sa.String(length=50), nullable=True),
        sa.Column("owner", sa.String(length=50), nullable=False),
        sa.Column("actions", sa.String(length=100), nullable=False),
        sa.Column("expires", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("managed_by", sa.String(length=10), nullable=False),
        sa.Column("created_by", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("team_rbac_grant_pkey")),
    )
    op.create_table(
        "team_rbac_identity",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_created_on", sa.DateTime(), nullable=True),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("groups_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("team_rbac_identity_pkey")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("team_rbac_identity_issuer_subject_uq")),
    )
    op.create_table(
        "team_rbac_idp_group",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", name=op.f("team_rbac_idp_group_pkey")),
    )
    op.create_table(
        "team_rbac_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("team_rbac_revision_pkey")),
    )
    op.create_table(
        "team_rbac_team",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("managed_by", sa.String(length=10), nullable=False),
        sa.Column("created_by", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("team_rbac_team_pkey")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("team_rbac_team")
    op.drop_table("team_rbac_revision")
    op.drop_table("team_rbac_idp_group")
    op.drop_table("team_rbac_identity")
    op.drop_table("team_rbac_grant")
    with op.batch_alter_table("team_rbac_claim", schema=None) as batch_op:
        batch_op.drop_index("idx_team_rbac_claim_team")

    op.drop_table("team_rbac_claim")
    op.drop_table("team_rbac_binding")
