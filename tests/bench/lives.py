"""The lives of a filled installation's incidents, run inside the console: `manage.py shell -c` with its own tables.

One in ten waits, one is acknowledged, one diagnosed, one has come back; the others are prevented or closed, with root
cause, lesson, control and runs. Every twentieth has a long history.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.db import connection
from django.db.models import Model, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext

from incidents.lessons.models import Control, ControlRun, Lesson, RootCause
from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.services.response import STEPS
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import User
from tests.bench.fill import STATUSES

DIAGNOSED = ("diagnosed", "prevented", "closed")
PREVENTED = ("prevented", "closed")
RUNS, ENTRIES, LONG = 12, 4, 180
_BATCH = 1_000
M = TypeVar("M", bound=Model)


def lives_fill() -> None:
    """Give every incident of the fill its life; the same share of each kind whatever their number."""
    rows = list(
        Incident.objects.filter(component__startswith="shop.area").order_by("pk").values_list("pk", "project_id")
    )
    now = utcnow()
    with atomic_write():
        for kind, status in enumerate(STATUSES):
            for day in range(30):
                mine = [pk for number, (pk, _) in enumerate(rows) if number % 10 == kind and number // 10 % 30 == day]
                Incident.objects.filter(pk__in=mine).update(
                    **_life(kind, status, now - timedelta(days=day, hours=1)), **_told(now)
                )
        learnt = [(n, pk, project) for n, (pk, project) in enumerate(rows) if STATUSES[n % 10] in DIAGNOSED]
        kept = [(n, pk, project) for n, pk, project in learnt if STATUSES[n % 10] in PREVENTED]
        _insert(RootCause, (_root_cause(n, pk, project, now) for n, pk, project in learnt))
        _insert(Lesson, (_lesson(n, pk, project, now) for n, pk, project in learnt))
        _insert(Control, (_control(n, pk, project, now) for n, pk, project in kept))
        _insert(ControlRun, _runs(now))
        _insert(
            TimelineEntry, (entry for n, (pk, project) in enumerate(rows) for entry in _entries(n, pk, project, now))
        )


def _life(kind: int, status: str, at: datetime) -> dict[str, object]:
    after = at + timedelta(minutes=6 + kind)
    return {
        "status": status,
        "priority": ("P2", "P3", "P1", "P2", "P2", "P3", "P3", "P1", "P2", "P3")[kind],
        "owner": "" if status == "detected" else "ada@example.test",
        "detected_at": at,
        "acknowledged_at": None if status in ("detected", "recurred") else at + timedelta(minutes=2),
        "diagnosed_at": Value(after) if status in DIAGNOSED else None,
        "prevented_at": Value(after + timedelta(minutes=20)) if status in PREVENTED else None,
        "closed_at": Value(after + timedelta(minutes=30)) if status == "closed" else None,
        "recurrences": int(status == "recurred"),
        "recurred_at": at if status == "recurred" else None,
    }


def _told(now: datetime) -> dict[str, object]:
    """Whoever waits was told long ago, and hears of it again within the hour: an installation that lived with them has
    no thousand escalations to catch up on while its pages are measured.
    """
    return {"escalation_step": len(STEPS), "update_from": now}


def _insert(model: type[M], rows: Iterator[M]) -> None:
    while batch := list(islice(rows, _BATCH)):
        model._default_manager.bulk_create(batch)


def _root_cause(number: int, incident_id: int, project_id: int, at: datetime) -> RootCause:
    return RootCause(
        project_id=project_id, incident_id=incident_id, revision=1, author="ada@example.test", written_at=at,
        text=f"An order of step {number} may come without its parts; nobody had asked what happens then.",
        contributing_factors=["no test of the empty case"], broken_commits=["b" * 40],
    )  # fmt: skip


def _lesson(number: int, incident_id: int, project_id: int, at: datetime) -> Lesson:
    return Lesson(
        project_id=project_id, incident_id=incident_id, believed=f"Every order of step {number} has parts.",
        was_true="Gifts have none.", do_now="We ask for the parts first.", author="ada@example.test", written_at=at,
    )  # fmt: skip


def _control(number: int, incident_id: int, project_id: int, at: datetime) -> Control:
    state = "proven" if number % 20 > 4 else "stale"
    return Control(
        project_id=project_id, incident_id=incident_id, kind="check", title=f"Step {number} without parts is settled",
        command=f"pytest tests/test_step_{number}.py", created_by="ada@example.test", created_at=at, state=state,
        state_reason="It failed on the broken commit and passes on the fixed one.", state_at=at,
        pass_due_at=at + timedelta(days=7), last_sequence=RUNS,
    )  # fmt: skip


def _runs(at: datetime) -> Iterator[ControlRun]:
    for control in Control.objects.filter(last_sequence=RUNS).order_by("pk").iterator():
        for sequence in range(1, RUNS + 1):
            red = sequence == 1
            yield ControlRun(
                project_id=control.project_id, control_id=control.pk, sequence=sequence, version=1,
                outcome="failed" if red else "passed", commit=("b" if red else "f") * 40, on_main=sequence > 2,
                command=control.command, checks=[{"id": "test_it", "outcome": "failed" if red else "passed"}],
                checks_passed=int(not red), checks_failed=int(red), output_sha256="a" * 64,
                finished_at=at - timedelta(hours=RUNS - sequence), received_at=at - timedelta(hours=RUNS - sequence),
                reporter="ci", effect="red" if red else "main_passed", effect_text="The check ran.",
                state_after="failing_before" if red else "proven",
            )  # fmt: skip


def _entries(number: int, incident_id: int, project_id: int, at: datetime) -> Iterator[TimelineEntry]:
    many = LONG if number % 200 // 10 == 0 else ENTRIES
    for place in range(many):
        yield TimelineEntry(
            project_id=project_id, incident_id=incident_id, at=at - timedelta(minutes=many - place), kind="note",
            text=f"Looked at step {number}, part {place}.", actor="ada@example.test",
        )  # fmt: skip


def queries_count(paths: Sequence[str]) -> None:
    """Print how many queries each page takes, as JSON: path → queries. Raises AssertionError unless it is answered."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.filter(role="founder").order_by("pk")[0])
    counts = {}
    for path in paths:
        client.get(path)  # what a process asks once is not the page's
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        counts[path] = len(asked)
    print(json.dumps(counts))  # noqa: T201
