"""Every place where stock Airflow does not ask the auth manager, made to ask it (DESIGN section 6)."""
