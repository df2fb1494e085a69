"""Pure triage: what an error asks of an operator, the diagnosis clock, the six Ops models' first."""
