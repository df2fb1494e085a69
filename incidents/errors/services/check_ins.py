"""Check-ins: the product's scheduled jobs say how they went, and what their silence means.

A failed, missed or overrun job is evidence that a person reads on Operations. It opens no incident by itself: the error
that made it fail comes as an event of its own, and the same failure would otherwise stand there twice.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from incidents.errors.services.cron import crontab_read, interval_read, run_missed
from incidents.errors.services.feedback import hex_id
from incidents.errors.services.normalising import text_clean
from readiness.infra.redaction import FLOOR, Rules

MAX_PAYLOAD = 100 * 1024  # as Relay has it
STATUSES = ("in_progress", "ok", "error")
DEFAULT_MARGIN, DEFAULT_LONGEST = 1, 30  # minutes, as Sentry has them
_MAX_MINUTES = 40_320
_LONGEST_MS = 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class JobRunReport:
    """One check-in. `check_in_id` is empty when it means the run under way, `schedule` when none was told."""

    check_in_id: str
    monitor: str
    status: str
    duration_ms: int | None
    environment: str
    release: str
    schedule: str
    timezone: str
    margin_minutes: int
    longest_minutes: int

    def started_at(self, received_at: datetime) -> datetime:
        """When the run began: now, or as long ago as it took."""
        return received_at - timedelta(milliseconds=self.duration_ms or 0)


def check_in_read(payload: bytes, rules: Rules = FLOOR) -> JobRunReport | None:
    """The check-in; None for one that cannot be read, names no job, or has a status of its own."""
    if len(payload) > MAX_PAYLOAD:
        return None
    try:
        sent = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if not isinstance(sent, dict):
        return None
    monitor, status = text_clean(_str(sent.get("monitor_slug")), 120, rules).strip(), _str(sent.get("status"))
    if not monitor or status not in STATUSES:
        return None
    plain = hex_id(sent.get("check_in_id"))
    duration = sent.get("duration")
    seconds = duration if isinstance(duration, int | float) and not isinstance(duration, bool) else -1
    config = sent.get("monitor_config")
    config = config if isinstance(config, dict) else {}
    return JobRunReport(
        check_in_id=plain if plain.strip("0") else "",
        monitor=monitor,
        status=status,
        duration_ms=min(round(seconds * 1_000), _LONGEST_MS) if 0 <= seconds < 10**9 else None,
        environment=text_clean(_str(sent.get("environment")), 64, rules) or "production",
        release=text_clean(_str(sent.get("release")), 200, rules),
        schedule=_schedule(config.get("schedule")),
        timezone=text_clean(_str(config.get("timezone")), 64, rules),
        margin_minutes=_minutes(config.get("checkin_margin"), DEFAULT_MARGIN),
        longest_minutes=_minutes(config.get("max_runtime"), DEFAULT_LONGEST),
    )


def check_in_id_make() -> str:
    """The id of a run whose start was never told."""
    return secrets.token_hex(16)


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _minutes(value: Any, default: int) -> int:
    known = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return min(value, _MAX_MINUTES) if known else default


def _schedule(value: Any) -> str:
    """`0 4 * * *` or `every 2 hours`; empty for a schedule that is not understood."""
    if not isinstance(value, dict):
        return ""
    if value.get("type") == "crontab":
        line = " ".join(_str(value.get("value")).split())
        return line if len(line) <= 120 and crontab_read(line) else ""
    number, unit = value.get("value"), _str(value.get("unit"))
    plural = "" if number == 1 else "s"
    words = f"every {number} {unit}{plural}"
    return words if type(number) is int and interval_read(words) else ""


@dataclass(frozen=True, slots=True)
class JobHealth:
    """How a job of the product stands. `kind`: pass, fail, warn, info, neutral; `why` is a sentence, or empty."""

    kind: str
    word: str
    why: str


def job_health(
    *,
    status: str,
    started_at: datetime,
    schedule: str,
    timezone: str,
    margin_minutes: int,
    longest_minutes: int,
    now: datetime,
) -> JobHealth:
    """Failed, overrun, missed, running or ok: from the last run and the schedule, if one is known."""
    margin = timedelta(minutes=margin_minutes)
    due = run_missed(schedule=schedule, timezone=timezone, last_started_at=started_at, margin=margin, now=now)
    if due is not None:
        return JobHealth("fail", "Missed", f"A run was due {due:%Y-%m-%d %H:%M} UTC, and none has started.")
    if status == "error":
        return JobHealth("fail", "Failed", "The last run said that it failed.")
    if status == "in_progress":
        if now - started_at > timedelta(minutes=longest_minutes):
            return JobHealth("fail", "Overrun", f"It has been running for more than {longest_minutes} minutes.")
        return JobHealth("info", "Running", "")
    return JobHealth("pass", "OK", "")
