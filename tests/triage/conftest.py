"""One trace through everything that the console records."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from flags.services.changes import FlagState
from flags.services.values import FlagType
from flags.workflows import flag_define
from incidents.errors.models import Span, UserReport
from incidents.errors.workflows import errors_commit
from incidents.lessons.workflows import control_run_record
from incidents.triage.models import Incident
from readiness.infra.clock import utcnow
from readiness.infra.correlation import correlation_scope
from readiness.infra.outbox import outbox_publish
from readiness.infra.transactions import Session, TransactionIntent, atomic_write, transactional
from readiness.operations.services.jobs import Outcome
from readiness.operations.workflows.jobs import job_run
from readiness.programs.workflows import evidence_add
from tests.factories import ANYBODY, BROKEN, a_captured_error, a_control, a_draft, a_program, a_run

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADER = f"00-{TRACE}-b7ad6b7169203331-01"
PROJECT = 41


@transactional(TransactionIntent.ATOMIC_WRITE)
def publish(session: Session, *, project_id: int) -> None:
    outbox_publish(session, topic="incident.recurred", key="INC-1", payload={"secret": 1}, project_id=project_id)


@pytest.fixture
def trace_everywhere() -> Callable[[], Incident]:
    """Fills each source of a correlation with something under TRACE; the incident that its error opened."""

    def fill() -> Incident:
        control = a_control()
        with correlation_scope("browser", HEADER) as scope:
            program = a_program(example=False)  # records its first verdict
            sent = {"contexts": {"trace": {"trace_id": TRACE, "span_id": scope.span_id}}, "fingerprint": ["traced"]}
            stored = errors_commit(errors=[a_captured_error(project_id=PROJECT, **sent)])[0]
            flag_define(
                key="traced.flag", state=FlagState(FlagType.BOOLEAN, True), actor=ANYBODY, project_id=PROJECT
            )  # fmt: skip
            publish(project_id=PROJECT)
            report = job_run(key="partitions", actor=ANYBODY)
            assert report.outcome is Outcome.OK
            control_run_record(control_id=control.pk, report=a_run("failed", BROKEN), reporter=ANYBODY)
            evidence_add(slug=program.slug, draft=a_draft("Traced"), actor=ANYBODY)
        now = utcnow()
        with atomic_write():
            for number, name in enumerate(("GET /checkout", "charge card")):
                Span.objects.create(
                    project_id=PROJECT, trace_id=TRACE, span_id=f"{number:016x}", name=name, component="shop",
                    kind="server", status="error" if number else "ok", started_at=now + timedelta(milliseconds=number),
                    duration_us=1_500, created_at=now,
                )  # fmt: skip
            UserReport.objects.create(
                project_id=PROJECT, report_id="r1", correlation_id=TRACE, comments="It spun for ever", created_at=now
            )
        return Incident.objects.get(pk=int(str(stored.incident).removeprefix("INC-")))

    return fill
