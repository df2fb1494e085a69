"""The tables of lessons, a module for each thing that they hold."""

from incidents.lessons.models.causes import Lesson, RootCause
from incidents.lessons.models.controls import Control, ControlRecurrence, ControlRun, ControlVersion
from incidents.lessons.models.playbook import (
    Playbook,
    PlaybookProposal,
    PlaybookSection,
    PlaybookSectionVersion,
    PlaybookVersion,
)
from incidents.lessons.models.waivers import Waiver, WaiverRevocation

__all__ = [
    "Control",
    "ControlRecurrence",
    "ControlRun",
    "ControlVersion",
    "Lesson",
    "Playbook",
    "PlaybookProposal",
    "PlaybookSection",
    "PlaybookSectionVersion",
    "PlaybookVersion",
    "RootCause",
    "Waiver",
    "WaiverRevocation",
]
