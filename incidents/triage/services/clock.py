"""The diagnosis clock: from the first stored event to a root cause with evidence, against 15 minutes (62)."""

from dataclasses import dataclass
from datetime import datetime

TARGET_SECONDS = 900


@dataclass(frozen=True, slots=True)
class DiagnosisClock:
    """`state`: running or stopped; whole seconds since the first stored event."""

    state: str
    seconds: int
    target_seconds: int = TARGET_SECONDS

    @property
    def over(self) -> bool:
        return self.seconds > self.target_seconds


def diagnosis_clock(*, detected_at: datetime, diagnosed_at: datetime | None, now: datetime) -> DiagnosisClock:
    """The clock as it stands; it never shows less than zero."""
    end = diagnosed_at or now
    return DiagnosisClock(
        state="stopped" if diagnosed_at else "running", seconds=max(0, int((end - detected_at).total_seconds()))
    )


@dataclass(frozen=True, slots=True)
class DiagnosisClocks:
    """Every clock that stopped in the last `days`: `p50` and `p90` in whole seconds (None without any), and how many of
    the `diagnosed` were within the target. An average over what is done says nothing of what is not: `running` counts
    the open incidents that nobody has diagnosed, `overdue` those of them past the target.
    """

    days: int
    diagnosed: int
    within: int
    p50: int | None
    p90: int | None
    running: int
    overdue: int
    target_seconds: int = TARGET_SECONDS

    @property
    def met(self) -> bool:
        """Nine in ten of what was diagnosed was in time, and nothing that runs is late; False without any data."""
        return self.p90 is not None and self.p90 <= self.target_seconds and not self.overdue
