"""The next step of an incident, for its page and for the home page."""

from incidents.lessons.services.closing import ClosingVerdict
from incidents.lessons.services.next_step import NextStep, incident_next_step
from incidents.lessons.store import IncidentWaiting
from incidents.triage.models import Incident


def next_step_of(incident: Incident | IncidentWaiting, *, has_controls: bool, closing: ClosingVerdict) -> NextStep:
    return incident_next_step(
        status=incident.status,
        recurrence_confirmed=incident.recurrence_confirmed,
        diagnosed=incident.diagnosed_at is not None,
        has_controls=has_controls,
        closing=closing,
    )
