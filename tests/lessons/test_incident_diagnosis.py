"""Diagnosis in 15 minutes (61, 62): for the first real incident, evidence, timeline, root cause and prevention path are
there already (5-8); what stands around it is told; what is gone or hostile is told and bounded.
"""

import json
from typing import Any

import pytest
from django.test import Client

from flags.services.changes import FlagState
from flags.services.values import FlagType
from flags.workflows import flag_define, flag_set
from incidents.errors.workflows import drops_record, errors_commit, events_erase
from incidents.lessons.workflows import incident_prevent, lesson_write
from incidents.triage.models import Incident
from tests.factories import (
    ANYBODY,
    a_captured_error,
    a_control,
    a_founder,
    an_api_key,
    an_incident,
)

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
TIMEOUT = {"error_class": "infra.timeout", "component": "billing.engine", "tenant_id": "acme"}


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(a_founder())
    return client


def read(client: Client, incident: Incident) -> str:
    answer = client.get(f"/incidents/{incident.public_id}/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def a_timeout(**fields: Any) -> Incident:
    """The incident of three timeouts of two people, in one correlation."""
    known = {
        "fingerprint": ["gateway"], "tags": TIMEOUT, "release": "shop@4.11.2",
        "contexts": {"trace": {"trace_id": "7" * 32, "span_id": "b" * 16}},
        "request": {"method": "POST", "url": "https://shop.example/orders", "data": {"order": 7}},
        "breadcrumbs": [{"category": "http", "message": "POST /orders"}],
    }  # fmt: skip
    for person in ("anna", "anna", "bert"):
        stored = errors_commit(errors=[a_captured_error(**{**known, "user": {"id": person}, **fields})])
    return Incident.objects.get(pk=int(str(stored[0].incident).removeprefix("INC-")))


def test_the_first_incident_has_its_evidence_timeline_cause_and_prevention(page: Client) -> None:
    incident = a_timeout()
    shown = read(page, incident)
    broke = "raised <b>KeyError</b>: &#x27;total&#x27;, while it answered POST /orders, in production."
    assert broke in shown
    assert shown.index(broke) < shown.index('<pre class="code">'), "a sentence first, never a stack"
    told = ("settle in shop/orders.py</b>", "<b>2 people</b>", "tenant acme (3)", "1 library frame", "Evidence 7 of 7")
    for evidence in told:
        assert evidence in shown, evidence
    assert "First event stored" in shown, "a timeline"
    assert f'value="{incident.last_error_id}"' in shown, "a root cause that pins the newest event"
    assert "diagnosis <span data-clock-shown>0:0" in shown
    assert "Add a control" in shown, "a prevention path"
    cause = {"cause-text": "Nobody asked.", "cause-revision": 0, "cause-evidence": [incident.last_error_id]}
    page.post(f"/incidents/{incident.public_id}/write/root-cause/", cause)
    assert "diagnosed in 0:0" in read(page, incident)


def test_it_tells_what_changed_what_it_is_like_and_what_was_lost(page: Client) -> None:
    past = a_timeout(fingerprint=["past"], release="shop@4.9.0")
    a_control(incident=past, kind="playbook", command="", check_first="Is the gateway up?", title="Ask the gateway")
    lesson_write(incident_id=past.pk, believed="a", was_true="b", do_now="A budget of 1 s, one retry.", actor=ANYBODY)
    incident_prevent(incident_id=past.pk, actor=ANYBODY)
    flag = flag_define(key="gatewayV2", state=FlagState(type=FlagType.BOOLEAN, value=False), actor=ANYBODY)
    flag_set(key="gatewayV2", value=True, expected_version=flag.version, reason="Roll out", actor=ANYBODY)
    incident = a_timeout()
    drops_record(project_id=1, source="sdk", drops=[("error", "queue_overflow", 2)])
    shown = read(page, incident)
    assert "<b>gatewayV2</b></a> set in production" in shown
    assert "by Ada" in shown
    assert "the first error of release shop@4.11.2 in production" in shown
    assert f"<b>{past.public_id}</b>" in shown
    assert "Fixed by: A budget of 1 s, one retry." in shown
    assert "same class infra.timeout, 1 in-app frame shared, same component" in shown
    assert "Is the gateway up?" in shown
    assert "times in a row in one correlation" in shown
    assert "The SDK dropped 2 events in this window: the SDK&#x27;s queue was full." in shown
    assert "Look at: " in shown
    assert "flag gatewayV2 set in production, " in shown
    answer = Client().get(f"/ops/incidents/{incident.public_id}", headers={"x-api-key": an_api_key("ops:read").key})
    told = json.loads(answer.content)
    assert told["evidence"]["present"][0] == "exception chain"
    assert (told["similar"][0]["id"], told["similar"][0]["lesson"]) == (past.public_id, "A budget of 1 s, one retry.")


def test_an_incident_whose_events_are_gone_says_so_and_asks_for_a_reason(page: Client) -> None:
    incident = an_incident()
    events_erase(project_id=1, error_ids=[incident.first_error_id], actor=ANYBODY, reason="request 7")
    shown = read(page, incident)
    assert f"No event of {incident.public_id} is left" in shown
    assert "Not known any more: its events are gone" in shown
    assert "Why nothing can be pinned" in shown
    assert 'name="cause-evidence"' not in shown
    assert "Evidence 2 of 6" in shown
    assert "How to get what is missing" in shown


def test_a_monstrous_event_is_bounded_and_escaped(page: Client) -> None:
    frames = [
        {
            "filename": f"{HOSTILE}{n}",
            "function": HOSTILE * 4,
            "lineno": n,
            "in_app": True,
            "context_line": HOSTILE * 30,
        }
        for n in range(2000)
    ]
    incident = an_incident(
        message=HOSTILE * 500, tags={f"{HOSTILE}{n}": HOSTILE for n in range(200)}, user={"id": HOSTILE},
        exception={"values": [{"type": HOSTILE * 5, "value": HOSTILE * 500, "stacktrace": {"frames": frames}}] * 20},
        breadcrumbs=[{"category": HOSTILE, "message": HOSTILE * 50}] * 100, release=HOSTILE, environment=HOSTILE,
    )  # fmt: skip
    answer = page.get(f"/incidents/{incident.public_id}/").content
    assert len(answer) < 150_000
    assert b"<img" not in answer
    assert b"<script>alert" not in answer


def test_a_refused_root_cause_keeps_what_was_pinned(page: Client) -> None:
    incident = a_timeout()
    cause = {"cause-text": "", "cause-revision": 0, "cause-evidence": [incident.first_error_id]}
    answer = page.post(f"/incidents/{incident.public_id}/write/root-cause/", cause)
    assert answer.status_code == 422
    html = " ".join(answer.content.decode().split())
    box = html[html.index(f'value="{incident.first_error_id}"') :][:80]
    assert "checked" in box
