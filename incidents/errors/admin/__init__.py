"""The subject in the admin, a module for each thing that is shown."""

from incidents.errors.admin import errors, settings

__all__ = ["errors", "settings"]
