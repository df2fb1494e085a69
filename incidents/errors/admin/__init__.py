"""The subject in the admin, a module for each thing that is shown."""

from incidents.errors.admin import erasing, errors, settings

__all__ = ["erasing", "errors", "settings"]
