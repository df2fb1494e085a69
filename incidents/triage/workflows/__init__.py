"""Triage's use-cases: errors counted into incidents, what is read of them, and the moves that a person makes."""

from incidents.triage.workflows.clocks import diagnosis_clocks_read
from incidents.triage.workflows.correlated import slice_read
from incidents.triage.workflows.correlations import (
    CorrelationReader,
    correlation_read,
    correlations_recent_read,
)
from incidents.triage.workflows.grouping import GroupingPage, grouping_page_read
from incidents.triage.workflows.merging import incident_merge, incident_unmerge
from incidents.triage.workflows.moves import (
    IncidentRef,
    incident_acknowledge,
    incident_confirm_recurrence,
    incident_hide_sample,
    incident_lock,
    incident_note,
    incident_number,
    incident_set_priority,
    timeline_add,
)
from incidents.triage.workflows.previews import merge_choose, merge_preview, split_preview, unmerge_preview
from incidents.triage.workflows.reading import IncidentsSummary, incidents_summary_read
from incidents.triage.workflows.recording import (
    RECURRED_TOPIC,
    IncidentSinkInTransaction,
    incident_of_fingerprint,
    incident_recur,
    incidents_of_errors,
    incidents_record,
)
from incidents.triage.workflows.splitting import incident_split

__all__ = [
    "RECURRED_TOPIC",
    "CorrelationReader",
    "GroupingPage",
    "IncidentRef",
    "IncidentSinkInTransaction",
    "IncidentsSummary",
    "correlation_read",
    "correlations_recent_read",
    "diagnosis_clocks_read",
    "grouping_page_read",
    "incident_acknowledge",
    "incident_confirm_recurrence",
    "incident_hide_sample",
    "incident_lock",
    "incident_merge",
    "incident_note",
    "incident_number",
    "incident_of_fingerprint",
    "incident_recur",
    "incident_set_priority",
    "incident_split",
    "incident_unmerge",
    "incidents_of_errors",
    "incidents_record",
    "incidents_summary_read",
    "merge_choose",
    "merge_preview",
    "slice_read",
    "split_preview",
    "timeline_add",
    "unmerge_preview",
]
