"""What the pages and the read-only API show, a module for each page; import from here."""

from incidents.lessons.workflows.reading.controls import ControlPage, control_page_read
from incidents.lessons.workflows.reading.home import NeedsPerson, incidents_needing_a_person
from incidents.lessons.workflows.reading.incidents import ControlShown, IncidentStory, incident_story_read

__all__ = [
    "ControlPage",
    "ControlShown",
    "IncidentStory",
    "NeedsPerson",
    "control_page_read",
    "incident_story_read",
    "incidents_needing_a_person",
]
