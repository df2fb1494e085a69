"""The house's own lint: layers, forbidden patterns, intents. Read source files only; the commands print the reports."""
