"""What stands around an incident: others of its class or component, and the releases that were new when it began."""

from datetime import datetime
from typing import NamedTuple

from incidents.triage.models import Incident
from readiness.infra.plain_sql import tuples_of
from readiness.infra.vendor_sql import moment, moment_read

OF_EACH = 100
RELEASES_READ = 500
RELEASES = 12
_OF_SAME = """
SELECT * FROM (
  SELECT id, title, component, error_class, last_release, status, first_error_id, first_seen <= %s AND last_seen >= %s
  FROM triage_incident
  WHERE project_id = %s AND merged_into_id IS NULL AND synthetic = %s AND id <> %s AND {column} = %s
  ORDER BY id DESC LIMIT %s
) AS same_{column}
"""
_LIKE = _OF_SAME.format(column="error_class") + "UNION" + _OF_SAME.format(column="component")
_BORN = """
SELECT release, environment, (
  SELECT first_seen FROM triage_incident_release AS ever
  WHERE ever.project_id = %s AND ever.environment = met.environment AND ever.release = met.release
  ORDER BY first_seen LIMIT 1
)
FROM (
  SELECT release, environment, max(first_seen) AS last_met FROM (
    SELECT release, environment, first_seen FROM triage_incident_release
    WHERE project_id = %s AND first_seen >= %s AND first_seen <= %s AND release <> '' ORDER BY first_seen DESC LIMIT %s
  ) AS latest
  GROUP BY release, environment ORDER BY last_met DESC LIMIT %s
) AS met
"""


class Candidate(NamedTuple):
    """What is compared of another incident; `together`: it was seen about the time that was asked for."""

    pk: int
    title: str
    component: str
    error_class: str
    last_release: str
    status: str
    first_error_id: str
    together: bool

    @property
    def public_id(self) -> str:
        return f"INC-{self.pk}"


class Born(NamedTuple):
    """A release, where, and when the project's first error of it happened there."""

    release: str
    environment: str
    at: datetime


def incidents_like(incident: Incident, *, since: datetime, until: datetime) -> list[Candidate]:
    """The project's last opened incidents of the same class, and those of the same component, the last first: 2 *
    OF_EACH at the most (indexes triage_incident_class and triage_incident_component). Merged ones are left out; those
    that were seen between the two times are marked. One query.
    """
    others = moment(until), moment(since), incident.project_id, incident.synthetic, incident.pk
    rows = tuples_of(_LIKE, *others, incident.error_class, OF_EACH, *others, incident.component, OF_EACH)
    return [Candidate._make((*row[:-1], bool(row[-1]))) for row in sorted(rows, reverse=True)]


def releases_born(*, project_id: int, since: datetime, until: datetime) -> list[Born]:
    """The releases whose first error of all the project had in that time, each environment's own, RELEASES at the most,
    the last first. Looked for among the last RELEASES_READ incidents that met a release then (index
    triage_release_born); when each was first met at all is one probe each (triage_release_first). One query.
    """
    window = moment(since), moment(until)
    rows = tuples_of(_BORN, project_id, project_id, *window, RELEASES_READ, RELEASES)
    found = [Born(release, environment, moment_read(at)) for release, environment, at in rows]
    return sorted((one for one in found if one.at >= since), key=lambda one: one.at, reverse=True)
