"""Two at once: each waits for the row's lock, nothing is recorded twice, nothing is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from incidents.lessons.models import Control, ControlRun, RootCause
from incidents.lessons.workflows import control_run_record, root_cause_write
from readiness.infra.refusals import Conflict
from tests.factories import ANYBODY, BROKEN, FIXED, a_control, a_run, an_incident

WRITERS = 4
pytestmark = pytest.mark.usefixtures("fresh_database")


def at_once(work: Callable[[int], object]) -> list[object]:
    """Each number's work in a thread of its own, all started together; what they gave or raised."""
    together = Barrier(WRITERS)

    def one(number: int) -> object:
        together.wait()
        try:
            return work(number)
        except Conflict as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def test_it_records_a_report_sent_several_times_at_once_once() -> None:
    control, report = a_control(), a_run("failed", BROKEN)
    answers = at_once(
        lambda _: control_run_record(control_id=control.pk, report=report, reporter=ANYBODY, idempotency_key="the same")
    )
    assert len(set(answers)) == 1
    assert ControlRun.objects.count() == 1


def test_it_numbers_runs_that_come_at_once_without_a_gap() -> None:
    control = a_control()
    at_once(
        lambda number: control_run_record(
            control_id=control.pk, report=a_run("passed", f"{number:040x}"), reporter=ANYBODY
        )
    )
    assert list(ControlRun.objects.order_by("sequence").values_list("sequence", flat=True)) == [1, 2, 3, 4]


def test_it_judges_a_run_that_comes_while_the_root_cause_is_written() -> None:
    control = a_control()
    reports = [a_run("failed", BROKEN), a_run("failed", BROKEN), a_run("failed", BROKEN)]

    def work(number: int) -> object:
        if number == 0:
            return root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=[BROKEN], actor=ANYBODY)
        return control_run_record(control_id=control.pk, report=reports[number - 1], reporter=ANYBODY)

    at_once(work)
    assert Control.objects.get().state == "failing_before"
    control_run_record(control_id=control.pk, report=a_run("passed", FIXED), reporter=ANYBODY)
    assert Control.objects.get().state == "proven"


def test_it_takes_one_of_several_first_root_causes_and_tells_the_others() -> None:
    incident = an_incident()
    answers = at_once(
        lambda number: root_cause_write(
            incident_id=incident.pk, text=f"Number {number}.", expected_revision=0, actor=ANYBODY
        )
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == WRITERS - 1
    assert RootCause.objects.count() == 1
