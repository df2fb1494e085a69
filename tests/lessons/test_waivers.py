"""Waivers: a person, a reason and an end; from the end on, nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from hypothesis import given
from hypothesis import strategies as st

from incidents.lessons import store
from incidents.lessons.models import Control, Waiver, WaiverRevocation
from incidents.lessons.services.closing import ControlFact, incident_closing_evaluate
from incidents.lessons.services.control_state import ControlKind, ControlState
from incidents.lessons.services.waivers import LONGEST, WaiverFact, WaiverKind, waiver_counts, waiver_draft
from incidents.lessons.workflows import (
    control_revise,
    control_run_record,
    control_waive,
    controls_standing_read,
    controls_waived_read,
    incident_close,
    incident_prevent,
    incident_story_read,
    incident_waive,
    incidents_needing_a_person,
    incidents_will_recur,
    lesson_write,
    root_cause_write,
    waiver_revoke,
    waivers_counting_read,
)
from incidents.triage.models import Incident
from incidents.triage.store import timeline_of
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, Forbidden, Invalid, NotFound
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_control, a_post_mortem, a_proven_control, a_run, an_incident

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
seconds = st.integers(min_value=-10_000_000, max_value=10_000_000).map(lambda n: timedelta(seconds=n))


def a_fact(**fields: object) -> WaiverFact:
    known = {
        "key": "WVR-1", "kind": WaiverKind.CLOSE, "person": "Ada", "role": "founder", "reason": "So.",
        "given_at": START, "expires_at": START + timedelta(days=30),
    }  # fmt: skip
    return WaiverFact(**{**known, **fields})  # type: ignore[arg-type]


# --- what it is worth: no database ----------------------------------------------------------------------------------


@pytest.mark.once
@given(after=seconds, length=st.integers(min_value=1, max_value=7_776_000), revoked=st.none() | seconds)
def test_it_counts_from_its_giving_to_the_second_before_its_end(
    after: timedelta, length: int, revoked: timedelta | None
) -> None:
    fact = a_fact(
        expires_at=START + timedelta(seconds=length), revoked_at=None if revoked is None else START + abs(revoked)
    )
    now = START + after
    end = fact.expires_at if fact.revoked_at is None else min(fact.expires_at, fact.revoked_at)
    assert waiver_counts(waiver=fact, priority="P1", now=now) is (START <= now < end)
    assert not waiver_counts(waiver=fact, priority="P1", now=fact.expires_at)
    assert not waiver_counts(waiver=fact, priority="P3", now=fact.expires_at + abs(after))


@pytest.mark.once
@pytest.mark.parametrize(
    ("role", "priority", "counts"),
    [("founder", "P0", True), ("engineer", "P0", False), ("engineer", "P1", False), ("engineer", "P2", True),
     ("engineer", "no priority", False), ("viewer", "P1", False)],
)  # fmt: skip
def test_it_covers_a_grave_incident_only_if_a_founder_gave_it(role: str, priority: str, counts: bool) -> None:
    assert waiver_counts(waiver=a_fact(role=role), priority=priority, now=START) is counts


@pytest.mark.once
@pytest.mark.parametrize("state", [state for state in ControlState if state is not ControlState.RECORDED])
def test_it_stands_in_for_a_proof_that_was_once_there_and_for_nothing_else(state: ControlState) -> None:
    control = ControlFact("CTL-7", ControlKind.CHECK, state, a_fact(kind=WaiverKind.COUNT, control="CTL-7"))
    verdict = incident_closing_evaluate(priority="P0", has_root_cause=True, has_lesson=True, controls=(control,))
    assert verdict.allowed is (state in {"proven", "stale", "broken"})
    assert bool(verdict.waivers) is (state in {"stale", "broken"})
    if verdict.waivers:
        assert verdict.by_waiver == "Only by a waiver: WVR-1 by Ada until 2026-03-31 09:00 UTC."


@pytest.mark.once
def test_it_closes_without_a_control_but_not_without_what_is_learnt_and_it_will_happen_again() -> None:
    bare = incident_closing_evaluate(
        priority="P1", has_root_cause=False, has_lesson=False, controls=(), waiver=a_fact()
    )
    assert [item.part for item in bare.missing] == ["root_cause", "lesson"]
    learnt = incident_closing_evaluate(
        priority="P1", has_root_cause=True, has_lesson=True, controls=(), waiver=a_fact()
    )
    assert (learnt.allowed, learnt.will_recur) == (True, True)
    assert learnt.waivers[0].key == "WVR-1"


@pytest.mark.once
@pytest.mark.parametrize(
    ("reason", "expires_at", "pointer"),
    [("  ", START + timedelta(days=1), "/reason"), ("x" * 2_001, START + timedelta(days=1), "/reason"),
     ("So.", None, "/expires_at"), ("So.", START, "/expires_at"), ("So.", START - timedelta(days=1), "/expires_at"),
     ("So.", START + LONGEST + timedelta(seconds=1), "/expires_at")],
)  # fmt: skip
def test_it_needs_a_reason_and_an_end_within_ninety_days(
    reason: str, expires_at: datetime | None, pointer: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        waiver_draft(reason=reason, expires_at=expires_at, priority="P1", role="founder", now=START)
    assert [error.pointer for error in refusal.value.errors] == [pointer]


# --- given, taken back, over ----------------------------------------------------------------------------------------


def learn(incident: Incident) -> None:
    if not incident.root_causes.exists():
        root_cause_write(incident_id=incident.pk, text="So.", actor=ANYBODY)
    lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(diagnosed_at=utcnow())


def soon(days: int = 10) -> datetime:
    return utcnow() + timedelta(days=days)


def over(waiver: Waiver) -> None:
    """Another waiver, which ended a moment ago, in this one's place: rows are never changed."""
    waiver_revoke(waiver_id=waiver.pk, actor=ANYBODY, role="founder")
    with atomic_write():
        store.waiver_insert(
            project_id=waiver.project_id, kind=waiver.kind, incident=waiver.incident, control=waiver.control,
            reason="So.", given_by="Ada", given_role="founder", given_at=utcnow() - timedelta(days=9),
            expires_at=utcnow() - timedelta(microseconds=1),
        )  # fmt: skip


