"""The queries of controls and their versions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.lessons.models import Control, ControlVersion
from incidents.lessons.services.control_history import Progress
from incidents.triage.models import Incident
from readiness.infra.plain_sql import instances_of, tuples_of

CONTROLS_SHOWN = 50
OVERDUE_BATCH = 500


def control_find(control_id: int) -> Control | None:
    return Control.objects.select_related("incident", "own_incident").filter(pk=control_id).first()


def controls_of_incident(incident_id: int) -> QuerySet[Control]:
    """Oldest first; the control whose breaking opened the incident is one of its own."""
    mine = Q(incident_id=incident_id) | Q(own_incident_id=incident_id)
    return Control.objects.filter(mine).order_by("id")[:CONTROLS_SHOWN]


_OF_INCIDENTS = "SELECT * FROM lessons_control WHERE incident_id IN %s OR own_incident_id IN %s ORDER BY id"


def controls_of_incidents(incident_ids: Iterable[int]) -> dict[int, list[Control]]:
    """Controls by incident, in one query; one that opened an incident by breaking stands under that one too."""
    ids = set(incident_ids)
    grouped: dict[int, list[Control]] = {}
    for control in instances_of(Control, _OF_INCIDENTS, tuple(ids), tuple(ids)):
        for incident_id in ids & {control.incident_id, control.own_incident_id or 0}:
            grouped.setdefault(incident_id, []).append(control)
    return grouped


def incidents_with_controls(incident_ids: Iterable[int]) -> frozenset[int]:
    """Those of the incidents that have a control of any kind, or were opened by one. One query."""
    ids = set(incident_ids)
    mine = Q(incident_id__in=ids) | Q(own_incident_id__in=ids)
    pairs = Control.objects.filter(mine).order_by().values_list("incident_id", "own_incident_id").distinct()
    return frozenset(ids & {number for pair in pairs for number in pair})


def incidents_uncontrolled(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Those that no control came out of (56). One that a control opened by breaking is that control's own."""
    made, opened = (Control.objects.filter(**{name: OuterRef("pk")}) for name in ("incident_id", "own_incident_id"))
    return rows.filter(~Exists(made), ~Exists(opened))


def controls_overdue(now: datetime) -> list[int]:
    """Ids of the proven controls whose pass on main is overdue, at most OVERDUE_BATCH (index lessons_control_state)."""
    rows = Control.objects.filter(state=Control.State.PROVEN, pass_due_at__lt=now).order_by("pass_due_at")
    return list(rows.values_list("pk", flat=True)[:OVERDUE_BATCH])


class PlaybookEntry(NamedTuple):
    """What an incident's playbook entry says, and which one left it behind."""

    check_first: str
    never_again: str
    incident_id: int

    @property
    def incident(self) -> str:
        return f"INC-{self.incident_id}"


_ENTRIES = """
SELECT check_first, never_again, incident_id FROM lessons_control
WHERE kind = 'playbook' AND incident_id IN (SELECT id FROM triage_incident WHERE error_class = %s)
ORDER BY id DESC LIMIT %s
"""


def playbook_entries(*, error_class: str, limit: int = 5) -> list[PlaybookEntry]:
    """Playbook entries that incidents of one error class left behind, newest first."""
    return [PlaybookEntry(*row) for row in tuples_of(_ENTRIES, error_class, limit)]


def control_versions(control_id: int, *, limit: int = 20) -> QuerySet[ControlVersion]:
    return ControlVersion.objects.filter(control_id=control_id).order_by("-version")[:limit]


def control_version_insert(**fields: Any) -> ControlVersion:
    return ControlVersion.objects.create(**fields)


def control_progress(control: Control) -> Progress:
    """What its history has come to, as the store kept it."""
    return msgspec.convert(control.progress, Progress)


def control_progress_set(control: Control, progress: Progress) -> None:
    control.progress = msgspec.to_builtins(progress)
