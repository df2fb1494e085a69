"""Queries of operations: pairs that must agree, and their comparisons."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from readiness.operations.models import Reconciliation, ReconciliationRun


def reconciliations() -> list[Reconciliation]:
    """Every pair, by its key."""
    return list(Reconciliation.objects.order_by("key"))


def reconciliation_last(reconciliation_id: int) -> ReconciliationRun | None:
    """The newest run of a pair."""
    return ReconciliationRun.objects.filter(reconciliation=reconciliation_id).order_by("-finished_at", "-pk").first()


def reconciliation_covered_until(reconciliation_id: int) -> datetime | None:
    """Up to where the pair is known to agree: the end of the last run that found no drift or put it right."""
    good = Q(status=ReconciliationRun.Status.OK) | Q(status=ReconciliationRun.Status.DRIFT, repaired__gt=0)
    rows = ReconciliationRun.objects.filter(good, reconciliation=reconciliation_id)
    return rows.order_by("-finished_at", "-pk").values_list("window_until", flat=True).first()


def reconciliation_run_add(**fields: Any) -> ReconciliationRun:
    """One more row of the append-only runs."""
    return ReconciliationRun.objects.create(**fields)
