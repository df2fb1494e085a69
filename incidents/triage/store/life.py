"""Queries of what people do with incidents: moves, post-mortems, the escalation path, daily summaries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from incidents.triage.models import (
    DailySummary,
    EscalationContact,
    Incident,
    IncidentMove,
    IncidentRelease,
    PostMortem,
    TimelineEntry,
)
from incidents.triage.services.response import GRAVE
from incidents.triage.services.severity import OPEN_STATES
from readiness.infra.plain_sql import instances_of
from readiness.infra.vendor_sql import moment

# --- moves ----------------------------------------------------------------------------------------------------------


def move_add(**fields: Any) -> IncidentMove:
    return IncidentMove.objects.create(**fields)


def moves_since(incident_id: int, *, revision: int, limit: int = 20) -> list[IncidentMove]:
    """What people did after this revision, the latest first."""
    rows = IncidentMove.objects.filter(incident_id=incident_id, revision__gt=revision)
    return list(rows.order_by("-revision")[:limit])


def moves_latest(incident_id: int, *, limit: int = 20) -> list[IncidentMove]:
    """The latest moves, each knowing whether it was undone."""
    rows = IncidentMove.objects.filter(incident_id=incident_id).select_related("undone_by")
    return list(rows.order_by("-revision")[:limit])


def move_find(move_id: int, *, incident_id: int) -> IncidentMove | None:
    """A move of this incident."""
    rows = IncidentMove.objects.filter(pk=move_id, incident_id=incident_id)
    return rows.select_related("undone_by").first()


# --- post-mortems ---------------------------------------------------------------------------------------------------


def post_mortem_exists(incident_id: int) -> bool:
    return PostMortem.objects.filter(incident_id=incident_id).exists()


def post_mortems_written(incident_ids: Collection[int]) -> frozenset[int]:
    """Those of the incidents that have one."""
    rows = PostMortem.objects.filter(incident_id__in=incident_ids).order_by()
    return frozenset(rows.values_list("incident_id", flat=True).distinct())


def post_mortems_of(incident_id: int, *, limit: int = 50) -> list[PostMortem]:
    """Every revision, the latest first."""
    return list(PostMortem.objects.filter(incident_id=incident_id).order_by("-revision")[:limit])


def post_mortem_latest(incident_id: int) -> PostMortem | None:
    return PostMortem.objects.filter(incident_id=incident_id).order_by("-revision").first()


def post_mortem_add(**fields: Any) -> PostMortem:
    return PostMortem.objects.create(**fields)


# --- the escalation path --------------------------------------------------------------------------------------------


def contacts_of(project_id: int) -> list[EscalationContact]:
    """The project's own and the installation's, by step; whoever may no longer sign in is left out."""
    rows = EscalationContact.objects.filter(project_id__in={0, project_id}).select_related("user")
    return list(rows.filter(Q(user__isnull=True) | Q(user__is_active=True)).order_by("step", "pk")[:200])


def contact_find(contact_id: int) -> EscalationContact | None:
    return EscalationContact.objects.filter(pk=contact_id).first()


# --- what is due ----------------------------------------------------------------------------------------------------


def _waiting() -> QuerySet[Incident]:
    """Real, open and awake (the terms of index triage_incident_attention)."""
    return Incident.objects.filter(
        prevented_at__isnull=True, merged_into__isnull=True, snoozed_at__isnull=True, synthetic=False, hidden=False,
        status__in=OPEN_STATES,
    )  # fmt: skip


def incidents_to_escalate(waits: Mapping[str, Sequence[timedelta]], *, now: datetime, limit: int = 200) -> list[int]:
    """Untaken incidents with a step of their path due. `waits`: priority → how long after detection each step is."""
    due = Q()
    for priority, steps in waits.items():
        for told, wait in enumerate(steps):
            due |= Q(priority=priority, escalation_step=told, detected_at__lte=now - wait)
    if not due:
        return []
    rows = _waiting().filter(due, acknowledged_at__isnull=True)
    return list(rows.order_by("priority", "detected_at").values_list("pk", flat=True)[:limit])


class LoudIncident(NamedTuple):
    """An incident and its events by hours of arrival: of the hour under way, and of the one before."""

    pk: int
    this_hour: int
    hour_before: int


def incidents_loud(
    *, least: int, now: datetime, incident_id: int | None = None, limit: int = 200
) -> list[LoudIncident]:
    """Waiting incidents that a rule proposed as P2 and that came `least` times or more since the last hour began; or
    the one that is asked for, if it is one of them.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    before = hour - timedelta(hours=1)
    rows = _waiting().filter(priority="P2", priority_confirmed=False, last_seen__gte=before)
    if incident_id is not None:
        rows = rows.filter(pk=incident_id)
    counted = (
        rows.values_list("pk")
        .annotate(
            this_hour=Sum("hours__occurrences", filter=Q(hours__hour__gte=hour), default=0),
            hour_before=Sum("hours__occurrences", filter=Q(hours__hour=before), default=0),
        )
        .annotate(both=F("this_hour") + F("hour_before"))
        .filter(both__gte=least)
        .order_by("pk")
    )
    return [LoudIncident(*row[:3]) for row in counted[:limit]]


