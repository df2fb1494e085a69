"""The tables of triage, a module for each thing that they hold."""

from incidents.triage.models.grouping import GroupingEpoch, IncidentFingerprint, IncidentMerge, IncidentSplit
from incidents.triage.models.incidents import Incident, IncidentHour, IncidentRelease, TimelineEntry
from incidents.triage.models.life import DailySummary, EscalationContact, IncidentMove, PostMortem

__all__ = [
    "DailySummary",
    "EscalationContact",
    "GroupingEpoch",
    "Incident",
    "IncidentFingerprint",
    "IncidentHour",
    "IncidentMerge",
    "IncidentMove",
    "IncidentRelease",
    "IncidentSplit",
    "PostMortem",
    "TimelineEntry",
]
