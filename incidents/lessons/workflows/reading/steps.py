"""The next step of an incident, for its page and for the home page."""

from incidents.lessons.services.closing import ClosingVerdict
from incidents.lessons.services.next_step import NextStep, incident_next_step
from incidents.triage.models import Incident
from incidents.triage.services.post_mortems import post_mortem_needed


def next_step_of(incident: Incident, *, has_controls: bool, closing: ClosingVerdict, has_post_mortem: bool) -> NextStep:
    return incident_next_step(
        status=incident.status,
        recurrence_confirmed=incident.recurrence_confirmed,
        diagnosed=incident.diagnosed_at is not None,
        has_controls=has_controls,
        closing=closing,
        post_mortem_missing=not has_post_mortem and post_mortem_needed(priority=incident.priority),
    )
