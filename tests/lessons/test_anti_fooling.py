"""Frauds, one a line: what looks like a proof and is none. Each was seen in tools of this kind, or is easy to try."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.lessons.models import Control, ControlRun, Waiver
from incidents.lessons.services.control_history import Recurrence, Run
from incidents.lessons.services.control_state import ControlKind
from incidents.lessons.services.run_report import run_report_parse
from incidents.lessons.workflows import control_revise, control_run_record
from readiness.infra.clock import isoz, utcnow
from readiness.infra.refusals import Invalid
from tests.factories import ANYBODY, a_control, a_proven_control, a_root_cause, a_run, an_engineer, an_incident
from tests.lessons.test_control_state import BROKEN, FIXED, GREEN, LATER, PERIOD, RED, START, TEST, run, state

AFTER = START + PERIOD + timedelta(seconds=1)
Event = Run | Recurrence

# what was tried → (the runs, what it has to come to)
PROVES_NOTHING: dict[str, tuple[tuple[Event, ...], str]] = {
    "green first, red afterwards": ((GREEN, RED), "failing_before"),
    "green alone, a hundred times": ((GREEN,) * 100, "unproven"),
    "red on a commit that nobody named as broken": ((run("failed", LATER), GREEN), "unproven"),
    "red and green on one commit": ((RED, run("passed", BROKEN)), "failing_before"),
    "the same commit, abbreviated": ((RED, run("passed", BROKEN[:8])), "failing_before"),
    "an abbreviation too short to name a commit": ((run("failed", BROKEN[:6]), GREEN), "unproven"),
    "vacuous: no check in the green": ((RED, run("passed", FIXED, checks={})), "failing_before"),
    "vacuous: no check in the red": ((run("failed", BROKEN, checks={}), GREEN), "unproven"),
    "the check is skipped on the fix": ((RED, run("passed", FIXED, checks={TEST: "skipped"})), "failing_before"),
    "the check is skipped, another one passes": (
        (RED, run("passed", FIXED, checks={TEST: "skipped", "other": "passed"})), "failing_before",
    ),
    "the check is deleted, others pass": ((RED, run("passed", FIXED, checks={"other": "passed"})), "failing_before"),
    "the check is renamed": ((RED, run("passed", FIXED, checks={TEST.upper(): "passed"})), "failing_before"),
    "an error on the broken commit taken for a red": (
        (run("error", BROKEN, checks={TEST: "error"}), GREEN), "unproven",
    ),
    "the run failed, its check only errored": ((run("failed", BROKEN, checks={TEST: "error"}), GREEN), "unproven"),
    "the fix errored, its check said passed": ((RED, run("error", FIXED, checks={TEST: "passed"})), "failing_before"),
    "passed, with a check that failed": (
        (RED, run("passed", FIXED, checks={TEST: "passed", "other": "failed"})), "failing_before",
    ),
    "another command: || true": ((RED, run("passed", FIXED, command=f"{RED.command} || true")), "failing_before"),
    "another command: only easy tests": ((RED, run("passed", FIXED, command="pytest -k easy")), "failing_before"),
    "an overlay that breaks, none for the fix": ((run("failed", BROKEN, overlay="a" * 64), GREEN), "failing_before"),
    "an overlay that mends, and none for the red": ((RED, run("passed", FIXED, overlay="a" * 64)), "failing_before"),
    "the red was of the version before": ((RED, run("passed", FIXED, version=2)), "unproven"),
    "a renewed version without a red of its own": (
        (RED, GREEN, Recurrence(version=1, at=START), run("passed", FIXED, version=2)), "ineffective",
    ),
    "the red and green from before the recurrence, sent again for a new version": (
        (
            RED, GREEN, Recurrence(version=1, at=AFTER),
            run("failed", BROKEN, version=2, finished_at=START, received_at=AFTER),
            run("passed", FIXED, version=2, finished_at=START, received_at=AFTER),
        ), "ineffective",
    ),
    "green again after the recurrence": ((RED, GREEN, Recurrence(version=1, at=START), RED, GREEN), "ineffective"),
}  # fmt: skip

# what was tried to keep a proven control green → (the runs after its proof, what it has to come to a period later)
REFRESHES_NOTHING: dict[str, tuple[tuple[Event, ...], str]] = {
    "nothing at all": ((), "stale"),
    "passes off the main ref": ((run("passed", LATER, at=AFTER),), "stale"),
    "vacuous runs on main": ((run("passed", LATER, on_main=True, checks={}, at=AFTER),), "stale"),
    "skipped on main": ((run("passed", LATER, on_main=True, checks={TEST: "skipped"}, at=AFTER),), "stale"),
    "errors on main": ((run("error", LATER, on_main=True, at=AFTER),), "stale"),
    "another command on main": ((run("passed", LATER, on_main=True, command="true", at=AFTER),), "stale"),
    "another overlay on main": ((run("passed", LATER, on_main=True, overlay="c" * 64, at=AFTER),), "stale"),
    "an old pass sent again": ((run("passed", LATER, on_main=True, finished_at=START, received_at=AFTER),), "stale"),
    "a clock that runs ahead": (
        (run("passed", LATER, on_main=True, finished_at=AFTER + PERIOD, received_at=START),), "stale",
    ),
    "a green on the broken commit, on main": ((run("passed", BROKEN, on_main=True, at=AFTER),), "stale"),
    "a failure on main, mended on a branch": (
        (run("failed", LATER, on_main=True, at=AFTER), run("passed", LATER, at=AFTER)), "broken",
    ),
    "a failure on main, then an older pass": (
        (run("failed", LATER, on_main=True, at=AFTER), run("passed", FIXED, on_main=True, at=START)), "broken",
    ),
    "a failure on main, then the test deleted": (
        (
            run("failed", LATER, on_main=True, at=AFTER),
            run("passed", LATER, on_main=True, checks={"other": "passed"}, at=AFTER),
        ), "broken",
    ),
    "a failure that ended before the newest pass, told after it": (
        (run("passed", LATER, on_main=True, at=AFTER), run("failed", FIXED, on_main=True, finished_at=START,
                                                            received_at=AFTER)), "broken",
    ),
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("tried", PROVES_NOTHING)
def test_it_is_not_proven_by(tried: str) -> None:
    history, comes_to = PROVES_NOTHING[tried]
    newest = max((item.version for item in history), default=1)
    assert state(*history, version=newest) == comes_to


@pytest.mark.once
@pytest.mark.parametrize("tried", REFRESHES_NOTHING)
def test_it_is_not_kept_green_by(tried: str) -> None:
    history, comes_to = REFRESHES_NOTHING[tried]
    assert state(RED, GREEN) == "proven"
    assert state(RED, GREEN, *history, now=AFTER) == comes_to


@pytest.mark.once
def test_it_lets_no_playbook_entry_be_proven() -> None:
    assert state(RED, GREEN, kind=ControlKind.PLAYBOOK) == "recorded"


# --- what is not even recorded: a run without what binds it to a commit, a command and an output ----------------------

SENT: dict[str, Any] = {
    "outcome": "passed", "commit": FIXED, "on_main": True, "command": "pytest", "output_sha256": "a" * 64,
    "checks": [{"id": TEST, "outcome": "passed"}],
}  # fmt: skip
LONGEST = "x" * 500
UNBOUND: dict[str, tuple[dict[str, Any], str]] = {
    "no commit": ({"commit": None}, "/commit"),
    "a branch's name for a commit": ({"commit": "main"}, "/commit"),
    "a commit cut to six digits": ({"commit": FIXED[:6]}, "/commit"),
    "no command": ({"command": " "}, "/command"),
    "no hash of the output": ({"output_sha256": None}, "/output_sha256"),
    "half a hash of the output": ({"output_sha256": "a" * 32}, "/output_sha256"),
    "half a hash of the overlay": ({"overlay_sha256": "a" * 12}, "/overlay_sha256"),
    "nobody says whether it was main": ({"on_main": None}, "/on_main"),
    "a word for main": ({"on_main": "true"}, "/on_main"),
    "an outcome of one's own": ({"outcome": "green"}, "/outcome"),
    "a whole run that was skipped": ({"outcome": "skipped"}, "/outcome"),
    "passed, while a check failed": ({"checks": [{"id": TEST, "outcome": "failed"}]}, "/outcome"),
    "a check without a name": ({"checks": [{"id": "", "outcome": "passed"}]}, "/checks/0/id"),
    "two checks whose names differ behind the cut": (
        {"checks": [{"id": LONGEST + "a", "outcome": "passed"}, {"id": LONGEST + "b", "outcome": "passed"}]},
        "/checks/0/id",
    ),
    "a run that ends tomorrow": ({"finished_at": isoz(utcnow() + timedelta(days=1))}, "/finished_at"),
    "a time without its zone": ({"finished_at": "2026-01-01T00:00:00"}, "/finished_at"),
}


@pytest.mark.once
@pytest.mark.parametrize("tried", UNBOUND)
def test_it_records_no_run_with(tried: str) -> None:
    changes, pointer = UNBOUND[tried]
    sent = {**SENT, "finished_at": isoz(utcnow()), **changes}
    with pytest.raises(Invalid) as refusal:
        run_report_parse(body={name: value for name, value in sent.items() if value is not None}, now=utcnow())
    assert pointer in [error.pointer for error in refusal.value.errors]


@pytest.mark.once
def test_it_counts_a_check_that_is_told_twice_by_its_worst_outcome() -> None:
    twice = [{"id": TEST, "outcome": "passed"}, {"id": TEST, "outcome": "skipped"}]
    body = {**SENT, "checks": twice, "finished_at": isoz(utcnow())}
    assert [check.outcome for check in run_report_parse(body=body, now=utcnow()).checks] == ["skipped"]


# --- and through the database ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_does_not_let_a_later_root_cause_make_a_proof_of_green_first() -> None:
    control = a_control(incident=an_incident())
    for outcome, commit in (("passed", FIXED), ("failed", BROKEN)):
        control_run_record(control_id=control.pk, report=a_run(outcome, commit), reporter=ANYBODY)
    a_root_cause(incident=control.incident, broken_commits=[BROKEN])
    assert Control.objects.get().state == "failing_before"


@pytest.mark.django_db
def test_it_is_unproven_again_once_its_command_is_another() -> None:
    control = a_proven_control()
    changed = control_revise(control_id=control.pk, changes={"command": "true"}, actor=ANYBODY)
    assert (changed.version, changed.state) == (2, "unproven")
    back = control_revise(control_id=control.pk, changes={"command": control.command}, actor=ANYBODY)
    assert (back.version, back.state) == (3, "unproven")


@pytest.mark.django_db
def test_it_takes_a_run_from_nobody_without_a_key() -> None:
    control = a_control(incident=an_incident())
    body = {**SENT, "finished_at": isoz(utcnow())}
    answer = Client().post(f"/v1/controls/{control.public_id}/runs", body, content_type="application/json")
    assert answer.status_code == 401
    assert not ControlRun.objects.exists()


@pytest.mark.django_db
def test_it_waives_under_nobodys_name_but_ones_own() -> None:
    engineer, client = an_engineer(email="bob@example.com"), Client()
    client.force_login(engineer)
    incident = an_incident(incident={"priority": "P2"})
    day = (utcnow() + timedelta(days=5)).date().isoformat()
    sent = {"waiver-reason": "So.", "waiver-expires_at": day, "waiver-given_by": "ada@example.com", "given_by": "ada",
            "role": "founder", "waiver-role": "founder"}  # fmt: skip
    assert client.post(f"/incidents/{incident.public_id}/waive/", sent).status_code == 302
    given = Waiver.objects.get()
    assert (given.given_by, given.given_role) == ("bob@example.com", "engineer")
