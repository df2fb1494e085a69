"""How long diagnoses took."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Q

from incidents.triage.models import Incident
from incidents.triage.services.clock import TARGET_SECONDS
from readiness.infra.vendor_sql import moment

_UNDIAGNOSED = ("detected", "acknowledged", "recurred")
_SECONDS = {
    "postgresql": "extract(epoch FROM diagnosed_at - detected_at)",
    "sqlite": "(julianday(diagnosed_at) - julianday(detected_at)) * 86400.0",
}
# Nearest-rank percentiles: of n values in order, the one at the smallest whole rank that is at least p * n (the inverse
# of the empirical distribution function: Hyndman and Fan 1996, definition 1). No value is made up between two.
_TAKEN = """
WITH taken AS (
  SELECT {seconds} AS seconds FROM triage_incident
  WHERE diagnosed_at >= %s AND diagnosed_at IS NOT NULL AND NOT synthetic AND merged_into_id IS NULL
), ranked AS (
  SELECT seconds, row_number() OVER (ORDER BY seconds) AS place, count(*) OVER () AS n FROM taken
)
SELECT count(*), sum(CASE WHEN seconds <= %s THEN 1 ELSE 0 END),
       min(CASE WHEN place * 100 >= n * 50 THEN seconds END), min(CASE WHEN place * 100 >= n * 90 THEN seconds END)
FROM ranked
"""


class Taken(NamedTuple):
    """Diagnoses since a moment: how many, how many of them within the target, p50 and p90 in seconds."""

    diagnosed: int
    within: int
    p50: float | None
    p90: float | None


def diagnoses_taken(*, since: datetime) -> Taken:
    """Real incidents whose clock stopped since then (index triage_incident_diagnosed). One query, one row."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN.format(seconds=_SECONDS[connection.vendor]), [moment(since), TARGET_SECONDS])
        count, within, p50, p90 = cursor.fetchone()
    return Taken(count, int(within or 0), None if p50 is None else float(p50), None if p90 is None else float(p90))


def diagnoses_running(*, now: datetime) -> tuple[int, int]:
    """(real incidents that wait for a diagnosis, those of them past the target). One query (triage_incident_status)."""
    rows = Incident.objects.filter(status__in=_UNDIAGNOSED, diagnosed_at__isnull=True, synthetic=False)
    found = rows.aggregate(
        running=Count("pk"), overdue=Count("pk", filter=Q(detected_at__lt=now - timedelta(seconds=TARGET_SECONDS)))
    )
    return found["running"], found["overdue"]
