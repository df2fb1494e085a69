"""Capture's tables, a module for each thing that they hold."""

from incidents.errors.models.context import CheckIn, Monitor, Span, UserReport
from incidents.errors.models.drops import CaptureWindow, DroppedCount, LimitNotice
from incidents.errors.models.events import ErrorColumns, ErrorEvent, ErrorId, ErrorRollup, ErrorSummary
from incidents.errors.models.keeping import ErasedEvent, ErasureTombstone, KeptError
from incidents.errors.models.rules import CaptureSettings, ComponentRule, ExceptionRule, ScrubRule

__all__ = [
    "CaptureSettings",
    "CaptureWindow",
    "CheckIn",
    "ComponentRule",
    "DroppedCount",
    "ErasedEvent",
    "ErasureTombstone",
    "ErrorColumns",
    "ErrorEvent",
    "ErrorId",
    "ErrorRollup",
    "ErrorSummary",
    "ExceptionRule",
    "KeptError",
    "LimitNotice",
    "Monitor",
    "ScrubRule",
    "Span",
    "UserReport",
]
