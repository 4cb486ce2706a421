"""The Alembic environment of the ``team_rbac_*`` tables."""
