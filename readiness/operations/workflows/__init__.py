"""Use-cases of operations."""
