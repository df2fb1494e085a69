"""The pages of lessons, a module for each; urls import them from here."""

from incidents.lessons.views.controls import control, control_revise
from incidents.lessons.views.incidents import incident, incident_move, incident_write
from incidents.lessons.views.lessons import client, lesson_list

__all__ = [
    "client",
    "control",
    "control_revise",
    "incident",
    "incident_move",
    "incident_write",
    "lesson_list",
]
