"""OpsHealthSignal: the current health of a component, the answer to "Is the system OK now?" (139, 146). Pure.

Health comes from what is counted: a component's errors of the last hour against its own usual hour, and its open
incidents. Silence is no health: where a project was not heard of lately, its quiet components are unknown.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HOUR = timedelta(hours=1)
USUAL_OVER = timedelta(days=7)
HEARD_WITHIN = timedelta(hours=24)  # a sign of life older than that says nothing of now
SIGMAS = 3.0
DEGRADED_FROM = 5  # errors an hour: fewer are no pattern, whatever is usual
UNHEALTHY_FROM = 30
UNHEALTHY_FACTOR = 3.0


class OpsHealthStatus(StrEnum):
    """How a component is; `rank` rises with how much it asks for. Unknown is worse than healthy: nobody can tell."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    @property
    def rank(self) -> int:
        return list(OpsHealthStatus).index(self)


class HealthCause(StrEnum):
    """What decided."""

    INCIDENTS = "incidents"
    RATE = "rate"
    SILENCE = "silence"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFigures:
    """What is counted of one component. `this_hour`: errors since the UTC hour began, `hour_before` those of the hour
    before it, `earlier` those of the closed hours before that, `earlier_hours` of them since it was first heard of.
    `grave`: open incidents of P0 and P1; `lately`: open ones of P2 that happened within the last hour; `open` of any
    priority. `heard_at`: of the component, `project_heard_at`: any sign of life of its project.
    """

    project_id: int
    component: str
    this_hour: int = 0
    hour_before: int = 0
    earlier: int = 0
    earlier_hours: int = 0
    grave: int = 0
    lately: int = 0
    open: int = 0
    heard_at: datetime | None = None
    project_heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpsHealthSignal:
    """How one component is now, and why. `errors_last_hour` is an estimate (errors_of_last_hour); `usual_per_hour` is
    None while the component is too new to have one. An empty component is the whole of a project.
    """

    project_id: int
    component: str
    status: OpsHealthStatus
    cause: HealthCause
    why: str
    errors_last_hour: int
    usual_per_hour: float | None
    last_heard: datetime | None
    open_incidents: int


def errors_of_last_hour(*, this_hour: int, hour_before: int, now: datetime) -> int:
    """How many errors there were in the last sixty minutes, from two counts by the clock: all of the hour under way,
    and of the one before it the share that is not an hour ago yet. The sliding window counter of Cloudflare's "How we
    built rate limiting capable of scaling to millions of domains" (2017), which assumes that the earlier hour's errors
    came evenly.
    """
    begun = now.replace(minute=0, second=0, microsecond=0)
    return this_hour + math.ceil(hour_before * (1 - (now - begun) / HOUR))


def errors_limit(*, usual: float) -> float:
    """The most errors an hour that chance explains: the upper control limit c + 3√c of a Shewhart c-chart for counts
    (NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.1).
    """
    return usual + SIGMAS * math.sqrt(usual)


def component_health(*, figures: ComponentFigures, now: datetime) -> OpsHealthSignal:
    """The signal of one component. More errors or more open incidents never make it better."""
    last_hour = errors_of_last_hour(this_hour=figures.this_hour, hour_before=figures.hour_before, now=now)
    usual = figures.earlier / figures.earlier_hours if figures.earlier_hours else None
    status, cause, why = _judge(figures, last_hour, usual, now)
    return OpsHealthSignal(
        project_id=figures.project_id,
        component=figures.component,
        status=status,
        cause=cause,
        why=why,
        errors_last_hour=last_hour,
        usual_per_hour=None if usual is None else round(usual, 2),
        last_heard=figures.heard_at,
        open_incidents=figures.open,
    )


def _judge(
    figures: ComponentFigures, last_hour: int, usual: float | None, now: datetime
) -> tuple[OpsHealthStatus, HealthCause, str]:
    limit = errors_limit(usual=usual or 0.0)
    rate = f"{count_words(last_hour, 'error')} in the last hour; {_usual_words(usual, limit)}"
    if figures.grave:
        noun = "incident of P0 or P1 is" if figures.grave == 1 else "incidents of P0 or P1 are"
        return OpsHealthStatus.UNHEALTHY, HealthCause.INCIDENTS, f"{figures.grave} {noun} open."
    if last_hour >= UNHEALTHY_FROM and last_hour > limit * UNHEALTHY_FACTOR:
        return OpsHealthStatus.UNHEALTHY, HealthCause.RATE, rate
    if last_hour >= DEGRADED_FROM and last_hour > limit:
        return OpsHealthStatus.DEGRADED, HealthCause.RATE, rate
    if figures.lately:
        noun = "incident of P2" if figures.lately == 1 else "incidents of P2"
        return OpsHealthStatus.DEGRADED, HealthCause.INCIDENTS, f"{figures.lately} open {noun} happened in this hour."
    heard = figures.project_heard_at
    if last_hour == 0 and (heard is None or now - heard > HEARD_WITHIN):
        return OpsHealthStatus.UNKNOWN, HealthCause.SILENCE, _silence_words(heard, now)
    return OpsHealthStatus.HEALTHY, HealthCause.NOTHING, rate


def project_silent(*, project_id: int) -> OpsHealthSignal:
    """The signal of a project that has never sent anything."""
    why = "Nothing was ever heard of it: what breaks there, nobody would see."
    return OpsHealthSignal(project_id, "", OpsHealthStatus.UNKNOWN, HealthCause.SILENCE, why, 0, None, None, 0)


def _silence_words(heard: datetime | None, now: datetime) -> str:
    since = "ever" if heard is None else f"for {span_words(now - heard)}"
    return f"Nothing was heard of its project {since}: quiet and dead look the same."


def _usual_words(usual: float | None, limit: float) -> str:
    if usual is None:
        return "it is too new to have a usual hour."
    return f"{_figure(usual)} is usual, and up to {_figure(limit)} is chance."


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def count_words(number: int, noun: str) -> str:
    """`1 error`, `1,200 errors`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span_words(span: timedelta) -> str:
    """`3 days`, `26 hours`, `5 minutes`: a whole number of the unit that suits it."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes >= 2 * 24 * 60:
        return count_words(minutes // (24 * 60), "day")
    return count_words(minutes // 60, "hour") if minutes >= 120 else count_words(minutes, "minute")


def health_order(signals: Iterable[OpsHealthSignal]) -> list[OpsHealthSignal]:
    """Those that ask for most first, then by how many errors they had, then by name."""
    return sorted(signals, key=lambda s: (-s.status.rank, -s.errors_last_hour, s.component, s.project_id))


def health_overall(signals: Sequence[OpsHealthSignal]) -> OpsHealthStatus:
    """The worst of them; unknown when there is none, for no data is never healthy."""
    return max((signal.status for signal in signals), key=lambda s: s.rank, default=OpsHealthStatus.UNKNOWN)


def health_counts(signals: Iterable[OpsHealthSignal]) -> dict[OpsHealthStatus, int]:
    """How many components are how, the worst first; every status is named, also at zero."""
    counted = Counter(signal.status for signal in signals)
    return {status: counted[status] for status in reversed(OpsHealthStatus)}
