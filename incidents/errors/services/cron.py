"""When a schedule was last due: crontab lines and intervals, as monitors are configured with (develop.sentry.dev).

Five fields (minute, hour, day of month, month, day of week) of numbers, names, `*`, ranges, lists and steps; the usual
rule that either day field matches when both are restricted; `@daily` and its like. In the schedule's own time zone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_NICKNAMES = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_MONTHS = dict(zip("jan feb mar apr may jun jul aug sep oct nov dec".split(), range(1, 13), strict=True))  # noqa: SIM905
_DAYS = dict(zip("sun mon tue wed thu fri sat".split(), range(7), strict=True))  # noqa: SIM905
_BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _MONTHS), (0, 7, _DAYS),
)  # fmt: skip
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d{1,2}))?")
_EVERY = re.compile(r"every (\d{1,6}) (minute|hour|day|week|month|year)s?")
_MINUTES = {"minute": 1, "hour": 60, "day": 1_440, "week": 10_080, "month": 43_200, "year": 525_600}
_LOOK_BACK_DAYS = 366


@dataclass(frozen=True, slots=True)
class Crontab:
    """The values that each field allows; `either_day`: both day fields are restricted, and one match is enough."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def day_matches(self, day: datetime) -> bool:
        """Whether the job is due on this date at all."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


def crontab_read(line: str) -> Crontab | None:
    """The crontab line, None for what is none."""
    fields = _NICKNAMES.get(line.strip().lower(), line).lower().split()
    if len(fields) != 5:
        return None
    values = [_field(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)]
    if not all(values):
        return None
    weekdays = frozenset(day % 7 for day in values[4])
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    return Crontab(values[0], values[1], values[2], values[3], weekdays, either)


def _field(field: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    allowed: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return frozenset()
        first, last, step = match[1], match[2], int(match[3] or 1)
        if first == "*":
            start, end = low, high if last is None else -1
        else:
            found = _number(first, names)
            start = -1 if found is None else found
            end = high if match[3] and last is None else start
            if last is not None:
                to = _number(last, names)
                end = -1 if to is None else to
        if not low <= start <= end <= high or step < 1:
            return frozenset()
        allowed.update(range(start, end + 1, step))
    return frozenset(allowed)


def _number(word: str, names: dict[str, int]) -> int | None:
    return names.get(word, int(word) if word.isdigit() and len(word) < 3 else None)


def interval_read(schedule: str) -> timedelta | None:
    """The length of `every 15 minutes`, None for another schedule. A month counts 30 days."""
    match = _EVERY.fullmatch(schedule)
    minutes = int(match[1]) * _MINUTES[match[2]] if match else 0
    return timedelta(minutes=minutes) if 0 < minutes <= 5 * _MINUTES["year"] else None


def run_missed(
    *, schedule: str, timezone: str, last_started_at: datetime, margin: timedelta, now: datetime
) -> datetime | None:
    """When the run was due that should have started by now and has not; None when all is well, or nothing is known.

    An interval counts from the last start. Clocks differ: a run up to a minute before a crontab's moment counts for it.
    """
    if interval := interval_read(schedule):
        due = last_started_at + interval
        return due if due + margin < now else None
    crontab = crontab_read(schedule)
    latest = _latest(crontab, timezone, now - margin) if crontab else None
    return latest if latest and last_started_at < latest - timedelta(minutes=1) else None


def _latest(crontab: Crontab, timezone: str, until: datetime) -> datetime | None:
    """The latest moment up to `until` that the line names; None when there is none in a year."""
    try:
        zone: tzinfo = ZoneInfo(timezone or "UTC")
    except (ValueError, OSError):
        zone = UTC
    local = until.astimezone(zone)
    for back in range(_LOOK_BACK_DAYS):
        day = local - timedelta(days=back)
        if not crontab.day_matches(day):
            continue
        for hour in sorted(crontab.hours, reverse=True):
            for minute in sorted(crontab.minutes, reverse=True):
                due = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
                if due <= local:
                    return due.astimezone(UTC)
    return None
