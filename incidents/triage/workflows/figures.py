"""How it stands with the incidents, in figures: for the home page."""

from dataclasses import dataclass
from datetime import UTC, datetime, time

from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.services.response import GRAVE
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.infra.trend import days_until


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
    """The figures of today and the `days` - 1 before. Four queries."""
    dates = days_until(utcnow().date(), days=days)
    since = datetime.combine(dates[0], time(), tzinfo=UTC)
    counts, opened = store.incidents_open_counts(), store.incidents_opened_daily(since=since)
    recurrences, recurred = store.recurrences_counts(since=since)
    return IncidentFigures(
        days=days,
        open=tuple((priority, counts.get(priority, 0)) for priority in Incident.Priority.values),
        recurrences=recurrences,
        recurred=recurred,
        opened=tuple(opened.get(day, 0) for day in dates),
        known=store.incidents_real_exist(),
    )
