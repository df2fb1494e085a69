"""Recorded verdicts: when changed or once a day, append-only on both databases, verified along their chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from incidents.triage.models import Incident
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import atomic_write
from readiness.programs import store
from readiness.programs.models import Program, Verdict, VerdictBody
from readiness.programs.services.chain import ChainState, body_digest
from readiness.programs.workflows import (
    program_unpin,
    score_set,
    verdict_chain_verify,
    verdict_evaluate,
    verdict_record,
    verdicts_record_daily,
)
from readiness.programs.workflows.verdicts import incidents_of
from tests.factories import ANYBODY, a_draft, a_program, an_incident

pytestmark = pytest.mark.django_db
SLUG = "phase-1-exit"


@pytest.fixture(autouse=True)
def program() -> Program:
    return a_program()


def change(score: int) -> None:
    draft = a_draft(f"Reliability at {score}")
    score_set(slug=SLUG, category="reliability", score=score, evidence=[], new=draft, actor=ANYBODY)


def test_a_change_is_recorded_with_its_cause_and_actor() -> None:
    change(3)
    row = Verdict.objects.latest("sequence")
    assert (row.sequence, str(row.score), row.actor_name) == (2, "75.00", "Ada")
    assert row.cause == "Reliability Outcomes: 2 → 3"


def test_an_unchanged_verdict_is_recorded_once_a_day() -> None:
    assert not verdict_record(slug=SLUG, actor=ANYBODY, cause="again").recorded
    assert verdicts_record_daily(actor=ANYBODY) == 0
    assert Verdict.objects.count() == 1
    old = Verdict.objects.get()
    old.evaluated_at -= timedelta(days=1, minutes=1)
    with forging(old):
        store.verdict_insert(row=old, salt="s", body="{}")
    assert verdicts_record_daily(actor=ANYBODY) == 1
    assert Verdict.objects.latest("sequence").cause == "daily record"


@contextmanager
def forging(row: Verdict) -> Iterator[None]:
    """Who may write the tables and hold a permit, but lacks the key: the row and its body are gone, to be forged."""
    with atomic_write() as session:
        body = VerdictBody.objects.get(verdict=row)
        for table, pk in (("programs_verdictbody", body.pk), ("programs_verdict", row.pk)):
            with deletion_permit(session, table=table, actor=ANYBODY, reason="a test", row_ids=[pk]):
                (VerdictBody if table.endswith("body") else Verdict).objects.filter(pk=pk).delete()
        yield


def test_its_chain_is_intact() -> None:
    for score in (3, 2, 4):
        change(score)
    report = verdict_chain_verify(slug=SLUG)
    assert (report.state, report.entries) == (ChainState.INTACT, 4)
    with pytest.raises(NotFound):
        verdict_chain_verify(slug="other")


@pytest.mark.parametrize(
    "table",
    [
        "programs_verdict",
        "programs_verdictbody",
        "programs_evidence",
        "programs_attestation",
        "programs_attestationevidence",
        "programs_scorechange",
        "programs_scoreevidence",
    ],
)
def test_raw_sql_changes_and_deletes_nothing(table: str) -> None:
    change(3)
    for statement in (f"UPDATE {table} SET project_id = 7", f"DELETE FROM {table}"):
        with pytest.raises((IntegrityError, DatabaseError), match="append-only"), transaction.atomic(), atomic_write():
            connection.cursor().execute(statement)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), count(DISTINCT id) FROM {table} WHERE project_id = 0")
        rows = cursor.fetchone()
        assert rows[0] == rows[1] > 0


def test_a_permitted_erasure_is_told_apart_from_tampering() -> None:
    change(3)
    body = VerdictBody.objects.get(verdict__sequence=1)
    with (
        atomic_write() as session,
        deletion_permit(session, table="programs_verdictbody", actor=ANYBODY, reason="erasure", row_ids=[body.pk]),
    ):
        VerdictBody.objects.filter(pk=body.pk).delete()
    report = verdict_chain_verify(slug=SLUG)
    assert (report.state, report.erased) == (ChainState.ERASED, (1,))
    change(4)
    assert verdict_chain_verify(slug=SLUG).state is ChainState.ERASED


def test_a_rewritten_body_is_seen() -> None:
    change(3)
    last = Verdict.objects.get(sequence=2)
    with forging(last):
        store.verdict_insert(row=last, salt="s", body='{"verdict": "GO"}')
    report = verdict_chain_verify(slug=SLUG)
    assert (report.state, report.tampered_at) == (ChainState.TAMPERED, 2)
    assert "body" in report.reason


def test_a_rewritten_entry_with_a_fitting_digest_is_seen_too() -> None:
    change(3)
    last = Verdict.objects.get(sequence=2)
    last.verdict, last.digest = "GO", body_digest(salt="s", body="{}")
    with forging(last):
        store.verdict_insert(row=last, salt="s", body="{}")
    report = verdict_chain_verify(slug=SLUG)
    assert (report.state, report.tampered_at) == (ChainState.TAMPERED, 2)
    assert "link" in report.reason


# --- incidents of this console ----------------------------------------------------------------------------------------


def blockers() -> list[str]:
    return [b.ref for b in verdict_evaluate(slug=SLUG).evaluation.blockers if b.kind == "incident"]


def test_a_pinned_program_takes_no_notice_of_this_consoles_incidents() -> None:
    an_incident(incident={"priority": "P0"})
    assert blockers() == []


def test_open_grave_incidents_block_and_say_whether_they_are_confirmed() -> None:
    program_unpin(slug=SLUG, actor=ANYBODY)
    p1 = an_incident(incident={"priority": "P1", "trusted": False})
    p0 = an_incident(incident={"priority": "P0", "priority_confirmed": True})
    an_incident(incident={"priority": "P2"})
    an_incident(incident={"priority": "P0", "synthetic": True})
    an_incident(incident={"priority": "P0", "status": Incident.Status.CLOSED})
    assert blockers() == [p0.public_id, p1.public_id]
    texts = {b.ref: b.text for b in verdict_evaluate(slug=SLUG).evaluation.blockers}
    assert "not yet confirmed" in texts[p1.public_id]
    assert "not yet confirmed" not in texts[p0.public_id]


def test_a_money_leak_is_one_by_its_class() -> None:
    leak, other = an_incident(incident={"error_class": "system.money_leak"}), an_incident()
    pilot = Program(kind=Program.Kind.PILOT, created_at=utcnow() - timedelta(days=1), project_id=0)
    found = {fact.ref: fact.money_leak for fact in incidents_of(pilot, now=utcnow())}
    assert found == {leak.public_id: True, other.public_id: False}


def test_a_programs_key_sees_its_own_project_only() -> None:
    assert verdict_evaluate(slug=SLUG, project_id=None).program.slug == SLUG
    with pytest.raises(NotFound):
        verdict_evaluate(slug=SLUG, project_id=7)
