"""What an attempt's result means: arrived, try again, give up, switch the channel off; and when a channel rests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

RETRY_AFTER_MAX = timedelta(hours=24)
FAILURES_BEFORE_REST = 3
REST_FIRST, REST_MAX = timedelta(seconds=30), timedelta(minutes=5)
SINGLES_A_MINUTE = 10  # of one channel; what is beyond waits for the minute's digest


@dataclass(frozen=True, slots=True)
class SendResult:
    """`error` is empty when it arrived. `final`: trying again would not help; `gone`: the receiver wants no more."""

    status: int | None = None
    error: str = ""
    retry_after: timedelta = timedelta(0)
    final: bool = False
    gone: bool = False

    @property
    def arrived(self) -> bool:
        return not self.error


def answer_judge(
    *, host: str, status: int, reason: str, location_host: str, retry_after: str, now: datetime
) -> SendResult:
    """The specification's table of status codes: 2xx arrived, 410 switch off, all others are failures to try again."""
    if 200 <= status < 300:
        return SendResult(status)
    if status == 410:
        return SendResult(status, f"{host} answered 410: it wants no more of these.", final=True, gone=True)
    if 300 <= status < 400:
        where = f" to {location_host}" if location_host else ""
        return SendResult(status, f"{host} redirects{where} ({status}); redirects are not followed. Enter the new URL.")
    pause = _pause_asked(retry_after, now)
    return SendResult(status, f"{host} answered {status} {reason}".strip() + ".", retry_after=pause)


def _pause_asked(retry_after: str, now: datetime) -> timedelta:
    """Seconds, or a date of RFC 9110; nothing for what is neither or past, and a day at most."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(timedelta(seconds=int(retry_after[:9])), RETRY_AFTER_MAX)
    try:
        at = parsedate_to_datetime(retry_after)
        return max(min(at.replace(tzinfo=at.tzinfo or UTC) - now, RETRY_AFTER_MAX), timedelta(0))
    except (ValueError, OverflowError):
        return timedelta(0)


def rest_after(*, failures: int, now: datetime) -> datetime | None:
    """From the third failure in a row a channel rests before anything else is tried by it: 30 s, doubling, 5 minutes
    at most. A receiver that hangs costs its ten seconds once a rest, not once a notice.
    """
    if failures < FAILURES_BEFORE_REST:
        return None
    doublings: int = min(failures - FAILURES_BEFORE_REST, 10)
    return now + min(REST_FIRST * (1 << doublings), REST_MAX)


def minute_of(now: datetime) -> datetime:
    """The minute that a moment is in."""
    return now.replace(second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far one notice has come by one channel. `tried`: a first result is known."""

    channel: str
    tried: bool
    delivered: bool


def told_words(*, before: list[Reached], after: list[Reached]) -> str:
    """The timeline's line on a notice, in the one moment when it first holds that every channel has been tried and one
    has worked; empty in every other.
    """
    if _is_told(before) or not _is_told(after):
        return ""
    told = ", ".join(one.channel for one in after if one.delivered)
    missed = ", ".join(one.channel for one in after if not one.delivered)
    return f"Told: {told}." + (f" Not reached yet: {missed}; it is tried again." if missed else "")


def _is_told(reached: list[Reached]) -> bool:
    return all(one.tried for one in reached) and any(one.delivered for one in reached)
