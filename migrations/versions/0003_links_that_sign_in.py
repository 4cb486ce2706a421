"""
Links that sign somebody in once.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-22 22:01:43.281960
"""

from __future__ import annotations

import sqlalchemy as sa
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "team_rbac_sign_in_link",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("user_created_on", sa.DateTime(), nullable=True),
        sa.Column("expires", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("team_rbac_sign_in_link_pkey")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("team_rbac_sign_in_link")
