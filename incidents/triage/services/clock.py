"""The diagnosis clock: from the first stored event to a saved root cause, against 15 minutes (62)."""

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
