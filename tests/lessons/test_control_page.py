"""A control's page, the list of lessons, the client's download, and the admin."""

from typing import Any

import pytest
from django.test import Client

from incidents.lessons.models import Control, Lesson, RootCause
from incidents.lessons.workflows import control_run_record, lesson_write
from incidents.triage.models import Incident
from tests.factories import (
    ANYBODY,
    BROKEN,
    FIXED,
    a_control,
    a_founder,
    a_proven_control,
    a_run,
    a_viewer,
    an_engineer,
    an_incident,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(an_engineer())
    return client


def test_it_gives_the_exact_command_and_shows_its_runs(page: Client) -> None:
    control = a_proven_control()
    shown = page.get(f"/controls/{control.public_id}/").content.decode()
    command = f"readiness_client.py prove {control.public_id} --broken {BROKEN} --fixed SHA -- {control.command}"
    assert command in shown
    assert "/client/readiness_client.py" in shown
    assert "Red: 1 check failed on the broken commit" in shown
    assert "Proven: 1 check red on" in shown


def test_it_pages_its_runs(page: Client, django_assert_max_num_queries: Any) -> None:
    control = a_proven_control()
    for number in range(30):
        control_run_record(control_id=control.pk, report=a_run("passed", f"{number:040x}"), reporter=ANYBODY)
    with django_assert_max_num_queries(8):
        first = page.get(f"/controls/{control.public_id}/").content.decode()
    assert f"{29:012x}"[:12] not in first or "?before=" in first
    older = page.get(f"/controls/{control.public_id}/?before=8").content.decode()
    assert "Red: 1 check failed" in older
    assert "Red: 1 check failed" not in first
    assert page.get(f"/controls/{control.public_id}/?before=nonsense").status_code == 200


def test_it_makes_a_new_version(page: Client) -> None:
    control = a_proven_control()
    sent = {"kind": "check", "title": "Wider", "command": control.command, "period_days": 7, "new_version": "on"}
    answer = page.post(f"/controls/{control.public_id}/revise/", {**sent, "reason": "it came back"}, follow=True)
    assert "version 2" in answer.content.decode()
    assert Control.objects.get(pk=control.pk).state == "unproven"
    refused = page.post(f"/controls/{control.public_id}/revise/", {**sent, "command": ""})
    assert refused.status_code == 422
    assert "needs the command" in refused.content.decode()


def test_it_lets_a_viewer_read_only_and_knows_no_other() -> None:
    client, control = Client(), a_control()
    client.force_login(a_viewer())
    assert client.get(f"/controls/{control.public_id}/").status_code == 200
    assert client.post(f"/controls/{control.public_id}/revise/", {}).status_code == 403
    assert client.get("/controls/CTL-99999/").status_code == 404
    assert client.get("/controls/nonsense/").status_code == 404
    assert Client().get(f"/controls/{control.public_id}/").status_code == 302


# --- lessons --------------------------------------------------------------------------------------------------------


def learn(do_now: str, *, proven: bool = False) -> Lesson:
    incident = an_incident()
    if proven:
        a_proven_control(incident=incident)
    return lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now=do_now, actor=ANYBODY)


def test_it_lists_lessons_with_their_proof(page: Client) -> None:
    learn("Ask twice")
    learn("Ask once", proven=True)
    everything = page.get("/lessons/").content.decode()
    assert everything.index("Ask once") < everything.index("Ask twice")
    assert "no control" in everything
    proven = page.get("/lessons/?proof=proven").content.decode()
    assert "Ask once" in proven
    assert "Ask twice" not in proven
    assert "Ask twice" in page.get("/lessons/?proof=unproven").content.decode()
    assert "Ask twice" not in page.get("/lessons/?q=once").content.decode()
    assert "Nothing matches" in page.get("/lessons/?q=nowhere").content.decode()
    assert page.get("/lessons/?page=9999&proof=odd&q=%00").status_code == 200


def test_it_shows_a_replaced_lesson_no_more(page: Client) -> None:
    first = learn("Ask twice")
    lesson_write(
        incident_id=first.incident_id, believed="a", was_true="b", do_now="Ask once", actor=ANYBODY, replaces=first.pk
    )
    assert "Ask twice" not in page.get("/lessons/").content.decode()


