"""The forms of lessons, a module for each page; views import them from here."""

from incidents.lessons.forms.controls import ControlForm, ControlRevisionForm, WaiverForm
from incidents.lessons.forms.fields import LinesField
from incidents.lessons.forms.learning import (
    LessonForm,
    RootCauseForm,
)

__all__ = [
    "ControlForm",
    "ControlRevisionForm",
    "LessonForm",
    "LinesField",
    "RootCauseForm",
    "WaiverForm",
]
