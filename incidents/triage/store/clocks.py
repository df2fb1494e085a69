"""How long diagnoses took."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from incidents.triage.services.clock import TARGET_SECONDS
from readiness.infra.vendor_sql import moment

# Nearest-rank percentiles: of n values in order, the one at the smallest whole rank that is at least p * n (the inverse
# of the empirical distribution function: Hyndman and Fan 1996, definition 1). No value is made up between two.
_TAKEN = {
    "postgresql": """
SELECT count(*) AS n, count(*) FILTER (WHERE took <= %s * interval '1 second') AS within,
       extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY took)) AS p50,
       extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (ORDER BY took)) AS p90
FROM (
  SELECT diagnosed_at - detected_at AS took FROM triage_incident
  WHERE diagnosed_at >= %s AND diagnosed_at IS NOT NULL AND NOT synthetic AND merged_into_id IS NULL
) taken""",
    "sqlite": """
SELECT count(*) AS n, sum(took <= %s) AS within,
       min(CASE WHEN place * 100 >= n * 50 THEN took END) AS p50,
       min(CASE WHEN place * 100 >= n * 90 THEN took END) AS p90
FROM (
  SELECT took, row_number() OVER (ORDER BY took) AS place, count(*) OVER () AS n FROM (
    SELECT (julianday(diagnosed_at) - julianday(detected_at)) * 86400.0 AS took FROM triage_incident
    WHERE diagnosed_at >= %s AND diagnosed_at IS NOT NULL AND NOT synthetic AND merged_into_id IS NULL
  ) taken
) ranked""",
}
_CLOCKS = """
SELECT taken.n, taken.within, taken.p50, taken.p90, running.n, running.overdue FROM ({taken}) taken, (
  SELECT count(*) AS n, sum(CASE WHEN detected_at < %s THEN 1 ELSE 0 END) AS overdue FROM triage_incident
  WHERE NOT synthetic AND status IN ('detected', 'acknowledged', 'recurred') AND diagnosed_at IS NULL
) running
"""


class Clocks(NamedTuple):
    """Diagnoses since a moment: how many, how many of them within the target, p50 and p90 in seconds; and of those that
    are waited for, how many and how many past the target.
    """

    diagnosed: int
    within: int
    p50: float | None
    p90: float | None
    running: int
    overdue: int


def diagnosis_clocks(*, since: datetime, now: datetime) -> Clocks:
    """Of real incidents (indexes triage_incident_took, triage_incident_waiting). One query, one row."""
    target = timedelta(seconds=TARGET_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(
            _CLOCKS.format(taken=_TAKEN[connection.vendor]), [TARGET_SECONDS, moment(since), moment(now - target)]
        )
        diagnosed, within, p50, p90, running, overdue = cursor.fetchone()
    return Clocks(
        diagnosed=diagnosed,
        within=int(within or 0),
        p50=None if p50 is None else float(p50),
        p90=None if p90 is None else float(p90),
        running=running,
        overdue=int(overdue or 0),
    )
