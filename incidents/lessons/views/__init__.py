"""The pages of lessons, a module for each; urls import them from here."""

from incidents.lessons.views.controls import control, control_revise
from incidents.lessons.views.incidents import incident, incident_move, incident_write
from incidents.lessons.views.lessons import client, lesson_list
from incidents.lessons.views.post_mortems import post_mortem
from incidents.lessons.views.waivers import control_waive, incident_waive, waiver_revoke
from incidents.lessons.views.written import incident_written

__all__ = [
    "client",
    "control",
    "control_revise",
    "control_waive",
    "incident",
    "incident_move",
    "incident_waive",
    "incident_write",
    "incident_written",
    "lesson_list",
    "post_mortem",
    "waiver_revoke",
]
