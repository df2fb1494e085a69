"""Fair limits: how much of one key is taken in, and how much of one incident is kept in full. Pure decisions.

A key over its limit is refused (429) until the minute ends. An incident over its allowance is answered as ever and
sampled: each of its errors is counted, one in ten, then in a hundred, then in a thousand is kept in full. A refusal
would make SDKs hold back every error of the program, the rare ones too; that is what one loud error must not do.

What an incident may store in full is a leaky bucket that lets go of `incident_per_minute` a minute and holds
`burst_minutes` of them: after a quiet half hour, half an hour's worth may come at once. An incident that has been known
for an hour is also held against its own past: over `spike_factor` times its usual minute (an exponentially weighted
mean, half of it from the last 30 minutes), it is sampled from there on, burst or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from readiness.infra.refusals import FieldError

MINUTE = 60
LEAST_KEY = 10  # below this a program cannot even report that it is down
LEAST_INCIDENT = 5
SPIKE_FLOOR = 600  # no minute below this is a spike: a small team's disk does not notice it
SPIKE_KNOWN_MINUTES = 60
USUAL_HALF_LIFE = 30  # minutes
PAST_MINUTES = 120  # what a process that starts reads again; older windows are forgotten
_KEEP = 0.5 ** (1 / USUAL_HALF_LIFE)


class LimitReason(StrEnum):
    """Why an error was not stored; the reason of its count in `infra_error_drops`, and the SDK's in its own report."""

    KEY = "key_limit"
    INCIDENT = "incident_limit"
    SPIKE = "spike"


