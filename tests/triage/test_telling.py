"""People hear of what breaks badly, and of what breaks again; of nothing synthetic."""

from typing import Any

import pytest

from incidents.triage.models import Incident
from incidents.triage.workflows.recording import recurrence_tell
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import atomic_write
from tests.factories import an_incident

pytestmark = pytest.mark.django_db


def _told(kind: str) -> list[dict[str, Any]]:
    payloads = OutboxMessage.objects.filter(topic="notice").order_by("pk").values_list("payload", flat=True)
    return [payload for payload in payloads if payload["kind"] == kind]


def test_it_tells_of_a_new_incident_of_p0_or_p1_once() -> None:
    incident = an_incident(level="fatal")
    [told] = _told("incident.detected")
    assert told["key"] == f"{incident.public_id}:detected"
    assert (told["priority"], told["page"]) == (incident.priority, f"/incidents/{incident.public_id}/")
    assert incident.title in told["title"]


def test_it_keeps_quiet_about_lesser_and_synthetic_incidents() -> None:
    an_incident(level="error")
    an_incident(level="fatal", synthetic=True)
    assert _told("incident.detected") == []


@pytest.mark.parametrize(("confirmed", "words"), [(True, "for the 2nd time."), (False, "confirm it before it counts")])
def test_it_tells_of_a_recurrence_whatever_its_priority(confirmed: bool, words: str) -> None:
    incident = an_incident(level="error", incident={"recurrences": 2, "recurrence_confirmed": confirmed})
    with atomic_write() as session:
        recurrence_tell(session, incident)
    [told] = _told("incident.recurred")
    assert told["key"] == f"{incident.public_id}:recurred:2"
    assert words in told["text"]


def test_it_tells_nobody_of_a_synthetic_recurrence() -> None:
    incident = an_incident(synthetic=True, incident={"recurrences": 1})
    with atomic_write() as session:
        recurrence_tell(session, Incident.objects.get(pk=incident.pk))
    assert _told("incident.recurred") == []
