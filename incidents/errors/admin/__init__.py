"""The subject in the admin, a module for each thing that is shown."""

from incidents.errors.admin import class_rules, erasing, errors, scrubbing, settings

__all__ = ["class_rules", "erasing", "errors", "scrubbing", "settings"]
