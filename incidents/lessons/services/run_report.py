"""A reported run of a control, checked field by field (INTERFACES, `POST /v1/controls/…/runs`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from incidents.lessons.services.control_history import CheckResult, Outcome
from readiness.infra.refusals import FieldError, Invalid

MAX_CHECKS = 2_000
MAX_CHECK_ID = 500
MAX_COMMAND = 2_000
FUTURE_TOLERANCE = timedelta(minutes=5)

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# A check reported twice (a rerun, a parametrised twin) counts by its worst outcome, and skipped is worse than passed.
_WORST_FIRST = (Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)


@dataclass(frozen=True, slots=True)
class RunReport:
    """The body of a report. Hashes are 64 hex or empty, the commit 7 to 64 hex, `finished_at` aware UTC."""

    outcome: Outcome
    commit: str
    on_main: bool
    command: str
    overlay_sha256: str
    checks: tuple[CheckResult, ...]
    output_sha256: str
    finished_at: datetime


def run_report_parse(*, body: object, now: datetime) -> RunReport:
    """The report in a decoded JSON body; unknown fields are left alone. Raises Invalid, a pointer for each mistake."""
    if not isinstance(body, Mapping):
        raise Invalid(
            "A run is one JSON object.", errors=[FieldError("", "send an object with outcome, commit, checks")]
        )
    reader = _Reader(body)
    report = RunReport(
        outcome=reader.outcome("outcome", allowed=(Outcome.PASSED, Outcome.FAILED, Outcome.ERROR)),
        commit=reader.matching("commit", _COMMIT, "the commit's id: 7 to 64 hexadecimal digits"),
        on_main=reader.boolean("on_main"),
        command=reader.text("command", longest=MAX_COMMAND),
        overlay_sha256=reader.matching("overlay_sha256", _SHA256, "64 hexadecimal digits", optional=True),
        checks=reader.checks("checks"),
        output_sha256=reader.matching("output_sha256", _SHA256, "64 hexadecimal digits"),
        finished_at=reader.past("finished_at", now),
    )
    if report.outcome is Outcome.PASSED and any(c.outcome in (Outcome.FAILED, Outcome.ERROR) for c in report.checks):
        reader.errors.append(FieldError("/outcome", "says passed, while a check failed or ended in an error"))
    if reader.errors:
        raise Invalid("The run is not recorded; mend the fields named in errors.", errors=reader.errors)
    return report


class _Reader:
    """Takes fields from a body and keeps every mistake, so that one answer names them all."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.errors: list[FieldError] = []

    def _wrong(self, name: str, detail: str) -> None:
        self.errors.append(FieldError(f"/{name}", detail if name in self.body else f"missing: {detail}"))

    def text(self, name: str, *, longest: int) -> str:
        value = self.body.get(name)
        if isinstance(value, str) and value.strip() and len(value) <= longest and not _CONTROL_CHARACTER.search(value):
            return value.strip()
        self._wrong(name, f"1 to {longest} characters of plain text")
        return ""

    def matching(self, name: str, pattern: re.Pattern[str], what: str, *, optional: bool = False) -> str:
        value = self.body.get(name)
        if value is None and optional:
            return ""
        if isinstance(value, str) and pattern.fullmatch(value.lower()):
            return value.lower()
        self._wrong(name, what)
        return ""

    def boolean(self, name: str) -> bool:
        value = self.body.get(name)
        if not isinstance(value, bool):
            self._wrong(name, "true or false")
        return value is True

    def outcome(self, name: str, *, allowed: tuple[Outcome, ...]) -> Outcome:
        value = self.body.get(name)
        if isinstance(value, str) and value in allowed:
            return Outcome(value)
        self._wrong(name, "one of " + ", ".join(allowed))
        return Outcome.ERROR

    def past(self, name: str, now: datetime) -> datetime:
        value = self.body.get(name)
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
            moment = moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            self._wrong(name, "an ISO 8601 time with its zone, such as 2026-01-31T09:30:00Z")
            return now
        if moment > now + FUTURE_TOLERANCE:
            self._wrong(name, "lies in the future: set the reporter's clock")
        return moment

    def checks(self, name: str) -> tuple[CheckResult, ...]:
        value = self.body.get(name)
        if not isinstance(value, list):
            self._wrong(name, "an array of {id, outcome}; empty if no check was executed")
            return ()
        if len(value) > MAX_CHECKS:
            self._wrong(name, f"at most {MAX_CHECKS} checks: report a narrower command")
            return ()
        worst: dict[str, Outcome] = {}
        for index, item in enumerate(value):
            inner = _Reader(item if isinstance(item, dict) else {})
            check_id = inner.text("id", longest=MAX_CHECK_ID)
            outcome = inner.outcome("outcome", allowed=tuple(Outcome))
            self.errors += [FieldError(f"/{name}/{index}{e.pointer}", e.detail) for e in inner.errors]
            worst[check_id] = min(worst.get(check_id, outcome), outcome, key=_WORST_FIRST.index)
        return tuple(CheckResult(check_id, outcome) for check_id, outcome in worst.items())
