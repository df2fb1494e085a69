"""Triage's pages: the incident list, merging and splitting, correlations, and the preflight console."""

from incidents.triage.views.correlations import correlation, correlation_search
from incidents.triage.views.grouping import incident_grouping, incident_merge, incident_split, incident_unmerge
from incidents.triage.views.incidents import incident_bulk, incident_list
from incidents.triage.views.life import incident_life, incident_life_move, incident_timeline
from incidents.triage.views.preflight import preflight

__all__ = [
    "correlation",
    "correlation_search",
    "incident_bulk",
    "incident_grouping",
    "incident_life",
    "incident_life_move",
    "incident_list",
    "incident_merge",
    "incident_split",
    "incident_timeline",
    "incident_unmerge",
    "preflight",
]
