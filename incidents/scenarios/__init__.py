"""Synthetic workflows that exercise the console through its real doors."""
