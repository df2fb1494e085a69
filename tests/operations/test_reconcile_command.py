"""`manage.py reconcile`: its words and its exit codes."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from incidents.errors.models import ErrorRollup
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.operations.models import JobRun, JobState, ReconciliationRun
from tests.operations.conftest import BEAT, errors_at


def _reconcile(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile", *options, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db
def test_it_says_that_all_agrees() -> None:
    errors_at(utcnow() - timedelta(hours=3))
    assert _reconcile() == (0, "Error figures: drift 0.00\u00a0%. The 1 row agrees.\n")
    run = JobRun.objects.get()
    assert (run.job, run.outcome, run.triggered_by) == ("reconcile", "ok", "the command line")


def test_it_exits_1_with_an_alert_until_the_figures_are_put_right(recording: None) -> None:
    errors_at(utcnow() - timedelta(days=30))
    assert _reconcile()[0] == 0
    with atomic_write():
        ErrorRollup.objects.update(events=7)
    assert _reconcile()[0] == 0, "thirty days back are not looked at every night"
    code, said = _reconcile("--all", "--no-repair")
    assert (code, ErrorRollup.objects.get(project_id=1).events) == (1, 7)
    assert said.startswith("ALERT Error figures: drift 100.00\u00a0%.")
    assert ReconciliationRun.objects.order_by("-pk")[0].error_id in said
    assert _reconcile("--all")[0] == 1
    assert ErrorRollup.objects.get(project_id=1).events == 1
    assert _reconcile("--all")[0] == 0


@pytest.mark.django_db
def test_it_leaves_the_field_to_a_run_under_way() -> None:
    with atomic_write():
        JobState.objects.create(job="reconcile", running_id="a", running_since=utcnow(), running_for=BEAT.name)
    with pytest.raises(CommandError, match="under way") as refused:
        call_command("reconcile")
    assert refused.value.returncode == 75
    assert not ReconciliationRun.objects.exists()
