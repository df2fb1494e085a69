"""Feature flags: definitions, revisions, /config."""
