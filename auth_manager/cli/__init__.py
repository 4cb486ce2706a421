"""``airflow team-rbac``."""
