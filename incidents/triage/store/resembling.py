"""What stands around an incident: others of its class or component, and the releases that were new when it began."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import OuterRef, Subquery

from incidents.triage.models import Incident, IncidentRelease

OF_EACH = 100
RELEASES_READ = 500
RELEASES = 12
_COLUMNS = ("pk", "title", "component", "error_class", "last_release", "status", "first_error_id", "first_seen",
            "last_seen")  # fmt: skip


class Candidate(NamedTuple):
    """What is compared of another incident."""

    pk: int
    title: str
    component: str
    error_class: str
    last_release: str
    status: str
    first_error_id: str
    first_seen: datetime
    last_seen: datetime

    @property
    def public_id(self) -> str:
        return f"INC-{self.pk}"


class Born(NamedTuple):
    """A release, where, and when the project's first error of it happened there."""

    release: str
    environment: str
    at: datetime


def incidents_like(incident: Incident) -> list[Candidate]:
    """The project's last opened incidents of the same class, and those of the same component: 2 * OF_EACH at the most
    (indexes triage_incident_class and triage_incident_component). Merged ones are left out. Two queries.
    """
    rows = Incident.objects.filter(project_id=incident.project_id, merged_into__isnull=True)
    rows = rows.filter(synthetic=incident.synthetic).exclude(pk=incident.pk).order_by("-pk")
    found: dict[int, Candidate] = {}
    for same in ({"error_class": incident.error_class}, {"component": incident.component}):
        for values in rows.filter(**same).values_list(*_COLUMNS)[:OF_EACH]:
            found[values[0]] = Candidate(*values)
    return list(found.values())


def releases_born(*, project_id: int, since: datetime, until: datetime) -> list[Born]:
    """The releases whose first error of all the project had in that time, each environment's own, RELEASES at the most,
    the last first. Looked for among the last RELEASES_READ incidents that met a release then (index
    triage_release_born); when each was first met at all is one probe each (triage_release_first). Two queries.
    """
    rows = IncidentRelease.objects.filter(project_id=project_id)
    met = rows.filter(first_seen__gte=since, first_seen__lte=until).exclude(release="").order_by("-first_seen")
    named: dict[tuple[str, str], int] = {}
    for pk, release, environment in met.values_list("pk", "release", "environment")[:RELEASES_READ]:
        if (release, environment) in named or len(named) < RELEASES:
            named[release, environment] = pk
    same = rows.filter(release=OuterRef("release"), environment=OuterRef("environment"))
    first = same.order_by("first_seen").values("first_seen")[:1]
    born = IncidentRelease.objects.filter(pk__in=named.values()).annotate(born=Subquery(first))
    found = [Born(*row) for row in born.values_list("release", "environment", "born")]
    return sorted((one for one in found if one.at >= since), key=lambda one: one.at, reverse=True)
