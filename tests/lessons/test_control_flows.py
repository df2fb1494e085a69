"""Controls through the database: runs move them, time makes them stale, recurrences refute them, versions lead out."""

from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from incidents.errors.workflows import errors_commit
from incidents.lessons.models import Control, ControlRecurrence, ControlRun, ControlVersion
from incidents.lessons.workflows import (
    control_create,
    control_mark_ineffective,
    control_revise,
    control_run_record,
    control_states_refresh,
    incident_prevent,
    root_cause_write,
)
from incidents.triage.models import Incident
from incidents.triage.store import timeline_of
from incidents.triage.workflows import incident_confirm_recurrence
from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_deliver
from readiness.infra.refusals import Invalid, NotFound
from readiness.infra.transactions import atomic_write
from tests.factories import (
    ANYBODY,
    BROKEN,
    FIXED,
    a_captured_error,
    a_control,
    a_proven_control,
    a_root_cause,
    a_run,
    an_incident,
)

pytestmark = pytest.mark.django_db
LATER = "1" * 40


def record(control: Control, outcome: str, commit: str, **fields: Any) -> str:
    key = fields.pop("idempotency_key", None)
    return control_run_record(
        control_id=control.pk, report=a_run(outcome, commit, **fields), reporter=ANYBODY, idempotency_key=key
    ).state


def test_it_is_proven_red_first_then_green() -> None:
    control = a_control()
    root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=[BROKEN], actor=ANYBODY)
    assert record(control, "passed", FIXED) == "unproven"
    assert record(control, "failed", BROKEN) == "failing_before"
    assert record(control, "passed", FIXED) == "proven"
    assert record(control, "failed", LATER) == "proven"
    assert record(control, "failed", LATER, on_main=True) == "broken"
    assert record(control, "passed", LATER, on_main=True) == "proven"
    states = ["unproven", "failing_before", "proven", "proven", "broken", "proven"]
    assert list(ControlRun.objects.order_by("sequence").values_list("state_after", flat=True)) == states
    kinds = [entry.kind for entry in timeline_of(control.incident_id) if entry.kind.startswith("control-")]
    assert kinds == ["control-made", "control-failing_before", "control-proven", "control-broken", "control-proven"]


def test_it_answers_with_what_the_run_did() -> None:
    control = a_control()
    answer = control_run_record(control_id=control.pk, report=a_run("error", BROKEN), reporter=ANYBODY)
    assert answer.control == control.public_id
    assert "changes nothing" in answer.reason
    assert "names no broken commit" in answer.reason


def test_it_records_a_retry_once() -> None:
    control = a_proven_control()
    report = a_run("failed", LATER, on_main=True)
    for _ in range(2):
        answer = control_run_record(control_id=control.pk, report=report, reporter=ANYBODY)
        assert answer.state == "broken"
    assert ControlRun.objects.filter(commit=LATER).count() == 1


def test_it_records_a_retry_with_a_key_once_however_late() -> None:
    control = a_proven_control()
    report = a_run("failed", LATER, on_main=True)
    control_run_record(control_id=control.pk, report=report, reporter=ANYBODY, idempotency_key="k")
    assert record(control, "passed", LATER, on_main=True) == "proven"
    again = control_run_record(control_id=control.pk, report=report, reporter=ANYBODY, idempotency_key="k")
    assert again.state == "proven"
    assert ControlRun.objects.filter(commit=LATER, outcome="failed").count() == 1
    with pytest.raises(Invalid, match="another run"):
        record(control, "passed", LATER, idempotency_key="k")


def test_it_takes_the_same_green_again_after_the_red() -> None:
    control = a_control()
    root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=[BROKEN], actor=ANYBODY)
    green = a_run("passed", FIXED)
    for report in (green, a_run("failed", BROKEN), green):
        answer = control_run_record(control_id=control.pk, report=report, reporter=ANYBODY)
    assert answer.state == "proven"


def test_it_refuses_runs_of_unknown_controls_and_of_another_project() -> None:
    with pytest.raises(NotFound):
        control_run_record(control_id=0, report=a_run("passed", FIXED), reporter=ANYBODY)
    control = a_control()
    with pytest.raises(NotFound):
        control_run_record(
            control_id=control.pk, report=a_run("passed", FIXED), reporter=ANYBODY, project_id=control.project_id + 1
        )
    assert not ControlRun.objects.exists()


