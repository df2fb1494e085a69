"""The figures of the home page: a fixed number of questions, each answered by an index or by what is kept per hour."""

from collections import Counter
from datetime import date, datetime

from django.db.models import Count, QuerySet

from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.store.ops import UtcHour
from incidents.triage.store.reading import OPEN


def _real() -> QuerySet[Incident]:
    return Incident.objects.filter(synthetic=False, hidden=False)


def incidents_real_exist() -> bool:
    """Whether anything but samples was ever reported."""
    return _real().exists()


def incidents_open_counts() -> dict[str, int]:
    """priority → open real incidents (index triage_incident_priority)."""
    return dict(_real().filter(status__in=OPEN).values_list("priority").annotate(total=Count("pk")).order_by())


def incidents_opened_daily(*, since: datetime) -> dict[date, int]:
    """UTC day → real incidents whose first event was stored on it (of those of the window)."""
    rows = _real().filter(detected_at__gte=since, merged_into__isnull=True)
    hours = rows.annotate(hour=UtcHour("detected_at")).values_list("hour").annotate(total=Count("pk")).order_by()
    days: Counter[date] = Counter()
    for hour, total in hours:
        days[date.fromisoformat(hour[:10])] += total
    return dict(days)


def recurrences_counts(*, since: datetime) -> tuple[int, int]:
    """(how often real incidents came back, how many did) since then (index triage_timeline_kind)."""
    rows = TimelineEntry.objects.filter(kind="recurred", at__gte=since)
    found = rows.filter(incident__synthetic=False, incident__hidden=False).aggregate(
        times=Count("pk"), incidents=Count("incident_id", distinct=True)
    )
    return found["times"], found["incidents"]