def waiting(incident: Incident) -> list[str]:
    return [item.code for item in incidents_needing_a_person() if item.incident == incident.public_id]


@pytest.mark.django_db
def test_it_closes_an_incident_names_itself_and_brings_it_back_when_it_is_over() -> None:
    incident = an_incident(incident={"priority": "P1"})
    learn(incident)
    with pytest.raises(Conflict):
        incident_close(incident_id=incident.pk, actor=ANYBODY)
    given = incident_waive(
        incident_id=incident.pk, reason=" The gateway is gone. ", expires_at=soon(), actor=ANYBODY, role="founder"
    )
    assert (given.given_by, given.reason) == (ANYBODY.name, "The gateway is gone.")
    incident_prevent(incident_id=incident.pk, actor=ANYBODY)
    with pytest.raises(Conflict, match="No post-mortem"):
        incident_close(incident_id=incident.pk, actor=ANYBODY)
    a_post_mortem(incident=incident)
    incident_close(incident_id=incident.pk, actor=ANYBODY)
    said = [entry.text for entry in timeline_of(incident.pk)]
    assert sum(f"Only by a waiver: {given.public_id} by {ANYBODY.name} until" in text for text in said) == 2
    assert waiting(incident) == []
    assert [shown.fact.key for shown in waivers_counting_read()] == [given.public_id]
    over(given)
    assert waiting(incident) == ["waiver_over"]
    assert waivers_counting_read() == []
    a_control(incident=incident, kind="playbook", command="", never_again="Retry.")
    assert waiting(incident) == ["waiver_over"]


@pytest.mark.django_db
def test_it_lets_a_broken_control_count_until_it_is_over() -> None:
    control = a_proven_control(incident=an_incident(incident={"priority": "P1"}))
    incident = control.incident
    learn(incident)
    with pytest.raises(Conflict, match="is proven: a waiver covers"):
        control_waive(control_id=control.pk, reason="So.", expires_at=soon(), actor=ANYBODY, role="founder")
    control_run_record(control_id=control.pk, report=a_run("failed", "9" * 40, on_main=True), reporter=ANYBODY)
    assert waiting(incident)[-1] == "broken"
    given = control_waive(control_id=control.pk, reason="So.", expires_at=soon(), actor=ANYBODY, role="founder")
    assert "broken" not in waiting(incident)
    assert controls_waived_read(control_ids=[control.pk, 0])[control.pk].key == given.public_id
    story = incident_story_read(incident_id=incident.pk)
    assert story.closing.allowed
    assert story.controls[0].waiver is not None
    over(given)
    assert "broken" in waiting(incident)
    assert not incident_story_read(incident_id=incident.pk).closing.allowed
    assert controls_waived_read(control_ids=[control.pk]) == {}


