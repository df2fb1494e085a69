"""The narrow questions of the incident memory (119-123): bounded in time and in number, each served by an index."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from incidents.errors.models import ErrorEvent
from incidents.errors.services.captured import CapturedError
from incidents.errors.store import questions
from incidents.errors.workflows import errors_commit
from readiness.infra.clock import utcnow
from tests.factories import a_captured_error

pytestmark = pytest.mark.django_db
NOW = utcnow().replace(microsecond=0)
LAST_HOUR: dict[str, Any] = {"since": NOW - timedelta(hours=1), "until": NOW + timedelta(minutes=1)}


def _stored(minutes_ago: int, component: str = "shop.orders", kind: str = "KeyError", **tags: str) -> CapturedError:
    error = a_captured_error(
        timestamp=(NOW - timedelta(minutes=minutes_ago)).isoformat(),
        tags={"component": component, **tags},
        exception={"values": [{"type": kind, "value": "x"}]},
    )
    errors_commit(errors=[error])
    return error


def _ids(rows: Iterable[ErrorEvent]) -> list[str]:
    return [row.error_id for row in rows]


def test_one_correlation_in_order_of_time() -> None:
    late, early = (_stored(minutes, correlation_id="a" * 32) for minutes in (1, 9))
    _stored(5, correlation_id="b" * 32)
    found = _ids(questions.errors_by_correlation(correlation_id="a" * 32))
    assert found == [early.envelope.error_id, late.envelope.error_id]
    for near, expected in ((NOW, found), (NOW - timedelta(days=2), []), (NOW + timedelta(days=2), [])):
        assert _ids(questions.errors_by_correlation(correlation_id="a" * 32, near=near)) == expected


def test_one_run_in_order_of_time() -> None:
    late, early = (_stored(minutes, run_id="run-7") for minutes in (1, 9))
    _stored(5, run_id="run-8")
    assert _ids(questions.errors_by_run(run_id="run-7")) == [early.envelope.error_id, late.envelope.error_id]


def test_a_component_in_a_window_newest_first() -> None:
    early, late = _stored(50), _stored(10)
    _stored(90)
    _stored(10, component="shop.stock")
    found = _ids(questions.errors_by_component(component="shop.orders", **LAST_HOUR))
    assert found == [late.envelope.error_id, early.envelope.error_id]


def test_a_class_in_a_window_newest_first() -> None:
    early, late = _stored(50, kind="ReadTimeout"), _stored(10, kind="ReadTimeout")
    _stored(90, kind="ReadTimeout")
    _stored(10, kind="KeyError")
    found = _ids(questions.errors_by_class(error_class="infra.timeout", **LAST_HOUR))
    assert found == [late.envelope.error_id, early.envelope.error_id]


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ("component", {"shop.orders": 2, "shop.stock": 1}),
        ("error_class", {"infra.timeout": 2, "system.bug": 1}),
        ("severity", {"ERROR": 3}),
    ],
)
def test_counts_by(field: str, counts: dict[str, int]) -> None:
    _stored(1, kind="ReadTimeout")
    _stored(2, kind="ReadTimeout")
    _stored(3, component="shop.stock")
    assert questions.error_counts_by(field=field, **LAST_HOUR) == counts


def test_counts_by_nothing_else() -> None:
    with pytest.raises(ValueError, match="message"):
        questions.error_counts_by(field="message", **LAST_HOUR)


def test_the_timeline_is_by_hour_of_arrival() -> None:
    _stored(1)
    _stored(2)
    assert sum(events for _, events in questions.error_timeline(**LAST_HOUR)) == 2


@pytest.mark.parametrize("days", [-1, 0, 93])
def test_no_question_reads_an_unbounded_window(days: int) -> None:
    window: dict[str, Any] = {"since": NOW, "until": NOW + timedelta(days=days)}
    asked: list[Callable[[], object]] = [
        lambda: questions.errors_by_component(component="x", **window),
        lambda: questions.errors_by_class(error_class="x", **window),
        lambda: questions.error_counts_by(field="component", **window),
        lambda: questions.error_timeline(**window),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="window"):
            ask()


def test_a_found_event_is_looked_for_in_its_own_day() -> None:
    error = _stored(1)
    found = questions.event_find(project_id=1, error_id=error.envelope.error_id)
    assert found is not None
    assert found.error_id == error.envelope.error_id
    assert questions.event_find(project_id=2, error_id=error.envelope.error_id) is None


@pytest.mark.postgres_only
@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda: questions.errors_by_correlation(correlation_id="a" * 32), "correlation_id"),
        (lambda: questions.errors_by_run(run_id="run-7"), "run_id"),
        (lambda: questions.errors_by_component(component="shop.orders", **LAST_HOUR), "component"),
        (lambda: questions.errors_by_class(error_class="infra.timeout", **LAST_HOUR), "error_class"),
    ],
)
def test_each_is_served_by_an_index(rows: Callable[[], QuerySet[ErrorEvent]], index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = rows().explain()
    assert "Seq Scan" not in plan
    assert f"{index} = " in plan or f"{index})::text = " in plan