REASON_WORDS: Mapping[str, str] = {
    LimitReason.KEY: "refused, over the key's limit",
    LimitReason.INCIDENT: "counted only, over the incident's limit",
    LimitReason.SPIKE: "counted only, in a spike of the incident",
    "span_limit": "spans not kept, over the limit of a minute",
    "span_trace_full": "spans not kept, their trace was full",
    "otlp_invalid": "OTLP items that could not be read",
    "otlp_too_many": "OTLP items beyond what one request may bring",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """A project's limits, in errors a minute; 0 switches one off. `burst_minutes`: how many minutes' worth of its own
    an incident may store at once.
    """

    key_per_minute: int = 0
    incident_per_minute: int = 0
    burst_minutes: int = 1
    spike_factor: int = 0

    @property
    def incident_burst(self) -> int:
        return self.incident_per_minute * max(1, self.burst_minutes)

    @property
    def watches_incidents(self) -> bool:
        return bool(self.incident_per_minute or self.spike_factor)

    @property
    def off(self) -> bool:
        return not (self.key_per_minute or self.watches_incidents)


def limits_settle(*, default: Limits, everybody: Mapping[str, int | None], own: Mapping[str, int | None]) -> Limits:
    """The project's own values, else those for every project, else the installation's; None stands for unset."""

    def value(name: str) -> int:
        for source in (own, everybody):
            if (found := source.get(name)) is not None:
                return found
        return int(getattr(default, name))

    return Limits(
        key_per_minute=value("key_per_minute"),
        incident_per_minute=value("incident_per_minute"),
        burst_minutes=default.burst_minutes,
        spike_factor=value("spike_factor"),
    )


def limit_settings_check(
    *, key_per_minute: int | None, incident_per_minute: int | None, spike_factor: int | None
) -> list[FieldError]:
    """What is wrong with limits that a founder wants to set. None is the installation's default, 0 switches off."""
    wrong = []
    if key_per_minute is not None and 0 < key_per_minute < LEAST_KEY:
        wrong.append(FieldError("/key_per_minute", f"Use {LEAST_KEY} or more, or 0 to switch the limit off."))
    if incident_per_minute is not None and 0 < incident_per_minute < LEAST_INCIDENT:
        detail = f"Use {LEAST_INCIDENT} or more, or 0 to keep every error in full."
        wrong.append(FieldError("/incident_per_minute", detail))
    if spike_factor == 1:
        wrong.append(FieldError("/spike_factor", "Use 2 or more, or 0 to switch it off: 1 is what is usual."))
    return wrong


def minute_of(seconds: float) -> int:
    """The number of the UTC minute that a UNIX time falls in."""
    return int(seconds // MINUTE)


def seconds_left(seconds: float) -> int:
    """Whole seconds until that minute ends, 1 to 60: what Retry-After says."""
    return MINUTE - int(seconds % MINUTE)


def key_admits(*, used: int, limit: int) -> bool:
    """A request is taken whole while its key has anything left of its minute: no batch is torn in two."""
    return limit == 0 or used < limit


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a group when a minute begins. `level`: how full its bucket is; `usual`: errors in a usual
    minute; `known`: minutes since it was first seen, as far as anybody remembers.
    """

    level: float = 0.0
    usual: float = 0.0
    known: int = 0

    @property
    def says_nothing(self) -> bool:
        """It may be forgotten: a group without a past would be treated the same."""
        return self.level < 1 and self.usual < SPIKE_FLOOR / 1_000


def past_wait(*, past: Past, minutes: int, limits: Limits) -> Past:
    """`past` after so many minutes without an error."""
    if minutes <= 0:
        return past
    level = max(0.0, past.level - limits.incident_per_minute * minutes)
    return Past(level, past.usual * _KEEP**minutes, past.known + minutes)


def past_fold(*, past: Past, events: int, kept: int, limits: Limits) -> Past:
    """`past` after one minute with that many errors, of which `kept` were stored in full."""
    level = min(max(0.0, past.level + kept - limits.incident_per_minute), float(limits.incident_burst))
    return Past(level, past.usual * _KEEP + events * (1 - _KEEP), past.known + 1)


def group_allowance(*, past: Past, limits: Limits) -> tuple[float, LimitReason]:
    """How many errors of the group are kept in full this minute, and why no more; infinite without a limit."""
    allowed, reason = float("inf"), LimitReason.INCIDENT
    if limits.incident_per_minute:
        allowed = max(float(limits.incident_per_minute), limits.incident_burst - past.level)
    if limits.spike_factor and past.known >= SPIKE_KNOWN_MINUTES:
        spike = max(float(SPIKE_FLOOR), limits.spike_factor * past.usual)
        if spike < allowed:
            allowed, reason = spike, LimitReason.SPIKE
    return allowed, reason


def sample_keeps(over: int) -> bool:
    """Is the `over`-th error (from 1) beyond the allowance of a minute kept in full all the same? Fresh evidence keeps
    coming: one in ten of the first thousand, one in a hundred of the first ten thousand, one in a thousand then.
    """
    if over <= 1_000:
        return over % 10 == 0
    return over % (100 if over <= 10_000 else 1_000) == 0


# --- what founders are told -----------------------------------------------------------------------------------------


def key_notice_text(*, whose: str, key_kind: str, limit: int) -> str:
    """A notice of a key that is over its limit; `whose`: the tenant, or `project 4`."""
    key = {"dsn": "A DSN", "api": "An API key"}.get(key_kind, "A key")
    return (
        f"{key} of {whose} sent more than {limit:,} errors in a minute. What came beyond was refused "
        "until the minute ended, and counted; programs hold back and go on by themselves."
    )


def sample_notice_text(*, incident: str, reason: str, limits: Limits) -> str:
    """A notice of an incident that is not kept in full."""
    if reason == LimitReason.SPIKE:
        return (
            f"{incident} came more than {limits.spike_factor} times as often as usual. Every error of it is counted; "
            "until it is quieter, only some are kept in full."
        )
    burst = f", and {limits.burst_minutes} minutes' worth at once" if limits.burst_minutes > 1 else ""
    return (
        f"{incident} came more often than is kept in full ({limits.incident_per_minute:,} a minute{burst}). Every "
        "error of it is counted; until it is quieter, only some are kept in full."
    )
