"""Our REST API, and the plugin that brings it and the switcher to Airflow."""
