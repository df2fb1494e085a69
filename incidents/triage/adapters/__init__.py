"""L3 of triage: what founders' programs and the consoles see of the Ops models; import from here."""

from incidents.triage.adapters.correlated import (
    FounderCorrelatedEventView,
    FounderCorrelationResponse,
    founder_correlation,
)
from incidents.triage.adapters.founder import (
    founder_decisions,
    founder_health,
    founder_risks,
    founder_trends,
)
from incidents.triage.adapters.incidents import (
    FounderIncidentsSummaryResponse,
    FounderIncidentSummaryView,
    founder_incident_view,
    founder_incidents_summary,
)
from incidents.triage.adapters.preflight import PreflightView, preflight_view

__all__ = [
    "FounderCorrelatedEventView",
    "FounderCorrelationResponse",
    "FounderIncidentSummaryView",
    "FounderIncidentsSummaryResponse",
    "PreflightView",
    "founder_correlation",
    "founder_decisions",
    "founder_health",
    "founder_incident_view",
    "founder_incidents_summary",
    "founder_risks",
    "founder_trends",
    "preflight_view",
]
