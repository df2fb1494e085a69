"""What the pages and the read-only API show, a module for each page; import from here."""

from incidents.lessons.workflows.reading.controls import ControlPage, control_page_read
from incidents.lessons.workflows.reading.home import NeedsPerson, incidents_needing_a_person
from incidents.lessons.workflows.reading.incidents import IncidentStory, incident_story_read
from incidents.lessons.workflows.reading.lessons import LessonShown, lessons_shown_read
from incidents.lessons.workflows.reading.standing import ControlStanding, controls_standing_read
from incidents.lessons.workflows.reading.waivers import (
    controls_waived_read,
    incidents_will_recur,
    waiver_page_read,
    waivers_counting_read,
)
from incidents.lessons.workflows.reading.written import Written, incident_written_read
from incidents.lessons.workflows.shown import ControlShown, WaiverShown

__all__ = [
    "ControlPage",
    "ControlShown",
    "ControlStanding",
    "IncidentStory",
    "LessonShown",
    "NeedsPerson",
    "WaiverShown",
    "Written",
    "control_page_read",
    "controls_standing_read",
    "controls_waived_read",
    "incident_story_read",
    "incident_written_read",
    "incidents_needing_a_person",
    "incidents_will_recur",
    "lessons_shown_read",
    "waiver_page_read",
    "waivers_counting_read",
]
