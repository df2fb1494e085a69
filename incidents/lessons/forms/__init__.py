"""The forms of lessons, a module for each page; views import them from here."""

from incidents.lessons.forms.fields import LinesField
from incidents.lessons.forms.learning import (
    ControlForm,
    ControlRevisionForm,
    LessonForm,
    NoteForm,
    PriorityForm,
    RootCauseForm,
)

__all__ = [
    "ControlForm",
    "ControlRevisionForm",
    "LessonForm",
    "LinesField",
    "NoteForm",
    "PriorityForm",
    "RootCauseForm",
]
