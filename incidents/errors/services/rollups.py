"""Counts of errors per hour of arrival: what dashboards read, and what reconciliation holds against the events."""

from typing import Any, NamedTuple

RollupKey = tuple[Any, ...]  # (hour, project id, component, error class, severity); the hour is aware UTC


class RollupCounts(NamedTuple):
    """One window counted twice: from the events themselves, and as the rollups have it."""

    events: dict[RollupKey, int]
    rollups: dict[RollupKey, int]
