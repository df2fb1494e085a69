"""The incident's page: what it shows, what a person can do there, and what it refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.errors.workflows import cleanup_old_errors, keys, person_erase
from incidents.lessons.models import Control, Lesson, RootCause
from incidents.lessons.workflows import lesson_write, root_cause_write
from incidents.triage.models import Incident
from incidents.triage.workflows import incident_note
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import (
    ANYBODY,
    BROKEN,
    a_control,
    a_post_mortem,
    a_proven_control,
    a_viewer,
    an_engineer,
    an_incident,
)

pytestmark = pytest.mark.django_db
QUERIES = 26  # of the page: the session and its person among them
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(an_engineer())
    return client


def read(client: Client, incident: Incident) -> str:
    answer = client.get(f"/incidents/{incident.public_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def write(client: Client, incident: Incident, what: str, prefix: str, **fields: Any) -> Any:
    sent = {f"{prefix}-{name}": value for name, value in fields.items()}
    return client.post(f"/incidents/{incident.public_id}/write/{what}/", sent)


def move(client: Client, incident: Incident, name: str) -> Any:
    return client.post(f"/incidents/{incident.public_id}/move/{name}/", follow=True)


def test_it_shows_what_broke_and_what_comes_next(page: Client) -> None:
    incident = an_incident(incident={"priority": "P1"})
    shown = read(page, incident)
    for expected in (
        "KeyError",
        "shop/orders.py",
        "settle",
        "shop@1.0.0",
        "Nobody has taken it yet",
        "will happen again",
    ):
        assert expected in shown
    assert "4111 1111" not in shown
    assert shown.index("Check first") > 0


def test_it_walks_from_acknowledged_to_closed(page: Client) -> None:
    incident = an_incident(incident={"priority": "P1"})
    taken = page.post(f"/incidents/{incident.public_id}/life/take/", follow=True)
    assert "You have it" in taken.content.decode()
    told = move(page, incident, "close").content.decode()
    assert "is not closed yet" in told
    assert "root cause is not written" in told
    cause = {"text": "Read twice.", "broken_commits": f"{BROKEN}\n", "contributing_factors": "haste", "revision": 0}
    cause["evidence"] = [incident.last_error_id]
    assert write(page, incident, "root-cause", "cause", **cause).status_code == 302
    assert write(page, incident, "lesson", "lesson", believed="a", was_true="b", do_now="c").status_code == 302
    made = {"kind": "check", "title": "Budget", "command": "pytest", "period_days": 7}
    assert write(page, incident, "control", "control", **made).status_code == 302
    assert "is unproven" in move(page, incident, "prevent").content.decode()
    a_proven_control(incident=incident)
    assert "Prevented" in move(page, incident, "prevent").content.decode()
    assert "No post-mortem is written" in move(page, incident, "close").content.decode()
    a_post_mortem(incident=incident)
    assert "Closed" in move(page, incident, "close").content.decode()
    assert Incident.objects.get(pk=incident.pk).status == "closed"


@pytest.mark.parametrize(
    ("what", "prefix", "fields", "told"),
    [
        ("root-cause", "cause", {"text": "", "revision": 0}, "This field is required"),
        ("root-cause", "cause", {"text": "x", "broken_commits": "main", "revision": 0}, "is no commit"),
        ("lesson", "lesson", {"believed": "a", "was_true": " ", "do_now": "c"}, "This field is required"),
        ("control", "control", {"kind": "check", "title": "t", "command": "", "period_days": 7}, "needs the command"),
        ("control", "control", {"kind": "playbook", "title": "t", "period_days": 7}, "what to check first"),
    ],
)
def test_it_keeps_the_input_beside_the_reason(
    page: Client, what: str, prefix: str, fields: dict[str, Any], told: str
) -> None:
    answer = write(page, an_incident(), what, prefix, **fields)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not RootCause.objects.exists()
    assert not Lesson.objects.exists()
    assert not Control.objects.exists()


def test_it_tells_the_second_of_two_writers(page: Client) -> None:
    incident = an_incident()
    root_cause_write(incident_id=incident.pk, text="Hers.", actor=ANYBODY)
    answer = write(page, incident, "root-cause", "cause", text="His, long thought about.", revision=0)
    assert answer.status_code == 422
    assert "Ada wrote revision 1" in answer.content.decode()
    assert "His, long thought about." in answer.content.decode()


@pytest.mark.parametrize("path", ["write/root-cause/", "life/note/", "move/close/", "life/take/"])
def test_it_lets_a_viewer_read_only(path: str) -> None:
    client, incident = Client(), an_incident()
    client.force_login(a_viewer())
    shown = read(client, incident)
    assert "Take it" not in shown
    assert "/write/" not in shown
    assert client.post(f"/incidents/{incident.public_id}/{path}", {"cause-text": "x"}).status_code == 403
    assert Incident.objects.get(pk=incident.pk).status == "detected"


def test_it_is_not_there_without_signing_in_nor_for_what_is_no_incident(page: Client) -> None:
    incident = an_incident()
    assert Client().get(f"/incidents/{incident.public_id}/").status_code == 302
    for path in ("INC-99999999/", "nonsense/", f"{incident.public_id}/move/close/extra/"):
        assert page.get(f"/incidents/{path}").status_code == 404
    for path in ("move/fly/", "write/poem/"):
        assert page.post(f"/incidents/{incident.public_id}/{path}").status_code == 404
        assert page.get(f"/incidents/{incident.public_id}/{path}").status_code == 405


def test_it_escapes_hostile_text_in_every_field(page: Client) -> None:
    incident = an_incident(
        release=HOSTILE, environment=HOSTILE, tags={HOSTILE: HOSTILE}, message=HOSTILE, sdk={"name": HOSTILE},
        exception={"values": [{"type": HOSTILE, "value": HOSTILE, "stacktrace": {"frames": [
            {"filename": HOSTILE, "function": HOSTILE, "in_app": True}]}}]},
        breadcrumbs=[{"category": HOSTILE, "message": HOSTILE}],
        incident={"title": HOSTILE, "component": HOSTILE, "owner": HOSTILE},
    )  # fmt: skip
    root_cause_write(
        incident_id=incident.pk, text=HOSTILE, contributing_factors=[HOSTILE], broken_commits=[BROKEN], actor=ANYBODY
    )
    lesson_write(incident_id=incident.pk, believed=HOSTILE, was_true=HOSTILE, do_now=HOSTILE, actor=ANYBODY)
    control = a_control(
        incident=incident, title=HOSTILE, command=HOSTILE, check_first=HOSTILE, never_again=HOSTILE, owner=HOSTILE,
        governance_updates=[HOSTILE],
    )  # fmt: skip
    incident_note(incident_id=incident.pk, text=HOSTILE, actor=ANYBODY)
    for path in (f"/incidents/{incident.public_id}/", f"/controls/{control.public_id}/", "/lessons/"):
        shown = page.get(path).content.decode()
        assert "<img" not in shown
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown


def test_it_costs_the_same_queries_with_much_to_show(page: Client, django_assert_num_queries: Any) -> None:
    incident = an_incident(contexts={"trace": {"trace_id": "a" * 32, "span_id": "b" * 16}})
    for number in range(2):
        a_proven_control(incident=incident)
        lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now=str(number), actor=ANYBODY)
    an_incident()
    with django_assert_num_queries(QUERIES):
        read(page, incident)
    for _ in range(8):
        other = an_incident(contexts={"trace": {"trace_id": "a" * 32, "span_id": "b" * 16}})
        lesson_write(incident_id=other.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
        a_proven_control(incident=incident)
        lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
        a_control(incident=incident, kind="playbook", command="", check_first="The gateway.")
        incident_note(incident_id=incident.pk, text="Seen.", actor=ANYBODY)
    # One more where the last status update may be further down the timeline than what is shown of it.
    with django_assert_num_queries(QUERIES + 1):
        read(page, incident)


def test_it_shows_the_newest_that_is_left(page: Client) -> None:
    incident = an_incident()
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(last_error_id="err_gone", occurrences=7)
    shown = read(page, incident)
    assert "The newest that is left of 7" in shown
    assert incident.first_error_id in shown


def test_it_says_that_it_shows_a_kept_copy_past_retention(page: Client) -> None:
    incident = an_incident(received_at=utcnow() - timedelta(days=100))
    assert "kept as evidence" not in read(page, incident)
    cleanup_old_errors(retention_days=90, actor=ANYBODY)
    shown = read(page, incident)
    assert "A copy of its first event, kept as evidence" in shown
    assert "retention is 90 days" in shown
    assert "settle" in shown, "its frames are there still"


def test_it_says_what_was_erased_by_whom_and_why(page: Client) -> None:
    incident = an_incident(
        keys=keys(), user={"id": "anna"}, exception={"values": [{"type": "KeyError", "value": "anna@home"}]}
    )
    person_erase(project_id=incident.project_id, person="anna", actor=ANYBODY, reason="request 7 <b>")
    shown = " ".join(read(page, incident).split())
    assert "1 event of a person was erased" in shown
    assert "by Ada, reason: request 7 &lt;b&gt;. Its figures still count it." in shown
    assert f"No event of {incident.public_id} is left." in shown
    assert "anna" not in shown