def test_it_lists_many_lessons_in_the_same_queries(page: Client, django_assert_num_queries: Any) -> None:
    learn("One", proven=True)
    with django_assert_num_queries(7):
        page.get("/lessons/")
    for number in range(30):
        learn(f"Lesson {number}", proven=number % 2 == 0)
    with django_assert_num_queries(7):
        shown = page.get("/lessons/").content.decode()
    assert "1–25 of 31" in shown


def test_it_teaches_the_next_step_on_an_empty_list(page: Client) -> None:
    assert "No lesson yet" in page.get("/lessons/").content.decode()


# --- the client's download -------------------------------------------------------------------------------------------


def test_it_hands_out_the_client_to_anybody_as_a_download() -> None:
    answer = Client().get("/client/readiness_client.py")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/x-python")
    assert answer["Content-Disposition"] == 'attachment; filename="readiness_client.py"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    compile(answer.content, "readiness_client.py", "exec")
    assert Client().post("/client/readiness_client.py").status_code in (403, 405)


# --- the admin -------------------------------------------------------------------------------------------------------


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(a_founder())
    return client


def test_it_takes_a_root_cause_a_lesson_and_a_control_in_the_admin(admin: Client) -> None:
    incident = an_incident()
    cause = {"incident": incident.pk, "text": "So.", "contributing_factors": "a\nCode : b", "broken_commits": BROKEN}
    added = admin.post("/admin/lessons/rootcause/add/", cause, follow=True)
    assert "the diagnosis clock runs on" in added.content.decode()
    assert [item["kind"] for item in RootCause.objects.get().contributing_factors] == ["unknown", "code"]
    assert Incident.objects.get().diagnosed_at is None
    pinned = {**cause, "evidence": f"{incident.first_error_id}\n"}
    assert (
        "the diagnosis clock" not in admin.post("/admin/lessons/rootcause/add/", pinned, follow=True).content.decode()
    )
    assert RootCause.objects.get(revision=2).evidence == [incident.first_error_id]
    assert Incident.objects.get().diagnosed_at is not None
    lesson = {"incident": incident.pk, "believed": "a", "was_true": "b", "do_now": "c", "replaces": ""}
    assert admin.post("/admin/lessons/lesson/add/", lesson).status_code == 302
    made = {"incident": incident.pk, "kind": "check", "title": "t", "command": "pytest", "period_days": 7}
    assert admin.post("/admin/lessons/control/add/", made).status_code == 302
    control = Control.objects.get()
    changed = {**made, "command": "make test", "governance_updates": "PLAYBOOK"}
    assert admin.post(f"/admin/lessons/control/{control.pk}/change/", changed).status_code == 302
    after = Control.objects.get()
    assert (after.version, after.governance_updates) == (2, ["PLAYBOOK"])


def test_it_refuses_in_the_admin_what_the_page_refuses(admin: Client) -> None:
    incident = an_incident()
    bad = {"incident": incident.pk, "text": "So.", "contributing_factors": "", "broken_commits": "main"}
    answer = admin.post("/admin/lessons/rootcause/add/", bad)
    assert answer.status_code == 200
    assert "is no commit" in answer.content.decode()
    for unknown in ("err_ffffffffffff", "err_\x00", "x" * 300):
        wrong = admin.post("/admin/lessons/rootcause/add/", {**bad, "broken_commits": "", "evidence": unknown})
        assert "is not stored here any more" in wrong.content.decode(), unknown
    assert not RootCause.objects.exists()


def test_it_shows_what_was_written_in_the_admin_and_changes_none_of_it(admin: Client) -> None:
    control = a_proven_control()
    lesson = lesson_write(incident_id=control.incident_id, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    run = control.runs.latest("sequence")
    cause = RootCause.objects.get()
    for path in (f"rootcause/{cause.pk}", f"lesson/{lesson.pk}", f"controlrun/{run.pk}"):
        assert admin.get(f"/admin/lessons/{path}/change/").status_code == 200
        assert admin.post(f"/admin/lessons/{path}/change/", {"text": "x"}).status_code == 403
        assert admin.post(f"/admin/lessons/{path}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get(f"/admin/lessons/control/{control.pk}/change/").status_code == 200
    assert admin.post(f"/admin/lessons/control/{control.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get("/admin/lessons/controlrun/add/").status_code == 403
    for name in ("rootcause", "lesson", "control", "controlrun", "controlversion", "controlrecurrence"):
        assert admin.get(f"/admin/lessons/{name}/").status_code == 200
    assert FIXED in admin.get(f"/admin/lessons/controlrun/{run.pk}/change/").content.decode()
