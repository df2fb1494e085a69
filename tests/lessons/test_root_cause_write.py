"""A person writes the root cause: the clock stops, revisions are kept, the controls are judged by its commits."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from incidents.errors.workflows import events_erase
from incidents.lessons.models import Control, Lesson, RootCause
from incidents.lessons.workflows import control_run_record, lesson_write, root_cause_write
from incidents.triage.models import Incident
from incidents.triage.store import timeline_of
from incidents.triage.workflows import incident_acknowledge
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, Invalid, NotFound
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, BROKEN, FIXED, a_control, a_root_cause, a_run, an_incident

pytestmark = pytest.mark.django_db


def test_it_stops_the_clock_and_pins_the_evidence() -> None:
    incident = an_incident(incident={"detected_at": utcnow() - timedelta(minutes=5)})
    written = root_cause_write(
        incident_id=incident.pk, text="  The budget was read twice. ", contributing_factors=["haste", "", "haste"],
        broken_commits=["ABCDEF1"], evidence=[incident.last_error_id] * 2, actor=ANYBODY,
    )  # fmt: skip
    after = Incident.objects.get(pk=incident.pk)
    assert (after.status, after.owner) == ("diagnosed", "Ada")
    assert after.diagnosed_at is not None
    assert after.acknowledged_at is not None
    assert (written.text, written.revision) == ("The budget was read twice.", 1)
    assert written.contributing_factors == [{"kind": "unknown", "text": "haste"}]
    assert written.broken_commits == ["abcdef1"]
    assert written.evidence == [incident.last_error_id]
    assert "1 pinned as evidence; the diagnosis clock stopped" in timeline_of(incident.pk)[-1].text


def test_it_keeps_a_root_cause_without_evidence_and_lets_the_clock_run() -> None:
    incident = an_incident()
    written = root_cause_write(incident_id=incident.pk, text="A guess.", evidence_reason="Too busy.", actor=ANYBODY)
    after = Incident.objects.get(pk=incident.pk)
    assert (after.status, after.owner, after.diagnosed_at) == ("acknowledged", "Ada", None)
    assert (written.evidence, written.evidence_reason) == ([], "Too busy.")
    assert "without evidence; the diagnosis clock runs on" in timeline_of(incident.pk)[-1].text
    a_root_cause(incident=incident, expected_revision=1)
    assert Incident.objects.get(pk=incident.pk).status == "diagnosed"


def test_it_takes_a_reason_where_no_event_is_left_to_pin() -> None:
    incident = an_incident()
    events_erase(project_id=incident.project_id, error_ids=[incident.first_error_id], actor=ANYBODY, reason="request 7")
    with pytest.raises(Invalid, match="is not stored here any more"):
        a_root_cause(incident=incident)
    root_cause_write(incident_id=incident.pk, text="It was told.", actor=ANYBODY)
    assert Incident.objects.get(pk=incident.pk).diagnosed_at is None
    root_cause_write(incident_id=incident.pk, text="It was told.", evidence_reason="Erased; read live.", actor=ANYBODY)
    assert Incident.objects.get(pk=incident.pk).diagnosed_at is not None
    assert "no event is left to pin (Erased; read live.)" in timeline_of(incident.pk)[-1].text


def test_it_pins_only_what_the_project_has_stored() -> None:
    incident, elsewhere = an_incident(), an_incident(project_id=2)
    for evidence in (["err_ffffffffffff"], [elsewhere.first_error_id], [incident.first_error_id, "nonsense"]):
        with pytest.raises(Invalid) as refusal:
            a_root_cause(incident=incident, evidence=evidence)
        assert [error.pointer for error in refusal.value.errors] == ["/evidence"]
    assert not RootCause.objects.exists()


def test_it_keeps_every_revision_and_the_first_stop() -> None:
    incident = an_incident()
    incident_acknowledge(incident_id=incident.pk, actor=ANYBODY)
    a_root_cause(incident=incident, text="First.", expected_revision=0)
    stopped = Incident.objects.get(pk=incident.pk).diagnosed_at
    a_root_cause(incident=incident, text="Second.", expected_revision=1)
    assert list(RootCause.objects.order_by("revision").values_list("text", flat=True)) == ["First.", "Second."]
    assert Incident.objects.get(pk=incident.pk).diagnosed_at == stopped


def test_it_tells_the_second_of_two_writers_and_loses_neither() -> None:
    incident = an_incident()
    root_cause_write(incident_id=incident.pk, text="Hers.", actor=ANYBODY, expected_revision=0)
    with pytest.raises(Conflict, match="Ada wrote revision 1"):
        root_cause_write(incident_id=incident.pk, text="His.", actor=ANYBODY, expected_revision=0)
    assert RootCause.objects.get().text == "Hers."


@pytest.mark.parametrize("text", ["", "   ", "x" * 20_001, "nul\0"])
def test_it_refuses_a_text_that_says_nothing_or_too_much(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        root_cause_write(incident_id=an_incident().pk, text=text, actor=ANYBODY)
    assert [error.pointer for error in refusal.value.errors] == ["/text"]
    assert not RootCause.objects.exists()


def test_it_refuses_what_is_no_commit_and_no_incident() -> None:
    with pytest.raises(Invalid) as refusal:
        root_cause_write(incident_id=an_incident().pk, text="So.", broken_commits=[BROKEN, "main"], actor=ANYBODY)
    assert [error.pointer for error in refusal.value.errors] == ["/broken_commits/1"]
    with pytest.raises(NotFound):
        root_cause_write(incident_id=0, text="So.", actor=ANYBODY)


def test_it_judges_the_controls_anew_when_it_names_other_commits() -> None:
    control = a_control()
    for outcome, commit in (("failed", BROKEN), ("passed", FIXED)):
        control_run_record(control_id=control.pk, report=a_run(outcome, commit), reporter=ANYBODY)
    assert Control.objects.get().state == "unproven"
    root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=[BROKEN[:8]], actor=ANYBODY)
    assert Control.objects.get().state == "proven"
    root_cause_write(incident_id=control.incident_id, text="No.", broken_commits=["c" * 40], actor=ANYBODY)
    assert Control.objects.get().state == "unproven"


def test_it_is_append_only_in_the_database() -> None:
    root_cause_write(incident_id=an_incident().pk, text="So.", actor=ANYBODY)
    for change in (
        lambda: RootCause.objects.update(text="Never."),
        lambda: RootCause.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), atomic_write(), transaction.atomic():
            change()
    assert RootCause.objects.get().text == "So."


# --- lessons --------------------------------------------------------------------------------------------------------


def test_it_writes_a_lesson_and_corrects_it() -> None:
    incident = an_incident()
    first = lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    second = lesson_write(
        incident_id=incident.pk, believed="a", was_true="b", do_now="d", actor=ANYBODY, replaces=first.pk
    )
    assert Lesson.objects.filter(replaced_by__isnull=True).get() == second
    with pytest.raises(Conflict):
        lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="e", actor=ANYBODY, replaces=first.pk)


@pytest.mark.parametrize("missing", ["believed", "was_true", "do_now"])
def test_it_refuses_a_lesson_without_text(missing: str) -> None:
    said: dict[str, Any] = {"believed": "a", "was_true": "b", "do_now": "c", missing: "  "}
    with pytest.raises(Invalid) as refusal:
        lesson_write(incident_id=an_incident().pk, actor=ANYBODY, **said)
    assert [error.pointer for error in refusal.value.errors] == [f"/{missing}"]


def test_it_corrects_no_lesson_of_another_incident() -> None:
    other = lesson_write(incident_id=an_incident().pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    with pytest.raises(NotFound):
        lesson_write(
            incident_id=an_incident().pk, believed="a", was_true="b", do_now="c", actor=ANYBODY, replaces=other.pk
        )
