"""The tables of triage, a module for each thing that they hold."""

from incidents.triage.models.grouping import GroupingEpoch, IncidentFingerprint, IncidentMerge, IncidentSplit
from incidents.triage.models.incidents import Incident, IncidentHour, IncidentRelease, TimelineEntry

__all__ = [
    "GroupingEpoch",
    "Incident",
    "IncidentFingerprint",
    "IncidentHour",
    "IncidentMerge",
    "IncidentRelease",
    "IncidentSplit",
    "TimelineEntry",
]
