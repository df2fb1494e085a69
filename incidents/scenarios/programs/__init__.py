"""Programs that scenarios run in processes of their own; each reports to the DSN in SENTRY_DSN like any user's."""