@pytest.mark.django_db
def test_it_covers_no_control_that_was_refuted_or_made_anew() -> None:
    control = a_proven_control(incident=an_incident(incident={"priority": "P1"}))
    lesson_write(incident_id=control.incident_id, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    control_run_record(control_id=control.pk, report=a_run("failed", "9" * 40, on_main=True), reporter=ANYBODY)
    control_waive(control_id=control.pk, reason="So.", expires_at=soon(), actor=ANYBODY, role="founder")
    assert [row.waiver != "" for row in controls_standing_read(project_id=None)] == [True]
    control_revise(control_id=control.pk, changes={"command": "true"}, actor=ANYBODY)
    assert [row.waiver for row in controls_standing_read(project_id=None)] == [""]
    assert (controls_waived_read(control_ids=[control.pk]), waivers_counting_read()) == ({}, [])
    story = incident_story_read(incident_id=control.incident_id)
    assert [shown.counts for shown in story.waivers] == [False]
    assert not story.closing.waivers


@pytest.mark.django_db
def test_it_counts_no_more_once_revoked_and_is_revoked_once() -> None:
    incident = an_incident(incident={"priority": "P2"})
    given = incident_waive(incident_id=incident.pk, reason="So.", expires_at=soon(), actor=ANYBODY, role="engineer")
    waiver_revoke(waiver_id=given.pk, actor=ANYBODY, role="engineer", reason="Proven by now.")
    assert not waivers_counting_read()
    with pytest.raises(Conflict, match="revoked already"):
        waiver_revoke(waiver_id=given.pk, actor=ANYBODY, role="engineer")
    with pytest.raises(NotFound):
        waiver_revoke(waiver_id=0, actor=ANYBODY, role="engineer")
    assert [entry.kind for entry in timeline_of(incident.pk)][-2:] == ["waiver", "waiver-revoked"]


@pytest.mark.django_db
def test_it_is_given_by_a_person_and_of_a_grave_incident_by_a_founder() -> None:
    grave, light = an_incident(incident={"priority": "P0"}), an_incident(incident={"priority": "P3"})
    for incident, actor, role in ((grave, ANYBODY, "engineer"), (light, ANYBODY, "viewer"), (light, SYSTEM, "founder")):
        with pytest.raises(Forbidden):
            incident_waive(incident_id=incident.pk, reason="So.", expires_at=soon(), actor=actor, role=role)
    given = incident_waive(incident_id=light.pk, reason="So.", expires_at=soon(), actor=ANYBODY, role="engineer")
    assert [shown.fact.key for shown in waivers_counting_read()] == [given.public_id]
    with atomic_write():
        Incident.objects.filter(pk=light.pk).update(priority="P1")
    assert waivers_counting_read() == []
    shown = incident_story_read(incident_id=light.pk).waivers[0]
    assert (shown.standing, shown.counts) == (True, False)
    with pytest.raises(Forbidden):
        waiver_revoke(waiver_id=given.pk, actor=ANYBODY, role="engineer")


@pytest.mark.django_db
def test_it_counts_in_sql_as_in_the_rule() -> None:
    now = utcnow()
    moments = (now - timedelta(days=2), now - timedelta(seconds=1), now, now + timedelta(seconds=1))
    incidents = [an_incident(incident={"priority": name}) for name in ("P1", "P2")]
    with atomic_write():
        for incident in incidents:
            for role in ("founder", "engineer"):
                for ends in moments[1:]:
                    for revoked in (None, *moments):
                        row = store.waiver_insert(
                            project_id=0, kind="close", incident=incident, reason="So.", given_by="Ada",
                            given_role=role, given_at=moments[0], expires_at=ends,
                        )  # fmt: skip
                        if revoked is not None:
                            store.waiver_revocation_insert(
                                project_id=0, waiver=row, reason="", revoked_by="Ada", revoked_at=revoked
                            )
    facts = store.waivers_of_incidents([incident.pk for incident in incidents])
    by_rule = {
        fact.key
        for incident in incidents
        for fact in facts[incident.pk]
        if waiver_counts(waiver=fact, priority=incident.priority, now=now)
    }
    assert {row.public_id for row in store.waivers_counting(now)} == by_rule
    assert 0 < len(by_rule) < Waiver.objects.count()


@pytest.mark.django_db
def test_it_is_append_only_in_the_database() -> None:
    given = incident_waive(
        incident_id=an_incident(incident={"priority": "P3"}).pk, reason="So.", expires_at=soon(), actor=ANYBODY,
        role="engineer",
    )  # fmt: skip
    waiver_revoke(waiver_id=given.pk, actor=ANYBODY, role="engineer")
    for change in (
        lambda: Waiver.objects.update(expires_at=soon(80)),
        lambda: WaiverRevocation.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), atomic_write(), transaction.atomic():
            change()


@pytest.mark.django_db
def test_it_tells_which_incidents_will_happen_again() -> None:
    bare, held = an_incident(), an_incident()
    a_control(incident=held)
    assert incidents_will_recur(incident_ids=[bare.pk, held.pk]) == {bare.pk}
    assert Control.objects.count() == 1
