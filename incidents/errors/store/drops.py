"""Capture's queries: errors that never became events, counted by reason."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Max, Min, Q, Sum

from incidents.errors.models import DroppedCount
from incidents.errors.store.writing import hour_of
from readiness.infra.bulk_sql import rows_insert
from readiness.infra.vendor_sql import moment


class DropKey(NamedTuple):
    """What a count is kept for. `category` is Sentry's (`error`), `reason` ours or the SDK's own word."""

    project_id: int
    source: str
    category: str
    reason: str
    key_kind: str = ""
    key_id: int = 0
    incident_id: int = 0


def drops_add(counts: Mapping[DropKey, int], *, at: datetime) -> None:
    """Count them into the hour of `at`, in key order: two processes then never wait for each other crosswise."""
    if not counts:
        return
    hour, seen = moment(hour_of(at)), moment(at)
    rows_insert(
        "infra_error_drops",
        (
            "project_id", "hour", "source", "category", "reason", "key_kind", "key_id", "incident_id", "quantity",
            "first_at", "last_at",
        ),
        [(key.project_id, hour, *key[1:], number, seen, seen) for key, number in sorted(counts.items())],
        "ON CONFLICT (project_id, hour, source, category, reason, key_kind, key_id, incident_id) DO UPDATE SET "
        "quantity = infra_error_drops.quantity + excluded.quantity, last_at = excluded.last_at",
    )  # fmt: skip


def drops_count(
    *,
    project_id: int,
    at: datetime,
    source: str,
    drops: Sequence[tuple[str, str, int]],
    key_kind: str = "",
    key_id: int = 0,
) -> None:
    """Count (category, reason, quantity) of one project's errors, from one key if it is known."""
    totals: dict[DropKey, int] = {}
    for category, reason, quantity in drops:
        key = DropKey(project_id, source, category[:40], reason[:60], key_kind, key_id)
        totals[key] = totals.get(key, 0) + quantity
    drops_add(totals, at=at)


class Drops(NamedTuple):
    """How many were dropped for one reason, and between when."""

    reason: str
    quantity: int
    first_at: datetime | None
    last_at: datetime | None


def drops_of_incidents(incident_ids: Collection[int], *, since: datetime) -> list[Drops]:
    """What was counted and not kept in full, by reason, the most first (index infra_error_drops_incident)."""
    rows = (
        DroppedCount.objects.filter(incident_id__in=incident_ids, hour__gte=hour_of(since))
        .values_list("reason")
        .annotate(quantity=Sum("quantity"), first_at=Min("first_at"), last_at=Max("last_at"))
        .order_by("-quantity")[:20]
    )
    return [Drops(*row) for row in rows]


def incidents_with_drops(incident_ids: Collection[int], *, since: datetime) -> dict[int, int]:
    """incident → how many of its errors were counted and not kept in full since then; those without are left out."""
    rows = DroppedCount.objects.filter(incident_id__in=incident_ids, hour__gte=hour_of(since))
    return dict(rows.values_list("incident_id").annotate(total=Sum("quantity")).order_by())


class KeyDrops(NamedTuple):
    """One project's errors that are not kept, of one key (as in DropKey) and for one reason: how many lately (`day`),
    and in all (`week`).
    """

    project_id: int
    source: str
    reason: str
    key_kind: str
    key_id: int
    day: int
    week: int


def drops_of_projects(
    project_ids: Collection[int], *, since: datetime, lately: datetime, limit: int = 1_000
) -> list[KeyDrops]:
    """What was dropped since then, and of it since `lately`, by key and reason, the most first; both begin with a whole
    hour (the unique index leads with project and hour).
    """
    rows = (
        DroppedCount.objects.filter(project_id__in=project_ids, hour__gte=hour_of(since))
        .values_list("project_id", "source", "reason", "key_kind", "key_id")
        .annotate(day=Sum("quantity", filter=Q(hour__gte=hour_of(lately)), default=0), week=Sum("quantity"))
        .order_by("-week", "project_id", "key_kind", "key_id", "source", "reason")[:limit]
    )
    return [KeyDrops(*row) for row in rows]


class WindowDrops(NamedTuple):
    """How many errors of a project were not kept in a window, by who dropped them and why."""

    source: str
    reason: str
    quantity: int


def drops_in_window(*, project_id: int, since: datetime, until: datetime) -> list[WindowDrops]:
    """What a project's keys lost in the hours from `since` to `until`, the most first; what was sampled of single
    incidents, and spans, are left out (the unique index leads with project and hour).
    """
    rows = DroppedCount.objects.filter(project_id=project_id, hour__gte=hour_of(since), hour__lte=until, incident_id=0)
    rows = rows.exclude(reason__startswith="span_")
    counted = rows.values_list("source", "reason").annotate(quantity=Sum("quantity")).order_by("-quantity")[:10]
    return [WindowDrops(*row) for row in counted]


def drops_forget(*, before: datetime) -> int:
    """Forget the counts of hours before then; how many rows went."""
    return DroppedCount.objects.filter(hour__lt=before).delete()[0]
