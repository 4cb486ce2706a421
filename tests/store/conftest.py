from .deployments import deployments, migrated

__all__ = ["deployments", "migrated"]