def test_it_keeps_runs_append_only() -> None:
    a_proven_control()
    for change in (
        lambda: ControlRun.objects.update(outcome="passed"),
        lambda: ControlRun.objects.all()._raw_delete("default"),
        lambda: ControlVersion.objects.update(reason="none"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), atomic_write(), transaction.atomic():
            change()


def test_it_turns_stale_when_the_pass_on_main_is_overdue() -> None:
    control = a_proven_control()
    fresh = a_proven_control()
    long_ago = utcnow() - timedelta(days=8)
    progress = {**control.progress, "green_at": long_ago.isoformat()}
    with atomic_write():
        Control.objects.filter(pk=control.pk).update(progress=progress, pass_due_at=long_ago + timedelta(days=7))
    assert control_states_refresh() == 1
    assert control_states_refresh() == 0
    assert Control.objects.get(pk=control.pk).state == "stale"
    assert Control.objects.get(pk=fresh.pk).state == "proven"
    assert timeline_of(control.incident_id)[-1].kind == "control-stale"
    assert record(control, "passed", LATER, on_main=True) == "proven"


def test_it_records_playbook_entries_and_proves_nothing_by_them() -> None:
    control = a_control(kind="playbook", command="", check_first="Is the gateway up?")
    assert control.state == "recorded"
    assert record(control, "failed", BROKEN) == "recorded"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"kind": "wish"}, "/kind"),
        ({"title": " "}, "/title"),
        ({"command": ""}, "/command"),
        ({"command": "two\nlines"}, "/command"),
        ({"kind": "playbook", "command": ""}, "/check_first"),
        ({"period_days": 0}, "/period_days"),
        ({"governance_updates": ["x"] * 3 + [f"{n}" for n in range(60)]}, "/governance_updates"),
        ({"owner": "o" * 255}, "/owner"),
    ],
)
def test_it_refuses_a_control_that_says_too_little(fields: dict[str, object], pointer: str) -> None:
    incident = an_incident()
    with pytest.raises(Invalid) as refusal:
        a_control(incident=incident, **fields)
    assert pointer in [error.pointer for error in refusal.value.errors]
    assert not Control.objects.exists()


def test_it_makes_no_control_of_an_unknown_incident() -> None:
    with pytest.raises(NotFound):
        control_create(incident_id=0, kind="check", title="x", command="y", actor=ANYBODY)


# --- recurrence -----------------------------------------------------------------------------------------------------


def a_prevented_incident(*, trusted: bool) -> tuple[Incident, Control]:
    incident = an_incident(fingerprint=["pay"], trusted=trusted, incident={"priority": "P2"})
    control = a_proven_control(incident=incident)
    incident_prevent(incident_id=incident.pk, actor=ANYBODY)
    return incident, control


def happen_again(*, trusted: bool) -> None:
    later = (utcnow() + timedelta(seconds=1)).isoformat()
    again = a_captured_error(fingerprint=["pay"], trusted=trusted, release="shop@2.0.0", timestamp=later)
    errors_commit(errors=[again])


def test_it_is_ineffective_when_its_incident_recurs_while_green() -> None:
    incident, control = a_prevented_incident(trusted=True)
    unproven = a_control(incident=incident)
    happen_again(trusted=True)
    outbox_deliver()
    assert Incident.objects.get(pk=incident.pk).status == "recurred"
    assert Control.objects.get(pk=control.pk).state == "ineffective"
    assert Control.objects.get(pk=unproven.pk).state == "unproven"
    assert control_mark_ineffective(key=incident.public_id, payload={"incident_id": incident.pk, "recurrences": 1}) == 0
    assert ControlRecurrence.objects.count() == 1


def test_it_waits_for_a_person_under_a_public_key() -> None:
    incident, control = a_prevented_incident(trusted=False)
    happen_again(trusted=False)
    outbox_deliver()
    assert Control.objects.get(pk=control.pk).state == "proven"
    incident_confirm_recurrence(incident_id=incident.pk, actor=ANYBODY)
    outbox_deliver()
    assert Control.objects.get(pk=control.pk).state == "ineffective"


