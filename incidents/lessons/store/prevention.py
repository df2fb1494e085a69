"""What is not prevented: controls that prove nothing (yet, or any more), and incidents without any."""

from datetime import date
from typing import NamedTuple

from django.db import connection

COUNTED_UP_TO = 1_000
# Of the controls, the few of samples are looked up (triage_incident_unreal), not the many of real incidents.
_COUNTED = """
SELECT state, count(*), count(*) FILTER (WHERE state IN ('unproven', 'failing_before') AND due_on < %s)
FROM lessons_control control
WHERE state NOT IN ('proven', 'recorded') AND NOT EXISTS (
  SELECT 1 FROM triage_incident incident WHERE incident.id = control.incident_id AND (synthetic OR hidden)
)
GROUP BY state
UNION ALL
SELECT '', count(*), 0 FROM (
  SELECT id FROM triage_incident incident
  WHERE NOT synthetic AND NOT hidden AND merged_into_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM lessons_control made WHERE made.incident_id = incident.id)
    AND NOT EXISTS (
      SELECT 1 FROM lessons_control opened
      WHERE opened.own_incident_id = incident.id AND opened.own_incident_id IS NOT NULL
    )
  LIMIT %s
) uncontrolled
"""


class Unprevented(NamedTuple):
    """`states`: state → (controls of real incidents that do not hold, of those past the day to be proven by).
    `without`: real incidents, open or resolved, that nothing keeps from happening again, COUNTED_UP_TO at the most.
    """

    states: dict[str, tuple[int, int]]
    without: int


def unprevented_count(today: date) -> Unprevented:
    """One query (index lessons_control_unheld)."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [today.isoformat(), COUNTED_UP_TO])
        found = {state: (total, overdue) for state, total, overdue in cursor.fetchall()}
    without, _ = found.pop("")
    return Unprevented(found, without)
