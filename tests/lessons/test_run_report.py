"""The body of a reported run: every mistake is named by its pointer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidents.lessons.services.control_history import Outcome
from incidents.lessons.services.run_report import MAX_CHECKS, run_report_parse
from readiness.infra.refusals import Invalid

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def body(**changes: Any) -> dict[str, Any]:
    return {
        "outcome": "failed",
        "commit": "4F1C9E2" + "0" * 33,
        "on_main": False,
        "command": " pytest tests/test_budget.py ",
        "overlay_sha256": None,
        "checks": [{"id": "t", "outcome": "failed"}],
        "output_sha256": "a" * 64,
        "finished_at": "2026-03-01T08:59:00Z",
        **changes,
    }


def pointers(broken: object) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        run_report_parse(body=broken, now=NOW)
    return [error.pointer for error in refusal.value.errors]


def test_it_reads_a_report() -> None:
    report = run_report_parse(body=body(unknown="field"), now=NOW)
    assert report.commit == "4f1c9e2" + "0" * 33
    assert report.command == "pytest tests/test_budget.py"
    assert report.overlay_sha256 == ""
    assert report.finished_at == NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "skipped"),
        ("outcome", ["failed"]),
        ("commit", "main"),
        ("commit", "abc123"),
        ("commit", 7),
        ("on_main", "false"),
        ("command", "  "),
        ("command", "x" * 2_001),
        ("command", "nul\x00"),
        ("overlay_sha256", "short"),
        ("checks", {"t": "failed"}),
        ("checks", [{"id": "t", "outcome": "failed"}] * (MAX_CHECKS + 1)),
        ("output_sha256", None),
        ("finished_at", "yesterday"),
        ("finished_at", "2026-03-01T08:59:00"),
        ("finished_at", "2026-03-01T09:05:01Z"),
        ("finished_at", "0001-01-01T00:00:00+14:00"),
        ("finished_at", 1_700_000_000),
    ],
)
def test_it_names_the_bad_field(field: str, value: object) -> None:
    assert pointers(body(**{field: value})) == [f"/{field}"]


def test_it_names_every_mistake_at_once() -> None:
    assert pointers({}) == ["/outcome", "/commit", "/on_main", "/command", "/checks", "/output_sha256", "/finished_at"]
    assert pointers([]) == [""]
    assert pointers(body(checks=[{"id": "", "outcome": "failed"}, {"id": "t", "outcome": "xfail"}, "t"])) == [
        "/checks/0/id", "/checks/1/outcome", "/checks/2/id", "/checks/2/outcome",
    ]  # fmt: skip


def test_it_refuses_a_pass_with_a_failed_check() -> None:
    assert pointers(body(outcome="passed")) == ["/outcome"]


def test_it_counts_a_check_named_twice_by_its_worst_outcome() -> None:
    twice = [{"id": "t", "outcome": "passed"}, {"id": "t", "outcome": "skipped"}, {"id": "u", "outcome": "passed"}]
    report = run_report_parse(body=body(outcome="passed", checks=twice), now=NOW)
    assert {c.id: c.outcome for c in report.checks} == {"t": Outcome.SKIPPED, "u": Outcome.PASSED}