def incidents_to_update(every: Mapping[str, timedelta], *, now: datetime, limit: int = 200) -> list[int]:
    """Active incidents whose status update is due and has not been called for in this period (roughly: the caller asks
    services.response). `every`: priority → how often.
    """
    due = Q()
    for priority, period in every.items():
        since = now - period
        called = Q(reminded_at__isnull=True) | Q(reminded_at__lte=since + timedelta(minutes=1))
        spoken = Q(update_from__isnull=True) | Q(update_from__lte=since)
        due |= Q(priority=priority, detected_at__lte=since) & called & spoken
    if not due:
        return []
    return list(_waiting().filter(due).order_by("priority", "detected_at").values_list("pk", flat=True)[:limit])


def incidents_asleep(*, limit: int = 5_000) -> list[Incident]:
    """Snoozed incidents, those whose time comes first (index triage_incident_asleep)."""
    rows = Incident.objects.filter(snoozed_at__isnull=False)
    return list(rows.order_by("snoozed_until", "pk")[:limit])


def releases_new_since(moments: Mapping[int, datetime]) -> dict[int, str]:
    """For each incident, the first release that it was in only after its moment (in no environment before)."""
    rows = IncidentRelease.objects.filter(incident_id__in=moments).exclude(release="")
    firsts = rows.values_list("incident_id", "release").annotate(first=Min("first_seen")).order_by("first")
    found: dict[int, str] = {}
    for incident_id, release, first in firsts:
        if first > moments[incident_id]:
            found.setdefault(incident_id, release)
    return found


# --- the timeline, and the daily summary ----------------------------------------------------------------------------


_TIMELINE = """
SELECT * FROM triage_timeline_entry WHERE incident_id IN %s AND (at < %s OR (at = %s AND id < %s))
ORDER BY at DESC, id DESC LIMIT %s
"""


def timeline_page(
    incident_ids: Sequence[int], *, before: tuple[datetime, int] | None = None, limit: int = 50
) -> list[TimelineEntry]:
    """The newest `limit` entries before (time, id), the newest first."""
    at, pk = before or (datetime.max.replace(tzinfo=UTC), 0)
    return instances_of(TimelineEntry, _TIMELINE, tuple(incident_ids), moment(at), moment(at), pk, limit)


def said_since(incident_id: int, *, kind: str, text: str, actor: str, since: datetime) -> bool:
    """Whether this person said just this since then (index triage_timeline_at)."""
    rows = TimelineEntry.objects.filter(incident_id=incident_id, at__gte=since, kind=kind, actor=actor)
    return any(said == text for said in rows.values_list("text", flat=True)[:50])


_LAST_UPDATE = """
SELECT * FROM triage_timeline_entry WHERE incident_id = %s AND kind = 'update' ORDER BY at DESC, id DESC LIMIT 1
"""


def update_latest(incident_id: int) -> TimelineEntry | None:
    """The last status update that a person wrote."""
    return next(iter(instances_of(TimelineEntry, _LAST_UPDATE, incident_id)), None)


def open_counts() -> dict[str, int]:
    """Real open incidents by priority, those asleep too."""
    rows = Incident.objects.filter(
        synthetic=False, hidden=False, prevented_at__isnull=True, merged_into__isnull=True, status__in=OPEN_STATES
    )
    return dict(rows.values_list("priority").annotate(total=Count("pk")).order_by())


def changes_since(since: datetime, *, kinds: Sequence[str]) -> dict[str, int]:
    """How many timeline entries of each kind real incidents got since then."""
    rows = TimelineEntry.objects.filter(at__gte=since, kind__in=kinds, incident__synthetic=False)
    return dict(rows.values_list("kind").annotate(total=Count("incident_id", distinct=True)).order_by())


def incidents_gravest(*, limit: int = 10) -> list[Incident]:
    """Open and awake, the gravest first, for the summary's list."""
    rows = _waiting().filter(priority__in=GRAVE)
    return list(rows.order_by("priority", "detected_at")[:limit])


def daily_summary_find(day: date) -> DailySummary | None:
    return DailySummary.objects.filter(day=day).first()


def daily_summary_add(*, day: date, text: str, at: datetime) -> bool:
    """False where that day's is there already (also when another process writes it at this moment)."""
    _, added = DailySummary.objects.get_or_create(day=day, defaults={"text": text, "published_at": at})
    return added
