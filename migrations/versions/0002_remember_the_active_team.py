"""
Remember the active team.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 18:35:11.402113
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "team_rbac_active_team",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_created_on", sa.DateTime(), nullable=True),
        sa.Column("team_name", sa.String(length=50), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("team_rbac_active_team_pkey")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("team_rbac_active_team")