def test_it_is_judged_as_it_stood_when_its_incident_came_back() -> None:
    incident, control = a_prevented_incident(trusted=False)
    red_then = a_proven_control(incident=incident)
    assert record(red_then, "failed", LATER, on_main=True) == "broken"
    happen_again(trusted=False)
    # Before anybody has confirmed it, the one that was green breaks, and the one that was red is mended.
    assert record(control, "failed", LATER, on_main=True) == "broken"
    assert record(red_then, "passed", LATER, on_main=True) == "proven"
    root_cause_write(incident_id=incident.pk, text="Else.", broken_commits=[BROKEN, LATER], actor=ANYBODY)
    incident_confirm_recurrence(incident_id=incident.pk, actor=ANYBODY)
    outbox_deliver()
    assert Control.objects.get(pk=control.pk).state == "ineffective"
    assert Control.objects.get(pk=red_then.pk).state != "ineffective"
    assert ControlRecurrence.objects.get().at == Incident.objects.get(pk=incident.pk).recurred_at


def test_it_leaves_ineffective_by_a_new_version_with_a_new_red_only() -> None:
    incident, control = a_prevented_incident(trusted=True)
    happen_again(trusted=True)
    outbox_deliver()
    assert record(control, "passed", LATER, on_main=True) == "ineffective"
    revised = control_revise(control_id=control.pk, changes={}, new_version=True, reason="a wider test", actor=ANYBODY)
    assert (revised.version, revised.state) == (2, "ineffective")
    assert record(control, "passed", LATER) == "ineffective"
    root_cause_write(incident_id=incident.pk, text="Deeper.", broken_commits=[FIXED], actor=ANYBODY)
    assert Control.objects.get(pk=control.pk).state == "ineffective"
    assert record(control, "failed", FIXED) == "failing_before"
    assert record(control, "passed", LATER) == "proven"


def test_it_judges_a_history_with_a_recurrence_alike_when_it_is_judged_anew() -> None:
    incident, control = a_prevented_incident(trusted=True)
    happen_again(trusted=True)
    outbox_deliver()
    root_cause_write(incident_id=incident.pk, text="Wider.", broken_commits=[BROKEN, LATER], actor=ANYBODY)
    assert Control.objects.get(pk=control.pk).state == "ineffective"


# --- changing a control ---------------------------------------------------------------------------------------------


def test_it_makes_a_new_version_of_another_command_and_proves_it_anew() -> None:
    control = a_proven_control()
    same = control_revise(control_id=control.pk, changes={"owner": "Grace", "period_days": 3}, actor=ANYBODY)
    assert (same.version, same.state, same.owner) == (1, "proven", "Grace")
    other = control_revise(control_id=control.pk, changes={"command": "make budget"}, actor=ANYBODY)
    assert (other.version, other.state) == (2, "unproven")
    assert list(ControlVersion.objects.order_by("version").values_list("command", flat=True)) == [
        "pytest tests/test_budget.py", "make budget",
    ]  # fmt: skip


def test_it_hears_its_own_command_also_when_its_history_is_judged_anew() -> None:
    control = a_proven_control()
    control_revise(control_id=control.pk, changes={"command": "make  budget"}, actor=ANYBODY)
    for outcome, commit in (("failed", BROKEN), ("passed", FIXED)):
        record(control, outcome, commit, command="make other")
    assert record(control, "failed", LATER, on_main=True, command="make budget") == "broken"
    a_root_cause(incident=control.incident, broken_commits=[BROKEN, "2" * 40])
    assert Control.objects.get().state == "broken"


def test_it_says_why_there_is_another_version() -> None:
    control = a_control()
    control_revise(control_id=control.pk, changes={}, new_version=True, actor=ANYBODY)
    control_revise(control_id=control.pk, changes={"command": "make", "kind": "rule", "rule_kind": "other",
                                                   "rule_reference": "Makefile"}, actor=ANYBODY)  # fmt: skip
    reasons = ControlVersion.objects.order_by("version").values_list("reason", flat=True)
    assert list(reasons) == ["made", "nobody said why", "its kind and command changed"]


