"""What the subjects above triage bring to "What breaks if users arrive?", read from the tables."""

from typing import Any

import pytest
from django.conf import settings as installed
from django.utils.module_loading import import_string

from incidents.lessons.models import Control
from incidents.lessons.workflows.risks import lessons_risks_read
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import atomic_write
from readiness.operations.workflows.risks import operations_risks_read
from readiness.programs.workflows.risks import programs_risks_read
from tests.factories import a_control, a_program, a_project, an_incident

pytestmark = pytest.mark.django_db
ALL: dict[str, Any] = {"project_id": None, "limit": 50}


def test_lessons_tell_what_will_happen_again_and_what_does_not_hold() -> None:
    bare = an_incident(project_id=5, incident={"priority": "P1"})
    controlled = an_incident(project_id=6)
    control = a_control(incident=controlled)
    with atomic_write():
        Control.objects.filter(pk=control.pk).update(state="broken", state_reason="It failed on main.")
    findings = lessons_risks_read(**ALL)
    assert {finding.kind for finding in findings} == {"incident_uncontrolled", "control_broken"}
    again = next(finding for finding in findings if finding.kind == "incident_uncontrolled")
    assert (again.count, again.page) == (1, ("incident", bare.public_id))
    assert [finding.kind for finding in lessons_risks_read(project_id=6, limit=50)] == ["control_broken"]
    an_incident(project_id=5, synthetic=True, incident={"priority": "P0"})
    assert lessons_risks_read(**ALL) == findings


def test_programs_tell_of_required_gates_and_operations_of_dead_letters() -> None:
    assert programs_risks_read(**ALL) == []
    program = a_program()
    findings = programs_risks_read(**ALL)
    assert [finding.page[2] for finding in findings] == ["G5", "G6", "G7"]
    assert {finding.kind for finding in findings} == {"gate_open"}
    assert program.slug in findings[0].page
    with atomic_write():
        now = utcnow()
        OutboxMessage.objects.create(topic="job.run", key="x", payload={}, created_at=now, due_at=now, dead_at=now)
    kinds = {finding.kind for finding in operations_risks_read(**ALL)}
    assert {"outbox_dead", "job_off"} <= kinds
    project = a_project()
    assert operations_risks_read(project_id=project.pk, limit=50) == []
    assert programs_risks_read(project_id=project.pk, limit=50) == []


def test_each_source_asks_a_fixed_number_of_questions(django_assert_max_num_queries: Any) -> None:
    def asked() -> list[int]:
        numbers = []
        for dotted in installed.READINESS_RISK_SOURCES:
            with django_assert_max_num_queries(20) as seen:
                found = import_string(dotted)(**ALL)
            assert len(found) <= 50
            numbers.append(len(seen))
        return numbers

    a_program()
    for number in range(2):
        an_incident(project_id=a_project().pk, logger=f"part.{number}", incident={"priority": "P1"})
    before = asked()
    for number in range(8):
        a_control(incident=an_incident(project_id=a_project().pk, incident={"priority": f"P{number % 4}"}))
    with atomic_write():
        Control.objects.update(state="stale")
    assert asked() == before
