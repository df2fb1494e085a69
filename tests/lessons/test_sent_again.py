"""A form sent twice, or again after going back, acts once; what was typed while others acted is not lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.lessons.models import Control, Lesson, PlaybookProposal, RootCause, Waiver
from incidents.lessons.workflows import lesson_write, root_cause_write
from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.workflows import incident_merge
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Invalid
from tests.factories import ANYBODY, BROKEN, a_founder, a_post_mortem, a_root_cause, an_engineer, an_incident

pytestmark = pytest.mark.django_db
ENDS = (utcnow() + timedelta(days=30)).date().isoformat()
LESSON = {"lesson-believed": "It is there.", "lesson-was_true": "It was not.", "lesson-do_now": "We ask."}
CONTROL = {"control-kind": "check", "control-title": "Asked", "control-command": "pytest", "control-period_days": 7}
WAIVER = {"waiver-reason": "The supplier mends it.", "waiver-expires_at": ENDS}


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(a_founder(name="Ada"))
    return client


def entries(kind: str) -> int:
    return TimelineEntry.objects.filter(kind=kind).count()


@pytest.mark.parametrize(
    ("path", "sent", "kind", "model"),
    [
        ("write/lesson", LESSON, "lesson", Lesson),
        ("write/control", CONTROL, "control-made", Control),
        ("waive", WAIVER, "waiver", Waiver),
        ("life/note", {"text": "Seen in\r\nParis too."}, "note", None),
        ("life/update", {"text": "Rolled back."}, "update", None),
    ],
)
def test_it_is_done_once(page: Client, path: str, sent: dict[str, Any], kind: str, model: Any) -> None:
    incident = an_incident()
    for _ in range(2):
        assert page.post(f"/incidents/{incident.public_id}/{path}/", sent).status_code == 302
    assert entries(kind) == 1
    assert model is None or model.objects.count() == 1
    other = an_incident()
    assert page.post(f"/incidents/{other.public_id}/{path}/", sent).status_code == 302
    assert entries(kind) == 2


def test_an_edit_of_the_playbook_is_proposed_once(page: Client) -> None:
    sent = {
        "error_class": "infra.timeout", "title": "It hangs", "check_first": "The pool\r\nThe disk", "why": "Seen.",
        "base_version": 0,
    }  # fmt: skip
    for _ in range(2):
        assert page.post("/playbook/proposals/new/", sent).status_code == 302
    assert PlaybookProposal.objects.count() == 1
    assert page.post("/playbook/proposals/new/", {**sent, "why": "Seen again."}).status_code == 302
    assert PlaybookProposal.objects.count() == 2


def test_it_corrects_a_lesson_once() -> None:
    incident = an_incident()
    said: dict[str, Any] = {"believed": "a", "was_true": "b", "do_now": "c", "actor": ANYBODY}
    first = lesson_write(incident_id=incident.pk, **said)
    twice = [lesson_write(incident_id=incident.pk, **{**said, "do_now": "better"}, replaces=first.pk) for _ in range(2)]
    assert twice[0] == twice[1]
    assert lesson_write(incident_id=incident.pk, **said, replaces=twice[0].pk) != first, "back to the first words"


def test_two_people_who_say_the_same_are_both_heard(page: Client) -> None:
    incident, other = an_incident(), Client()
    other.force_login(an_engineer(name="Bob"))
    for client in (page, other):
        client.post(f"/incidents/{incident.public_id}/life/note/", {"text": "It is slow."})
    assert entries("note") == 2


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("write/root-cause", {"cause-text": "Long thought about.", "cause-revision": 0}, "cause-text"),
        ("write/lesson", {**LESSON, "lesson-do_now": "Long thought about."}, "lesson-do_now"),
        ("life/note", {"text": "Long thought about."}, "text"),
        ("life/update", {"text": "Long thought about."}, "text"),
        (
            "post-mortem",
            {"post-summary": "Long thought about.", "post-impact": "x", "post-went_wrong": "y", "post-revision": 0},
            "post-summary",
        ),
    ],
)
def test_what_was_typed_goes_along_with_a_merge(page: Client, path: str, sent: dict[str, Any], field: str) -> None:
    gone, kept = an_incident(), an_incident(incident={"priority": "P1"})
    incident_merge(source_ids=[gone.pk], target_id=kept.pk, actor=ANYBODY)
    refused = page.post(f"/incidents/{gone.public_id}/{path}/", sent)
    shown = refused.content.decode()
    assert refused.status_code in (409, 422)
    assert f"merged into {kept.public_id}" in shown
    assert "Long thought about.</textarea>" in shown.replace("\n", "")
    assert f'action="/incidents/{kept.public_id}/{path}/"' in shown
    assert page.post(f"/incidents/{kept.public_id}/{path}/", sent).status_code == 302


def test_the_second_author_of_a_post_mortem_saves_the_next_attempt(page: Client) -> None:
    incident = an_incident(incident={"priority": "P1"})
    a_post_mortem(incident=incident)
    sent = {"post-summary": "Mine.", "post-impact": "x", "post-went_wrong": "y", "post-revision": 0}
    stale = page.post(f"/incidents/{incident.public_id}/post-mortem/", sent)
    assert stale.status_code == 422
    assert '<input type="hidden" name="post-revision" value="1"' in stale.content.decode()


def test_the_release_that_was_typed_comes_back_with_the_refusal(page: Client) -> None:
    incident, typed = an_incident(incident={"priority": "P1"}), 'shop@1.2.3"><script>'
    moved = page.post(f"/incidents/{incident.public_id}/move/prevent/", {"fixed_in_release": typed}, follow=True)
    assert "is not prevented yet" in moved.content.decode()
    assert 'value="shop@1.2.3&quot;&gt;&lt;script&gt;"' in moved.content.decode()


def test_the_evidence_that_stopped_the_clock_is_not_taken_away() -> None:
    incident = an_incident()
    a_root_cause(incident=incident, broken_commits=[BROKEN])
    with pytest.raises(Invalid, match="clock stopped by what is pinned"):
        root_cause_write(incident_id=incident.pk, text="Another.", actor=ANYBODY)
    a_root_cause(incident=incident, text="Another.")
    assert RootCause.objects.count() == 2
    assert Incident.objects.get(pk=incident.pk).diagnosed_at is not None