def test_it_leaves_no_change_of_a_promise_unsaid() -> None:
    control = a_proven_control(period_days=7)
    passed = (utcnow() - timedelta(days=8)).isoformat()
    with atomic_write():
        Control.objects.filter(pk=control.pk).update(progress={**control.progress, "green_at": passed}, state="stale")
    changes = {"period_days": 30, "owner": "Ada", "never_again": "Retry a charge."}
    assert control_revise(control_id=control.pk, changes=changes, actor=ANYBODY).state == "proven"
    said = next(entry for entry in timeline_of(control.incident_id) if entry.kind == "control-changed")
    assert said.text == (
        f"{control.public_id} was changed; its owner: none → Ada; its period in days: 7 → 30; "
        "written anew: what never to do again."
    )
    assert said.actor == ANYBODY.name
    before = len(timeline_of(control.incident_id))
    control_revise(control_id=control.pk, changes={}, actor=ANYBODY)
    assert len(timeline_of(control.incident_id)) == before


def test_it_is_stale_at_once_when_the_period_is_shortened_past_its_pass() -> None:
    control = a_proven_control(period_days=30)
    progress = {**control.progress, "green_at": (utcnow() - timedelta(days=8)).isoformat()}
    with atomic_write():
        Control.objects.filter(pk=control.pk).update(progress=progress)
    assert control_revise(control_id=control.pk, changes={"period_days": 7}, actor=ANYBODY).state == "stale"


# --- the fix --------------------------------------------------------------------------------------------------------


def test_a_named_fix_is_what_later_errors_are_held_against() -> None:
    incident = an_incident(fingerprint=["pay"], release="shop@1.0.0", incident={"priority": "P2"})
    a_proven_control(incident=incident)
    with pytest.raises(Invalid, match="one line"):
        incident_prevent(incident_id=incident.pk, actor=ANYBODY, fixed_in_release="shop\n@1")
    incident_prevent(incident_id=incident.pk, actor=ANYBODY, fixed_in_release=" shop@1.2.0 ")
    incident.refresh_from_db()
    assert incident.fixed_in_release == "shop@1.2.0"
    assert "fixed in shop@1.2.0" in timeline_of(incident.pk)[-1].text
    for release, status in (("shop@1.1.0", "prevented"), ("shop@1.2.0", "recurred")):
        errors_commit(errors=[a_captured_error(fingerprint=["pay"], release=release)])
        incident.refresh_from_db()
        assert incident.status == status


def test_a_release_of_the_proven_commit_is_the_fix_where_none_is_named() -> None:
    incident = an_incident(fingerprint=["pay"], release=f"shop@{BROKEN[:12]}", incident={"priority": "P2"})
    a_proven_control(incident=incident)
    incident_prevent(incident_id=incident.pk, actor=ANYBODY)
    incident.refresh_from_db()
    assert incident.fixed_in_release == FIXED
    errors_commit(errors=[a_captured_error(fingerprint=["pay"], release=f"shop@{BROKEN[:12]}")])
    errors_commit(errors=[a_captured_error(fingerprint=["other"], release=f"shop@{FIXED[:7]}")])
    incident.refresh_from_db()
    assert incident.status == "prevented"
    errors_commit(errors=[a_captured_error(fingerprint=["pay"], release=f"shop@{FIXED[:7]}")])
    incident.refresh_from_db()
    assert incident.status == "recurred"


# --- many -----------------------------------------------------------------------------------------------------------


def test_the_ten_thousandth_run_costs_what_the_first_did() -> None:
    def asked(control: Control, number: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            record(control, "passed", f"{number:040x}", on_main=True)
        return len(queries)

    control = a_proven_control()
    first = asked(control, 1)
    last = ControlRun.objects.get(control=control, sequence=3)
    with atomic_write():
        rows = []
        for sequence in range(4, 10_004):
            last.pk, last.sequence = None, sequence
            rows.append(copy(last))
        ControlRun.objects.bulk_create(rows, batch_size=1_000)
        Control.objects.filter(pk=control.pk).update(last_sequence=10_003)
    assert asked(control, 2) == first
    assert ControlRun.objects.filter(control=control).latest("sequence").sequence == 10_004
