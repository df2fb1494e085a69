"""The console as real processes."""
