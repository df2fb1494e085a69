"""The figures of the home page: a fixed number of questions, each answered by an index or by what is kept per hour."""

from datetime import date, datetime
from typing import NamedTuple

from django.db import connection

from incidents.triage.models import Incident
from readiness.infra.vendor_sql import moment

_FIGURES = """
SELECT EXISTS (SELECT 1 FROM triage_incident WHERE NOT synthetic AND NOT hidden), came_back.times, came_back.incidents,
       now_open.p0, now_open.p1, now_open.p2, now_open.p3
FROM (
  SELECT count(*) AS times, count(DISTINCT entry.incident_id) AS incidents
  FROM triage_timeline_entry entry JOIN triage_incident incident ON incident.id = entry.incident_id
  WHERE entry.kind = 'recurred' AND entry.at >= %s AND NOT incident.synthetic AND NOT incident.hidden
) came_back, (
  SELECT count(*) FILTER (WHERE priority = 'P0') AS p0, count(*) FILTER (WHERE priority = 'P1') AS p1,
         count(*) FILTER (WHERE priority = 'P2') AS p2, count(*) FILTER (WHERE priority = 'P3') AS p3
  FROM triage_incident
  WHERE NOT synthetic AND NOT hidden AND status IN ('detected', 'acknowledged', 'diagnosed', 'recurred')
) now_open
"""
_UTC_DAY = {"postgresql": "(detected_at AT TIME ZONE 'UTC')::date", "sqlite": "substr(detected_at, 1, 10)"}
_OPENED = """
SELECT {day} AS day, count(*) FROM triage_incident
WHERE detected_at >= %s AND NOT synthetic AND NOT hidden AND merged_into_id IS NULL
GROUP BY 1
"""


class Figures(NamedTuple):
    """Of real incidents: whether anything but samples was ever reported, how often any came back and how many did,
    priority → open ones.
    """

    known: bool
    recurrences: int
    recurred: int
    open: dict[str, int]


def incident_figures(*, recurred_since: datetime) -> Figures:
    """One query (indexes triage_timeline_kind, triage_incident_waiting)."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, [moment(recurred_since)])
        known, times, incidents, *counts = cursor.fetchone()
    return Figures(bool(known), times, incidents, dict(zip(Incident.Priority.values, counts, strict=True)))


def incidents_opened_daily(*, since: datetime) -> dict[date, int]:
    """UTC day → real incidents whose first event was stored on it (index triage_incident_opened)."""
    with connection.cursor() as cursor:
        cursor.execute(_OPENED.format(day=_UTC_DAY[connection.vendor]), [moment(since)])
        return {date.fromisoformat(str(day)): opened for day, opened in cursor.fetchall()}
