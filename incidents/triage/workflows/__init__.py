"""Triage's use-cases: errors counted into incidents, what is read of them, and the moves that a person makes."""

from incidents.triage.workflows.clocks import diagnosis_clocks_read
from incidents.triage.workflows.correlated import slice_read
from incidents.triage.workflows.correlations import (
    CorrelationReader,
    correlation_read,
    correlations_recent_read,
)
from incidents.triage.workflows.due import (
    daily_summary_publish,
    daily_summary_waits,
    incident_escalate,
    incidents_due,
    incidents_wait,
)
from incidents.triage.workflows.grouping import GroupingPage, grouping_page_read
from incidents.triage.workflows.life import (
    incident_reopen,
    incident_snooze,
    incident_undo,
    incident_update,
    incident_wake,
)
from incidents.triage.workflows.life_reading import (
    IncidentLife,
    LifeSigns,
    TimelinePage,
    incident_life_read,
    life_signs,
    timeline_page_of,
    timeline_page_read,
)
from incidents.triage.workflows.merging import incident_merge, incident_unmerge
from incidents.triage.workflows.moves import (
    IncidentRef,
    incident_acknowledge,
    incident_assign,
    incident_confirm_recurrence,
    incident_hide_sample,
    incident_note,
    incident_number,
    incident_set_priority,
    timeline_add,
)
from incidents.triage.workflows.ops import (
    PreflightRead,
    RiskSource,
    decisions_read,
    health_read,
    preflight_read,
    risks_read,
    trends_read,
)
from incidents.triage.workflows.post_mortems import post_mortem_exists, post_mortem_write, post_mortems_read
from incidents.triage.workflows.previews import merge_choose, merge_preview, split_preview, unmerge_preview
from incidents.triage.workflows.proposing import incident_propose_priority
from incidents.triage.workflows.reading import IncidentsSummary, incidents_summary_read, incidents_unprevented
from incidents.triage.workflows.recording import (
    RECURRED_TOPIC,
    IncidentSinkInTransaction,
    incident_of_fingerprint,
    incident_recur,
    incidents_of_errors,
    incidents_record,
)
from incidents.triage.workflows.revising import incident_lock, incident_lock_seen, move_record
from incidents.triage.workflows.splitting import incident_split

__all__ = [
    "RECURRED_TOPIC",
    "CorrelationReader",
    "GroupingPage",
    "IncidentLife",
    "IncidentRef",
    "IncidentSinkInTransaction",
    "IncidentsSummary",
    "LifeSigns",
    "PreflightRead",
    "RiskSource",
    "TimelinePage",
    "correlation_read",
    "correlations_recent_read",
    "daily_summary_publish",
    "daily_summary_waits",
    "decisions_read",
    "diagnosis_clocks_read",
    "grouping_page_read",
    "health_read",
    "incident_acknowledge",
    "incident_assign",
    "incident_confirm_recurrence",
    "incident_escalate",
    "incident_hide_sample",
    "incident_life_read",
    "incident_lock",
    "incident_lock_seen",
    "incident_merge",
    "incident_note",
    "incident_number",
    "incident_of_fingerprint",
    "incident_propose_priority",
    "incident_recur",
    "incident_reopen",
    "incident_set_priority",
    "incident_snooze",
    "incident_split",
    "incident_undo",
    "incident_unmerge",
    "incident_update",
    "incident_wake",
    "incidents_due",
    "incidents_of_errors",
    "incidents_record",
    "incidents_summary_read",
    "incidents_unprevented",
    "incidents_wait",
    "life_signs",
    "merge_choose",
    "merge_preview",
    "move_record",
    "post_mortem_exists",
    "post_mortem_write",
    "post_mortems_read",
    "preflight_read",
    "risks_read",
    "slice_read",
    "split_preview",
    "timeline_add",
    "timeline_page_of",
    "timeline_page_read",
    "trends_read",
    "unmerge_preview",
]
