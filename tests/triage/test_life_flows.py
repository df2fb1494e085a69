"""What people do with an incident: owners, snooze, undo, reopening, post-mortems; two at once are told apart."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentMove, TimelineEntry
from incidents.triage.services import undoing
from incidents.triage.services.revisions import ChangedMeanwhile
from incidents.triage.workflows import (
    IncidentRef,
    incident_acknowledge,
    incident_assign,
    incident_life_read,
    incident_reopen,
    incident_set_priority,
    incident_snooze,
    incident_undo,
    incident_update,
    incident_wake,
    move_record,
    post_mortem_exists,
    post_mortem_write,
)
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.refusals import Conflict, Invalid, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, atomic_write, transactional
from readiness.tenants.models import User
from tests.factories import a_captured_error, a_viewer, an_engineer, an_incident

pytestmark = pytest.mark.django_db


def actor(person: User) -> Actor:
    return Actor("person", str(person), person.pk)


def again(incident: Incident) -> Incident:
    incident.refresh_from_db()
    return incident


@transactional(TransactionIntent.LOCKED_MUTATION)
def close(txn: SingleConnectionTxn, *, incident_id: int, by: Actor) -> IncidentRef:
    incident, now = txn.lock_row(Incident, pk=incident_id), utcnow()
    move_record(
        incident=incident, kind="closed", text="Closed.", actor=by,
        fields={"status": "closed", "prevented_at": now, "closed_at": now},
    )  # fmt: skip
    return IncidentRef(incident.pk, "closed")


def test_it_is_handed_over_taken_over_and_dropped() -> None:
    ada, bob, incident = an_engineer(name="Ada"), an_engineer(name="Bob"), an_incident()
    incident_assign(incident_id=incident.pk, user_id=bob.pk, actor=actor(ada))
    assert (again(incident).owner, incident.owner_id, incident.status) == ("Bob", bob.pk, "detected")
    incident_assign(incident_id=incident.pk, user_id=ada.pk, actor=actor(ada))
    assert (again(incident).owner, incident.status) == ("Ada", "acknowledged"), "who takes it over has it"
    with pytest.raises(Conflict, match="already"):
        incident_assign(incident_id=incident.pk, user_id=ada.pk, actor=actor(bob))
    incident_assign(incident_id=incident.pk, user_id=None, actor=actor(ada))
    assert (again(incident).owner, incident.status, incident.acknowledged_at) == ("", "detected", None)
    for wrong in (a_viewer().pk, an_engineer(is_active=False).pk, 0):
        with pytest.raises(Invalid, match="active founder or engineer"):
            incident_assign(incident_id=incident.pk, user_id=wrong, actor=actor(ada))


def test_who_comes_too_late_is_told_what_was_changed_and_nothing_is_lost() -> None:
    ada, bob, incident = actor(an_engineer(name="Ada")), actor(an_engineer(name="Bob")), an_incident()
    seen = incident.revision
    incident_set_priority(incident_id=incident.pk, priority="P1", actor=ada, seen=seen)
    with pytest.raises(ChangedMeanwhile, match="Ada: P2 → P1") as refusal:
        incident_acknowledge(incident_id=incident.pk, actor=bob, seen=seen)
    assert [(change.actor, change.text) for change in refusal.value.changes] == [
        ("Ada", "P2 → P1. Investigate within 1 hour.")
    ]
    assert (again(incident).owner, incident.acknowledged_at) == ("", None)
    incident_acknowledge(incident_id=incident.pk, actor=bob, seen=refusal.value.revision)
    assert again(incident).owner == "Bob"
    incident_set_priority(incident_id=incident.pk, priority="P0", actor=bob, seen=refusal.value.revision)
    incident_set_priority(incident_id=incident.pk, priority="P1", actor=bob, seen=refusal.value.revision)
    with pytest.raises(ChangedMeanwhile):
        incident_set_priority(incident_id=incident.pk, priority="P0", actor=bob, seen=99)
    errors_commit(errors=[a_captured_error()])
    assert again(incident).revision == 4, "events count no revision"


def test_a_move_is_taken_back_for_ten_minutes_and_both_stay_on_the_timeline() -> None:
    ada, incident = actor(an_engineer(name="Ada")), an_incident()
    incident_acknowledge(incident_id=incident.pk, actor=ada)
    incident_set_priority(incident_id=incident.pk, priority="P0", actor=ada)
    life = incident_life_read(incident_id=incident.pk)
    assert life.undo is not None
    assert life.undo.kind == "priority"
    incident_undo(incident_id=incident.pk, move_id=life.undo.pk, actor=ada)
    assert (again(incident).priority, incident.priority_confirmed) == ("P2", False)
    with pytest.raises(Conflict, match="already"):
        incident_undo(incident_id=incident.pk, move_id=life.undo.pk, actor=ada)
    before = incident_life_read(incident_id=incident.pk).undo
    assert before is not None
    assert before.kind == "acknowledged", "the one before it is next"
    incident_undo(incident_id=incident.pk, move_id=before.pk, actor=ada)
    assert (again(incident).status, incident.owner, incident.acknowledged_at) == ("detected", "", None)
    assert incident_life_read(incident_id=incident.pk).undo is None
    kinds = list(TimelineEntry.objects.filter(incident=incident).order_by("pk").values_list("kind", flat=True))
    assert kinds == ["detected", "acknowledged", "priority", "undone", "undone"]
    with pytest.raises(NotFound):
        incident_undo(incident_id=an_incident().pk, move_id=before.pk, actor=ada)


def test_closing_is_undone_or_later_reopened_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, incident = actor(an_engineer(name="Ada")), an_incident()
    incident_acknowledge(incident_id=incident.pk, actor=ada)
    close(incident_id=incident.pk, by=ada)
    move = IncidentMove.objects.get(kind="closed")
    incident_undo(incident_id=incident.pk, move_id=move.pk, actor=ada)
    assert (again(incident).status, incident.closed_at, incident.prevented_at) == ("acknowledged", None, None)
    close(incident_id=incident.pk, by=ada)
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(fixed_in_release="shop@1.0.0")
    monkeypatch.setattr(undoing, "UNDO_WITHIN", timedelta(0))
    move = IncidentMove.objects.filter(kind="closed").latest("pk")
    with pytest.raises(Conflict, match="Reopen it with a reason"):
        incident_undo(incident_id=incident.pk, move_id=move.pk, actor=ada)
    with pytest.raises(Invalid, match="why it is not over"):
        incident_reopen(incident_id=incident.pk, reason=" ", actor=ada)
    incident_reopen(incident_id=incident.pk, reason="EU shops still fail.", actor=ada)
    assert (again(incident).status, incident.recurrences) == ("acknowledged", 0)
    assert again(incident).fixed_in_release == "", "what was named as the fix was none"
    with pytest.raises(Conflict, match="it is open"):
        incident_reopen(incident_id=incident.pk, reason="Twice.", actor=ada)


def test_what_came_back_since_is_not_undone() -> None:
    ada = actor(an_engineer())
    incident = an_incident(fingerprint=["back"], release="shop@1.0.0", trusted=True)
    close(incident_id=incident.pk, by=ada)
    seen = again(incident).revision
    later = (utcnow() + timedelta(seconds=5)).isoformat()
    errors_commit(errors=[a_captured_error(fingerprint=["back"], release="shop@1.1.0", timestamp=later, trusted=True)])
    assert again(incident).status == "recurred"
    move = IncidentMove.objects.get(kind="closed")
    with pytest.raises(Conflict, match="has gone on since"):
        incident_undo(incident_id=incident.pk, move_id=move.pk, actor=ada)
    with pytest.raises(ChangedMeanwhile, match="came back"):
        incident_set_priority(incident_id=incident.pk, priority="P0", actor=ada, seen=seen)


def test_a_reopening_is_not_undone_once_it_has_happened_again() -> None:
    ada = actor(an_engineer())
    incident = an_incident(fingerprint=["again"], release="shop@1.0.0", trusted=True)
    close(incident_id=incident.pk, by=ada)
    incident_reopen(incident_id=incident.pk, reason="I doubt it.", actor=ada)
    move, later = IncidentMove.objects.get(kind="reopened"), (utcnow() + timedelta(seconds=5)).isoformat()
    errors_commit(errors=[a_captured_error(fingerprint=["again"], release="shop@1.1.0", timestamp=later, trusted=True)])
    with pytest.raises(Conflict, match=r"has happened since it was over, shop@1.1.0 came after"):
        incident_undo(incident_id=incident.pk, move_id=move.pk, actor=ada)
    assert again(incident).status == "acknowledged"


def test_a_reopening_is_undone_where_only_an_old_release_was_seen_since() -> None:
    ada = actor(an_engineer())
    incident = an_incident(fingerprint=["old"], release="shop@1.0.0", trusted=True)
    close(incident_id=incident.pk, by=ada)
    incident_reopen(incident_id=incident.pk, reason="I doubt it.", actor=ada)
    later = (utcnow() + timedelta(seconds=5)).isoformat()
    errors_commit(errors=[a_captured_error(fingerprint=["old"], release="shop@1.0.0", timestamp=later, trusted=True)])
    incident_undo(incident_id=incident.pk, move_id=IncidentMove.objects.get(kind="reopened").pk, actor=ada)
    assert again(incident).status == "closed"


def test_it_sleeps_and_is_woken_by_hand() -> None:
    ada, incident = actor(an_engineer()), an_incident()
    incident_snooze(incident_id=incident.pk, actor=ada, more=5)
    assert (again(incident).snoozed_occurrences, incident.snoozed_release) == (6, "")
    assert incident_life_read(incident_id=incident.pk).signs.snooze == "until it has happened 6 times"
    incident_wake(incident_id=incident.pk, actor=ada)
    assert again(incident).snoozed_at is None
    with pytest.raises(Conflict, match="awake already"):
        incident_wake(incident_id=incident.pk, actor=ada)


def test_an_update_moves_the_next_one_on() -> None:
    ada, incident = actor(an_engineer()), an_incident(incident={"priority": "P1"})
    before = incident_life_read(incident_id=incident.pk).signs.update_due_at
    incident_update(incident_id=incident.pk, text="Rolled back; <b>watching</b>.", actor=ada)
    life = incident_life_read(incident_id=incident.pk)
    assert before is not None
    assert life.signs.update_due_at is not None
    assert life.signs.update_due_at > before
    assert life.last_update is not None
    assert (life.last_update.kind, life.last_update.text) == ("update", "Rolled back; <b>watching</b>.")
    assert life.revision == 0, "two people's updates are both kept"
    for text in ("  ", "x" * 4_001):
        with pytest.raises(Invalid):
            incident_update(incident_id=incident.pk, text=text, actor=ada)


def test_an_update_is_told_as_it_was_written_each_once() -> None:
    ada, incident = actor(an_engineer()), an_incident(incident={"priority": "P1"})
    for text in ("Rolled back.", "Rolled back.", "Shops sell again."):  # the second: a form sent twice
        incident_update(incident_id=incident.pk, text=text, actor=ada)
    incident_update(incident_id=an_incident(incident={"synthetic": True}).pk, text="A drill.", actor=ada)
    notices = OutboxMessage.objects.filter(topic="notice", payload__kind="incident.updated")
    told = [(message.payload["text"], message.payload["priority"], message.payload["page"]) for message in notices]
    page = f"/incidents/{incident.public_id}/"
    assert told == [("Rolled back.", "P1", page), ("Shops sell again.", "P1", page)]
    assert len({message.key for message in notices}) == 2
    assert notices[0].payload["facts"]["By"] == ada.name


def test_a_post_mortem_is_written_revised_and_never_changed() -> None:
    ada, incident = actor(an_engineer(name="Ada")), an_incident(incident={"priority": "P1"})
    said: dict[str, Any] = {"summary": "Charges failed.", "impact": "12 shops, an hour.", "went_wrong": "No alert."}
    assert not post_mortem_exists(incident_id=incident.pk)
    with pytest.raises(Invalid, match="who was hit"):
        post_mortem_write(incident_id=incident.pk, actor=ada, **{**said, "impact": " "})
    post_mortem_write(incident_id=incident.pk, actor=ada, expected_revision=0, **said)
    assert post_mortem_exists(incident_id=incident.pk)
    with pytest.raises(Conflict, match="Ada wrote revision 1"):
        post_mortem_write(incident_id=incident.pk, actor=ada, expected_revision=0, **said)
    assert post_mortem_write(incident_id=incident.pk, actor=ada, expected_revision=1, **said).revision == 2
    with pytest.raises(DatabaseError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("UPDATE triage_post_mortem SET summary = 'x'")
