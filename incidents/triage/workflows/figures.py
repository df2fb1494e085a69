"""How it stands with the incidents, in figures: for the home page."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from incidents.triage import store
from incidents.triage.services.response import GRAVE
from readiness.infra.clock import utcnow
from readiness.infra.remembered import CLOSED_DAYS_LAST_S, Remembered, days_counted
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.infra.trend import days_until

_DAYS: Remembered[dict[date, int]] = Remembered(most=4, seconds=CLOSED_DAYS_LAST_S)


@dataclass(frozen=True, slots=True)
class IncidentFigures:
    """Real incidents; `open`: (priority, open incidents), the gravest first. `recurrences` of `recurred` incidents in
    the last `days`; `opened` on each of those days (UTC), oldest first. `known`: anything was ever reported.
    """

    days: int
    open: tuple[tuple[str, int], ...]
    recurrences: int
    recurred: int
    opened: tuple[int, ...]
    known: bool

    @property
    def open_total(self) -> int:
        return sum(count for _, count in self.open)

    @property
    def open_grave(self) -> int:
        """P0 and P1."""
        return sum(count for priority, count in self.open if priority in GRAVE)


@transactional(TransactionIntent.READ_ONLY)
def incident_figures_read(session: Session, *, days: int = 30) -> IncidentFigures:
    """The figures of today and the `days` - 1 before. Two queries; the days before yesterday may lag by
    minutes (readiness.infra.remembered).
    """
    dates = days_until(utcnow().date(), days=days)
    found = store.incident_figures(recurred_since=_midnight(dates[0]))
    return IncidentFigures(
        days=days,
        open=tuple(found.open.items()),
        recurrences=found.recurrences,
        recurred=found.recurred,
        opened=tuple(days_counted(kept=_DAYS, dates=dates, count=_opened_since)),
        known=found.known,
    )


def _opened_since(day: date) -> dict[date, int]:
    return store.incidents_opened_daily(since=_midnight(day))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
