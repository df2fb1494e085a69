"""The readiness console: its shell, and the subjects that are about readiness itself."""
