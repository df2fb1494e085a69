"""Pure domain logic of lessons: control states, closing rules, evidence; no Django, no tables."""
