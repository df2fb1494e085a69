"""Use-cases of the subject; import them from here."""

from incidents.lessons.workflows.closing import incident_close, incident_prevent
from incidents.lessons.workflows.control_incidents import control_broken_handle
from incidents.lessons.workflows.control_recurrences import control_mark_ineffective
from incidents.lessons.workflows.control_runs import RunRecorded, control_run_record
from incidents.lessons.workflows.controls import control_create, control_revise
from incidents.lessons.workflows.controls_due import (
    control_states_refresh,
    controls_ask,
    controls_due_read,
    controls_overdue_tell,
)
from incidents.lessons.workflows.diagnosis import lesson_write, root_cause_write
from incidents.lessons.workflows.holdings import incident_holdings
from incidents.lessons.workflows.reading import (
    ControlPage,
    ControlShown,
    ControlStanding,
    IncidentStory,
    LessonShown,
    NeedsPerson,
    WaiverShown,
    Written,
    control_page_read,
    controls_standing_read,
    controls_waived_read,
    incident_story_read,
    incident_written_read,
    incidents_needing_a_person,
    incidents_will_recur,
    lessons_shown_read,
    waiver_page_read,
    waivers_counting_read,
)
from incidents.lessons.workflows.states import control_number
from incidents.lessons.workflows.waivers import control_waive, incident_waive, waiver_number, waiver_revoke

__all__ = [
    "ControlPage",
    "ControlShown",
    "ControlStanding",
    "IncidentStory",
    "LessonShown",
    "NeedsPerson",
    "RunRecorded",
    "WaiverShown",
    "Written",
    "control_broken_handle",
    "control_create",
    "control_mark_ineffective",
    "control_number",
    "control_page_read",
    "control_revise",
    "control_run_record",
    "control_states_refresh",
    "control_waive",
    "controls_ask",
    "controls_due_read",
    "controls_overdue_tell",
    "controls_standing_read",
    "controls_waived_read",
    "incident_close",
    "incident_holdings",
    "incident_prevent",
    "incident_story_read",
    "incident_waive",
    "incident_written_read",
    "incidents_needing_a_person",
    "incidents_will_recur",
    "lesson_write",
    "lessons_shown_read",
    "root_cause_write",
    "waiver_number",
    "waiver_page_read",
    "waiver_revoke",
    "waivers_counting_read",
]
