"""Running the console itself: jobs, reconciliation, retention, health."""
