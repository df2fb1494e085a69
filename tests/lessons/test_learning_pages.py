"""What people write of an incident and its controls, on the pages: two at once, corrections, hints, waivers."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.lessons.models import Control, Lesson, RootCause, Waiver
from incidents.lessons.services.changes import text_changes
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.services.factors import factor_parse, factors_of
from incidents.lessons.services.prevention import control_due_default, control_is_overdue, title_hint
from incidents.lessons.services.record import control_record_steps
from incidents.lessons.workflows import control_run_record, lesson_write
from readiness.infra.clock import utcnow
from tests.factories import (
    ANYBODY,
    a_control,
    a_founder,
    a_proven_control,
    a_root_cause,
    a_run,
    an_api_key,
    an_engineer,
    an_incident,
)  # fmt: skip

HOSTILE = "<script>alert(1)</script>" + "w" * 1_900
TODAY = date(2026, 3, 1)


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(an_engineer(email="bob@example.com"))
    return client


@pytest.fixture
def founder() -> Client:
    client = Client()
    client.force_login(a_founder(email="ada@example.com"))
    return client


def in_days(days: int) -> str:
    return (utcnow() + timedelta(days=days)).date().isoformat()


# --- no database -----------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize(("priority", "days"), [("P0", 15), ("P1", 15), ("P2", 30), ("P3", 30), ("?", 15)])
def test_it_is_due_as_the_priority_asks(priority: str, days: int) -> None:
    assert control_due_default(priority=priority, today=TODAY) == TODAY + timedelta(days=days)


@pytest.mark.once
def test_it_is_overdue_from_the_day_after_until_it_was_proven_once() -> None:
    for state in ControlState:
        late = control_is_overdue(state=state, due_on=TODAY - timedelta(days=1), today=TODAY)
        assert late is (state in {"unproven", "failing_before"})
    assert not control_is_overdue(state="unproven", due_on=TODAY, today=TODAY)
    assert not control_is_overdue(state="unproven", due_on=None, today=TODAY)


@pytest.mark.once
@pytest.mark.parametrize("title", ["Improve the retries", "Investigate it", "Be careful with money", "Be more careful"])
def test_it_hints_at_a_title_without_an_end(title: str) -> None:
    assert title.split(maxsplit=1)[0].lower() in title_hint(title).lower()
    assert title_hint("A budget read twice is refused") == ""
    assert title_hint("The improved export opens one connection") == ""


@pytest.mark.once
def test_it_reads_the_kind_before_a_factor_only_where_there_is_one() -> None:
    parsed = [factor_parse(line) for line in ("Process : nobody asked", "retry: 3", "code:", "haste", "people:a: b")]
    told = [(item.kind.value, item.text) for item in parsed]
    assert told == [("process", "nobody asked"), ("unknown", "retry: 3"), ("unknown", "code:"), ("unknown", "haste"),
                    ("people", "a: b")]  # fmt: skip
    assert [item.line for item in parsed[:2]] == ["process: nobody asked", "retry: 3"]
    assert factors_of(["code: x"]) == factors_of([{"kind": "code", "text": "x"}])


@pytest.mark.once
def test_it_tells_what_changed_in_a_text_and_in_a_very_long_one() -> None:
    pieces = text_changes(before="The budget was read twice.", after="The budget was read three times.")
    assert [(piece.change, piece.text) for piece in pieces] == [
        ("same", "The budget was read "), ("gone", "twice."), ("new", "three times."),
    ]  # fmt: skip
    assert text_changes(before="", after="a") == (text_changes(before="b", after="a")[1],)
    before, after = "a b " * 5_000, "b a " * 5_000
    for old, new in ((before, after), ("a b " * 370, "b a c " * 370)):
        told = text_changes(before=old, after=new)
        assert "".join(piece.text for piece in told if piece.change != "gone") == new
        assert "".join(piece.text for piece in told if piece.change != "new") == old


@pytest.mark.once
def test_it_is_a_record_of_four_steps() -> None:
    known: dict[str, Any] = {"incident": "INC-7", "root_cause": "a\nb", "symptom_fix": "", "prevention_primitive": ""}
    steps = control_record_steps(**known, evolution="", state=ControlState.UNPROVEN)
    assert [(step.name, step.state) for step in steps] == [
        ("INC-7", "done"), ("Symptom fix", "current"), ("Prevention primitive", "todo"), ("CI check", "todo"),
    ]  # fmt: skip
    assert (steps[0].note, steps[1].note) == ("a b", "not said yet")
    said = {**known, "symptom_fix": "x" * 200, "prevention_primitive": "y"}
    steps = control_record_steps(**said, evolution="A stricter intent", state=ControlState.BROKEN)
    assert (len(steps[1].note), steps[3].state, steps[3].note) == (90, "fail", "a stricter intent, broken")


# --- two people at once ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_shows_the_second_writer_both_root_causes_and_saves_the_next_attempt(page: Client) -> None:
    incident = an_incident()
    a_root_cause(incident=incident, text="Hers.", contributing_factors=["process: nobody asked"])
    url, sent = f"/incidents/{incident.public_id}/write/root-cause/", {"cause-text": "His.", "cause-revision": "0"}
    sent["cause-evidence"] = incident.first_error_id
    refused = page.post(url, sent)
    told = refused.content.decode()
    assert refused.status_code == 422
    assert "saved this, revision 1" in told
    assert "<p>Hers.</p>" in told
    assert "His.</textarea>" in told
    assert 'name="cause-revision" value="1"' in told
    assert page.post(url, {**sent, "cause-text": "Both.", "cause-revision": "1"}).status_code == 302
    assert list(RootCause.objects.order_by("revision").values_list("text", flat=True)) == ["Hers.", "Both."]
    written = page.get(f"/incidents/{incident.public_id}/written/").content.decode()
    assert "<del>Hers.</del><ins>Both.</ins>" in written
    assert "<del>process: nobody asked</del>" in written


@pytest.mark.django_db
def test_it_shows_the_second_reviser_what_the_control_says_now(page: Client) -> None:
    control = a_control()
    url = f"/controls/{control.public_id}/revise/"
    shown = page.get(f"/controls/{control.public_id}/").context["form"]
    sent = {"kind": "check", "title": control.title, "command": control.command, "period_days": 7, "owner": "bob",
            "due_on": str(control.due_on), "stamp": shown["stamp"].value()}  # fmt: skip
    assert page.post(url, {**sent, "title": "Hers"}).status_code == 302
    refused = page.post(url, sent)
    told = refused.content.decode()
    assert refused.status_code == 422
    assert "Somebody changed" in told
    assert "It says now: Hers" in told
    assert told.count("It says now:") == 1
    assert Control.objects.get().title == "Hers"
    assert page.post(url, {**sent, "stamp": refused.context["form"]["stamp"].value()}).status_code == 302
    assert Control.objects.get().title == control.title


@pytest.mark.django_db
def test_it_corrects_a_lesson_and_keeps_what_it_said_before(page: Client) -> None:
    incident = an_incident()
    first = lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="Ask twice", actor=ANYBODY)
    form = page.get(f"/incidents/{incident.public_id}/?correct={first.pk}").content.decode()
    assert "Correct the lesson" in form
    assert "Ask twice</textarea>" in form
    url = f"/incidents/{incident.public_id}/write/lesson/"
    sent = {"lesson-believed": "a", "lesson-was_true": "b", "lesson-do_now": "Ask once", "lesson-replaces": first.pk}
    assert page.post(url, sent).status_code == 302
    late = page.post(url, {**sent, "lesson-do_now": "Ask never"})
    assert late.status_code == 422
    assert "Ask never</textarea>" in late.content.decode()
    newest = Lesson.objects.get(do_now="Ask once")
    assert late.context["lesson_form"]["replaces"].value() == str(newest.pk)
    assert "<del>twice</del><ins>once</ins>" in page.get(f"/incidents/{incident.public_id}/written/").content.decode()
    assert page.get(f"/incidents/{incident.public_id}/?correct=nonsense").status_code == 200
    assert page.get("/incidents/INC-99999/written/").status_code == 404


# --- controls --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_makes_a_rule_that_says_which_and_where_due_by_priority(page: Client) -> None:
    incident = an_incident(incident={"priority": "P1"})
    url = f"/incidents/{incident.public_id}/write/control/"
    sent = {"control-kind": "rule", "control-title": "Improve locking", "control-period_days": 7,
            "control-governance_updates_known": ["SEMANTIC_ARTIFACTS.md"], "control-prevention_primitive": "lock_row()",
            "control-governance_updates_others": "docs/locks.md\n", "control-evolution": "stricter_intent"}  # fmt: skip
    refused = page.post(url, sent)
    assert refused.status_code == 422
    assert "Say where the rule stands" in refused.content.decode()
    assert "docs/locks.md" in refused.content.decode()
    ruled = {**sent, "control-rule_kind": "forbidden_pattern", "control-rule_reference": "lint/patterns.py"}
    page.post(url, ruled)
    control = Control.objects.get()
    assert (control.rule_kind, control.rule_reference) == ("forbidden_pattern", "lint/patterns.py")
    assert control.governance_updates == ["SEMANTIC_ARTIFACTS.md", "docs/locks.md"]
    assert control.due_on == utcnow().date() + timedelta(days=15)
    shown = page.get(f"/controls/{control.public_id}/").content.decode()
    for words in ("Forbidden pattern", "docs/locks.md", "a stricter intent, unproven", "has no end", "lock_row()"):
        assert words in shown


@pytest.mark.django_db
def test_it_shows_an_overdue_control_as_overdue_wherever_it_stands(page: Client) -> None:
    control = a_control(due_on=utcnow().date() - timedelta(days=2))
    lesson_write(incident_id=control.incident_id, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    for path in (f"/controls/{control.public_id}/", f"/incidents/{control.incident.public_id}/", "/lessons/"):
        assert ">overdue</span>" in page.get(path).content.decode(), path


# --- waivers ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_lets_a_founder_waive_a_broken_control_and_names_it_everywhere(founder: Client, page: Client) -> None:
    control = a_proven_control(incident=an_incident(incident={"priority": "P1"}))
    lesson_write(incident_id=control.incident_id, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    control_run_record(control_id=control.pk, report=a_run("failed", "9" * 40, on_main=True), reporter=ANYBODY)
    url, sent = f"/controls/{control.public_id}/waive/", {"waiver-reason": HOSTILE, "waiver-expires_at": in_days(5)}
    assert "by a founder" in page.get(f"/controls/{control.public_id}/").content.decode()
    refused = page.post(url, sent)
    assert refused.status_code == 422
    assert "Only a founder may waive" in refused.content.decode()
    for wrong, said in (({"waiver-reason": ""}, "required"), ({"waiver-expires_at": in_days(99)}, "At most 90 days"),
                        ({"waiver-expires_at": in_days(-1)}, "has passed already")):  # fmt: skip
        kept = founder.post(url, {**sent, **wrong})
        assert kept.status_code == 422
        assert said in kept.content.decode()
    assert founder.post(url, sent).status_code == 302
    given = Waiver.objects.get()
    assert given.given_by == "ada@example.com"
    for path in (f"/controls/{control.public_id}/", f"/incidents/{control.incident.public_id}/", "/lessons/"):
        shown = page.get(path).content.decode()
        assert given.public_id in shown, path
        assert "ada@example.com" in shown, path
        assert "<script>alert" not in shown, path
    assert "1 more counts only by a waiver" in " ".join(page.get("/lessons/").content.decode().split())
    assert page.get("/lessons/?proof=waived").context["total"] == 1
    revoke = f"/waivers/{given.public_id}/revoke/"
    assert "revoked by a founder" in page.post(revoke, follow=True).content.decode()
    assert "counts for nothing" in founder.post(revoke, follow=True).content.decode()
    assert page.get("/lessons/?proof=waived").context["total"] == 0
    assert "is revoked already" in founder.post(revoke, follow=True).content.decode()
    assert founder.post("/waivers/WVR-99999/revoke/").status_code == 404
    assert founder.get(revoke).status_code == 405


@pytest.mark.django_db
def test_it_closes_an_incident_by_waiver_on_its_page(page: Client) -> None:
    incident = an_incident(incident={"priority": "P2"})
    refused = page.post(f"/incidents/{incident.public_id}/waive/", {"waiver-reason": "Gone soon."})
    assert refused.status_code == 422
    assert "Gone soon.</textarea>" in refused.content.decode()
    sent = {"waiver-reason": "Gone soon.", "waiver-expires_at": in_days(9)}
    assert page.post(f"/incidents/{incident.public_id}/waive/", sent).status_code == 302
    shown = page.get(f"/incidents/{incident.public_id}/").content.decode()
    assert "Only by a waiver" in shown
    assert "will happen again" in shown
    page.post(f"/incidents/{incident.public_id}/move/close/")
    incident.refresh_from_db()
    assert incident.status == "closed"


@pytest.mark.django_db
def test_it_filters_lessons_by_class_component_and_what_fails(page: Client) -> None:
    incident = an_incident(incident={"component": "billing.engine", "error_class": "infra.timeout"})
    for row in (incident, an_incident()):
        lesson_write(incident_id=row.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    a_control(incident=incident)
    found = {
        query: page.get(f"/lessons/?{query}").context["total"]
        for query in ("error_class=infra.timeout", "component=Billing", "proof=none", "proof=failing", "proof=proven",
                      "error_class=nonsense", "proof=odd")
    }  # fmt: skip
    assert found == {"error_class=infra.timeout": 1, "component=Billing": 1, "proof=none": 1, "proof=failing": 0,
                     "proof=proven": 0, "error_class=nonsense": 2, "proof=odd": 2}  # fmt: skip


@pytest.mark.django_db
def test_it_tells_machines_and_the_admin_of_a_waiver_that_counts(founder: Client) -> None:
    incident = an_incident(incident={"priority": "P2"})
    sent = {"waiver-reason": "Gone soon.", "waiver-expires_at": in_days(9)}
    founder.post(f"/incidents/{incident.public_id}/waive/", sent)
    given, key = Waiver.objects.get(), an_api_key("ops:read")
    headers = {"authorization": f"Bearer {key.key}"}
    told = Client().get(f"/ops/incidents/{incident.public_id}", headers=headers).json()["waivers"]
    assert [(row["key"], row["control"], row["by"], row["reason"]) for row in told] == [
        (given.public_id, None, "ada@example.com", "Gone soon."),
    ]  # fmt: skip
    founder.post(f"/waivers/{given.public_id}/revoke/")
    assert Client().get(f"/ops/incidents/{incident.public_id}", headers=headers).json()["waivers"] == []
    for path in ("waiver/", f"waiver/{given.pk}/change/", "waiverrevocation/"):
        assert founder.get(f"/admin/lessons/{path}").status_code == 200
    assert founder.get("/admin/lessons/waiver/add/").status_code == 403
