"""The home page: may we go, how it stands with the incidents, and is it getting better?"""

from dataclasses import dataclass

from incidents.errors.workflows import errors_per_day
from incidents.lessons.workflows import NeedsPerson, incidents_needing_a_person
from incidents.lessons.workflows.reading.prevention import Preventions, preventions_read
from incidents.triage.services.clock import DiagnosisClocks
from incidents.triage.workflows import diagnosis_clocks_read
from incidents.triage.workflows.figures import IncidentFigures, incident_figures_read
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.infra.trend import TrendChart, TrendSeries, day_labels, days_until, weeks_compared
from readiness.notifications.workflows.reading import telling_gap_read
from readiness.programs.workflows.verdicts import ProgramView, program_main_view

DAYS = 30
NEEDS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class HomeView:
    """`program` is None before the first import; `untold`: why nobody would be told of anything, empty when somebody
    would be. The figures and `trends` are of the last DAYS days.
    """

    program: ProgramView | None
    needs: list[NeedsPerson]
    incidents: IncidentFigures
    clocks: DiagnosisClocks
    preventions: Preventions
    trends: tuple[TrendChart, ...]
    untold: str


@transactional(TransactionIntent.READ_ONLY)
def home_read(session: Session) -> HomeView:
    """Everything that the page shows, with the same queries whatever is stored: kept figures and narrow reads only."""
    incidents, errors = incident_figures_read(days=DAYS), errors_per_day(days=DAYS)
    today = utcnow().date()
    labels = day_labels(days_until(today, days=DAYS), today=today)
    return HomeView(
        program=program_main_view(),
        needs=incidents_needing_a_person(limit=NEEDS_SHOWN),
        incidents=incidents,
        clocks=diagnosis_clocks_read(days=DAYS),
        preventions=preventions_read(),
        trends=(
            _daily("Errors per day", "Errors", labels, errors),
            _daily("Incidents opened per day", "Incidents", labels, incidents.opened),
        ),
        untold=telling_gap_read(),
    )


def _daily(title: str, name: str, labels: tuple[str, ...], counts: list[int] | tuple[int, ...]) -> TrendChart:
    return TrendChart(
        title=title,
        sentence=weeks_compared(counts),
        labels=labels,
        series=(TrendSeries(name, tuple(counts)),),
        unit=name.lower(),
    )
