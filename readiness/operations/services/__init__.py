"""Pure domain logic of operations; no Django, no tables."""
