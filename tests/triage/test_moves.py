"""What a person may do with an incident, and what is refused."""

import pytest

from incidents.triage.models import TimelineEntry
from incidents.triage.workflows import (
    incident_acknowledge,
    incident_hide_sample,
    incident_note,
    incident_number,
    incident_set_priority,
)
from readiness.infra.actor import Actor
from readiness.infra.refusals import Conflict, Invalid, NotFound
from tests.factories import an_incident

pytestmark = pytest.mark.django_db
ADA, BOB = Actor("person", "ada@example.test", 1), Actor("person", "bob@example.test", 2)


def test_acknowledging_makes_an_owner_once() -> None:
    incident = an_incident()
    assert incident_acknowledge(incident_id=incident.pk, actor=ADA).status == "acknowledged"
    incident.refresh_from_db()
    assert incident.owner == "ada@example.test"
    with pytest.raises(Conflict, match=r"by ada@example\.test already"):
        incident_acknowledge(incident_id=incident.pk, actor=BOB)


def test_a_priority_is_confirmed_or_corrected() -> None:
    incident = an_incident()
    incident_set_priority(incident_id=incident.pk, priority="P0", actor=ADA)
    incident.refresh_from_db()
    assert (incident.priority, incident.priority_confirmed) == ("P0", True)
    with pytest.raises(Invalid, match="no priority"):
        incident_set_priority(incident_id=incident.pk, priority="P9", actor=ADA)


def test_a_note_needs_text_and_stays() -> None:
    incident = an_incident()
    incident_note(incident_id=incident.pk, text="  only EU customers ", actor=ADA)
    assert TimelineEntry.objects.get(kind="note").text == "only EU customers"
    with pytest.raises(Invalid):
        incident_note(incident_id=incident.pk, text="   ", actor=ADA)


def test_only_samples_are_hidden() -> None:
    with pytest.raises(Conflict, match="is real"):
        incident_hide_sample(incident_id=an_incident().pk, actor=ADA)
    sample = an_incident(synthetic=True, release="x")
    incident_hide_sample(incident_id=sample.pk, actor=ADA)
    sample.refresh_from_db()
    assert sample.hidden


@pytest.mark.parametrize("name", ["INC-", "12a", "INC-99999999999999999999", "../1", "INC-٣"])
def test_what_is_no_incident_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        incident_number(name)


def test_a_missing_incident_is_not_found() -> None:
    with pytest.raises(NotFound, match="INC-987654"):
        incident_note(incident_id=987_654, text="x", actor=ADA)
