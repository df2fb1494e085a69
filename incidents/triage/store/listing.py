"""What the incident list asks for, in terms that its indexes serve."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from incidents.triage.models import Incident
from incidents.triage.services.response import RESPONSES
from incidents.triage.services.severity import OPEN_STATES


def incident_titles(numbers: Sequence[int]) -> dict[int, str]:
    """What these are called; one that is not there is left out."""
    return dict(Incident.objects.filter(pk__in=numbers).values_list("pk", "title"))


def incidents_open(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Those that wait for a person. Said by the columns of index triage_incident_attention too: SQLite takes a partial
    index for conditions without parameters only.
    """
    return rows.filter(status__in=OPEN_STATES, prevented_at__isnull=True, merged_into__isnull=True)


def incidents_awake(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Those that nobody has put off."""
    return rows.filter(snoozed_at__isnull=True)


def incidents_attention_first(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """The gravest first; among these the untaken, then the latest detected (index triage_incident_attention)."""
    return rows.order_by(
        "priority",
        IsNull(F("acknowledged_at"), False),
        F("detected_at").desc(),
        F("id").desc(),
    )


def incidents_overdue(rows: QuerySet[Incident], *, now: datetime) -> QuerySet[Incident]:
    """Open and awake, and not acknowledged in time, or without a status update that is due (services.response)."""
    late = Q()
    for response in RESPONSES.values():
        if response.acknowledge_within is not None:
            late |= Q(
                priority=response.priority,
                acknowledged_at__isnull=True,
                detected_at__lte=now - response.acknowledge_within,
            )
        if response.update_every is not None:
            due = now - response.update_every
            late |= Q(priority=response.priority, told_at__lte=due, detected_at__lte=due)
    rows = rows.annotate(told_at=Coalesce("update_from", "detected_at"))
    return incidents_awake(incidents_open(rows)).filter(late)
