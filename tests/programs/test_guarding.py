"""Gates that rest on controls: what counts, what a broken one does, and that the verdict follows with one delivery."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from incidents.lessons.models import Control
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.workflows import control_run_record, control_waive
from incidents.triage.models import Incident
from incidents.triage.workflows import incident_set_priority
from incidents.triage.workflows.risks import incidents_risks_read
from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_deliver
from readiness.infra.refusals import Invalid
from readiness.programs.models import Verdict
from readiness.programs.services.definition import ControlsAsked
from readiness.programs.services.evaluation import program_evaluate
from readiness.programs.services.facts import Claim, ControlFact, ProgramFacts
from readiness.programs.services.gates import GateStatus, gates_evaluate
from readiness.programs.services.guarding import guarding_judge
from readiness.programs.services.program_file import program_read, program_write
from readiness.programs.services.program_yaml import ProgramFileError
from readiness.programs.services.wording import verdict_sentence
from readiness.programs.workflows import gate_attest, program_import, verdict_evaluate, verdict_record
from tests.factories import ANYBODY, a_draft, a_founder, a_proven_control, a_run, an_incident
from tests.programs.examples import NOW, definition, gate

FILE = """\
program: guarded
kind: go
title: Guarded
gates:
  - key: G1
    title: What broke once stays prevented
    criteria:
      - key: G1.1
        asks: Every control holds
        controls: {}
"""
PILOT = "program: pilot\nkind: pilot\ntitle: Pilot\ngates: [{key: E1, title: Uptime}]\n"


def control(state: str = "proven", **fields: Any) -> ControlFact:
    known = {
        "ref": "CTL-7", "title": "Budgets are checked", "url": "/controls/CTL-7/", "reason": "", "priority": "P1",
        "error_class": "domain.budget_exceeded", "state_at": NOW,
    }  # fmt: skip
    return ControlFact(**{**known, "state": state, **fields})


def judged(*controls: ControlFact, pinned: bool = False, **asked: Any) -> tuple[str, GateStatus, str]:
    """(the criterion's status, its gate's, the reason)."""
    one = gate("G1", criterion={"controls": ControlsAsked(**asked)})
    result = guarding_judge(
        criterion=one.criteria[0], asked=ControlsAsked(**asked), controls=None if pinned else controls, at=NOW
    )
    done = gates_evaluate(gates=[one], attestations={}, at=NOW, max_age_days=90, guarded={"G1": result})[0]
    return result.status.value, done.status, result.reason


@pytest.mark.parametrize(
    ("state", "criterion", "status"),
    [
        ("proven", "met", "PASS"),
        ("stale", "stale", "IN_PROGRESS"),
        ("broken", "failed", "FAIL"),
        ("ineffective", "failed", "FAIL"),
        ("unproven", "unmet", "IN_PROGRESS"),
    ],
)
def test_a_gate_is_as_good_as_its_worst_control(state: str, criterion: str, status: str) -> None:
    worst = control(state, ref="CTL-8", due_on=NOW.date())
    assert judged(control(), worst)[:2] == (criterion, status)
    if state != "proven":
        assert judged(control(), worst)[2] == f"CTL-8 “Budgets are checked” is {state}"


def test_what_shows_nothing_is_no_pass() -> None:
    assert judged()[0] == "unmet"
    assert judged(control(), pinned=True)[0] == "unmet"
    not_yet = control("unproven", due_on=NOW.date() + timedelta(days=1))
    assert judged(not_yet)[2] == "no control that counts, so nothing is shown; 1 not due yet"
    assert judged(not_yet, control("unproven"), control())[0] == "met"


def test_it_asks_for_some_of_them() -> None:
    other = control("broken", ref="CTL-9", error_class="infra.network", priority="P3")
    assert judged(control(), other)[0] == "failed"
    for asked in ({"classes": ("domain",)}, {"classes": ("domain.budget_exceeded",)}, {"priorities": ("P0", "P1")},
                  {"keys": ("CTL-7",)}):  # fmt: skip
        assert judged(control(), other, **asked)[0] == "met", asked
    assert judged(control(), classes=("dom",))[0] == "unmet"
    assert judged(control(), keys=("CTL-7", "CTL-404"))[2] == "CTL-404 is no control here"
    assert judged(control("unproven"), keys=("CTL-7",))[2] == "CTL-7 “Budgets are checked” is unproven"


def test_a_waiver_lets_it_count_and_is_named() -> None:
    waived = control("stale", waiver="waived: WVR-3 by Ada until 2026-04-01 00:00 UTC")
    one = gate("G1", criterion={"controls": ControlsAsked()})
    result = guarding_judge(criterion=one.criteria[0], asked=ControlsAsked(), controls=[waived], at=NOW)
    assert result.status == "met"
    assert result.evidence[0].reason == "is stale, waived: WVR-3 by Ada until 2026-04-01 00:00 UTC"
    said = "CTL-7 “Budgets are checked” is stale, waived: WVR-3 by Ada until 2026-04-01 00:00 UTC"
    assert (result.by_waiver, result.reason) == (True, said)
    facts = ProgramFacts(controls=(waived,))
    evaluation = program_evaluate(program=definition(gates=(one,)), facts=facts, now=NOW, as_of=None)
    assert (evaluation.verdict.value, evaluation.gates[0].note) == ("GO", said)
    assert verdict_sentence(evaluation) == "Every required gate passes. One gate passes only by a waiver."
    proven = program_evaluate(
        program=definition(gates=(one,)), facts=ProgramFacts(controls=(control("proven"),)), now=NOW, as_of=None
    )
    assert "waiver" not in verdict_sentence(proven)


@given(st.lists(st.sampled_from([state for state in ControlState if state != "recorded"]), max_size=6))
def test_it_passes_exactly_when_all_that_count_are_proven(states: list[ControlState]) -> None:
    facts = [control(state, ref=f"CTL-{n}") for n, state in enumerate(states)]
    counting = [state for state in states if state not in ("unproven", "failing_before")]
    assert (judged(*facts)[1] is GateStatus.PASS) == (bool(counting) and set(counting) == {"proven"})


def test_a_file_says_which_controls_and_reads_back() -> None:
    text = FILE.replace("{}", "{classes: [domain, system.bug], priorities: [P0], keys: [CTL-7]}")
    for source in (FILE, text):
        read = program_read(name="guarded.yaml", raw=source.encode()).definition
        assert program_read(name="again.yaml", raw=program_write(read).encode()).definition == read
    asked = read.gates[0].criteria[0].controls
    assert asked == ControlsAsked(classes=("domain", "system.bug"), priorities=("P0",), keys=("CTL-7",))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{classes: [domain.budget_exceded]}", "did you mean domain.budget_exceeded?"),
        ("{keys: [seven]}", "name controls as CTL-7"),
        ("{priorities: [P9]}", "P0, P1, P2, P3"),
        ("{owner: Ada}", 'unknown key "owner"'),
        ("{}\n        max_age_days: 3", "rests on controls"),
    ],
)
def test_a_file_that_asks_wrongly_is_told(written: str, expected: str) -> None:
    with pytest.raises(ProgramFileError) as caught:
        program_read(name="guarded.yaml", raw=FILE.replace("{}", written).encode())
    assert expected in str(caught.value)


# --- through the database ---------------------------------------------------------------------------------------------


def report(proven: Control, outcome: str, commit: str) -> None:
    control_run_record(control_id=proven.pk, report=a_run(outcome, commit, on_main=True), reporter=ANYBODY)
    outbox_deliver()


@pytest.fixture
def guarded() -> Control:
    """A P3 control, so that the incident that its breaking opens blocks no verdict by itself, and the program."""
    program_import(definition=program_read(name="guarded.yaml", raw=FILE.encode()).definition, actor=ANYBODY)
    proven = a_proven_control(incident=an_incident(incident={"priority": "P3"}))
    outbox_deliver()
    return proven


@pytest.mark.django_db
def test_a_broken_control_turns_its_gate_and_the_verdict_within_one_delivery(guarded: Control, client: Client) -> None:
    assert Verdict.objects.get(sequence=2).verdict == "GO"
    report(guarded, "failed", "1" * 40)
    recorded = Verdict.objects.get(sequence=3)
    assert (recorded.verdict, recorded.cause) == ("NO-GO", f"{guarded.public_id}: proven → broken")
    found = verdict_evaluate(slug="guarded").evaluation
    assert found.gates[0].status is GateStatus.FAIL
    assert f"{guarded.public_id} “{guarded.title}” is broken" in found.blockers[0].text
    client.force_login(a_founder())
    page = client.get("/programs/guarded/gates/G1/").content.decode()
    assert f'href="/controls/{guarded.public_id}/"' in page
    assert "Nobody attests to G1.1" in page
    report(guarded, "passed", "2" * 40)
    assert Verdict.objects.get(sequence=4).verdict == "GO"
    assert verdict_record(slug="guarded", actor=ANYBODY, cause="again").recorded is False


@pytest.mark.django_db
def test_pages_name_the_waiver_by_which_a_gate_passes(guarded: Control, client: Client) -> None:
    report(guarded, "failed", "1" * 40)
    control_waive(
        control_id=guarded.pk, reason="The vendor mends it.", expires_at=utcnow() + timedelta(days=3), actor=ANYBODY,
        role="founder",
    )  # fmt: skip
    client.force_login(a_founder())
    for address in ("/", "/programs/guarded/"):
        page = client.get(address).content.decode()
        assert "by waiver" in page
        assert "One gate passes only by a waiver." in page
    assert f"{guarded.public_id} “{guarded.title}” is broken, waived" in page


@pytest.mark.django_db
def test_the_incident_of_a_broken_control_cancels_no_pilot_until_a_person_confirms_it() -> None:
    read = program_read(name="pilot.yaml", raw=PILOT.encode()).definition
    program_import(definition=read, actor=ANYBODY)
    proven = a_proven_control(incident=an_incident(incident={"priority": "P0", "status": "closed"}))
    report(proven, "failed", "1" * 40)
    own = Incident.objects.get(component=f"controls.{proven.public_id}")
    found = verdict_evaluate(slug="pilot").evaluation
    assert (found.verdict, own.priority, own.trusted) == ("EXTEND", "P0", True)
    assert f"{own.title}: open P0, not yet confirmed" in [blocker.text for blocker in found.blockers]
    risks = incidents_risks_read(project_id=None, limit=10)
    assert "proposed by rule, not confirmed yet" in next(risk.why for risk in risks if own.public_id in risk.why)
    incident_set_priority(incident_id=own.pk, priority="P0", actor=ANYBODY)
    assert verdict_evaluate(slug="pilot").evaluation.verdict == "CANCEL"


@pytest.mark.django_db
def test_nobody_attests_to_what_is_computed(guarded: Control) -> None:
    with pytest.raises(Invalid, match="nobody attests"):
        gate_attest(slug="guarded", criterion="G1.1", claim=Claim.MET, evidence=[], new=a_draft(), actor=ANYBODY)


@pytest.mark.django_db
def test_a_sample_holds_no_gate_up(guarded: Control) -> None:
    sample = a_proven_control(incident=an_incident(synthetic=True))
    report(sample, "failed", "1" * 40)
    assert verdict_evaluate(slug="guarded").evaluation.verdict == "GO"


@pytest.mark.django_db
def test_the_verdict_costs_the_same_however_many_controls(guarded: Control) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            verdict_evaluate(slug="guarded")
        return len(queries)

    first = asked()
    for _ in range(3):
        a_proven_control()
    assert asked() == first
