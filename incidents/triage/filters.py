"""The incident list's filters (django-filter)."""

import django_filters
from django.db.models import Q, QuerySet

from incidents.triage.models import Incident
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.store import OPEN, RESOLVED


class IncidentFilter(django_filters.FilterSet):
    """`q` in title and component, `state` open or resolved, priority, severity, samples."""

    STATES = (("open", "Open"), ("resolved", "Resolved"), ("all", "Open and resolved"), ("merged", "Merged"))
    SAMPLES = (("no", "Without samples"), ("only", "Only samples"))

    q = django_filters.CharFilter(method="search", label="Search")
    state = django_filters.ChoiceFilter(choices=STATES, method="by_state", label="State", empty_label=None)
    priority = django_filters.ChoiceFilter(choices=Incident.Priority.choices, label="Priority", empty_label="Any")
    severity = django_filters.ChoiceFilter(
        field_name="ops_severity",
        choices=[(severity.value, severity.value.capitalize()) for severity in reversed(OpsSeverity)],
        label="Asks for",
        empty_label="Anything",
    )
    samples = django_filters.ChoiceFilter(
        choices=SAMPLES, method="by_samples", label="Samples", empty_label="With samples"
    )

    class Meta:
        model = Incident
        fields = ("q", "state", "priority", "severity", "samples")

    def search(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        wanted = value.strip()
        digits = wanted.upper().removeprefix("INC-")
        if digits.isascii() and digits.isdigit() and len(digits) < 16:
            return rows.filter(Q(pk=int(digits)) | Q(title__icontains=wanted))
        return rows.filter(Q(title__icontains=wanted) | Q(component__icontains=wanted) | Q(first_correlation_id=wanted))

    def by_state(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        if value == "open":
            return rows.filter(status__in=OPEN)
        if value == "merged":
            return rows.filter(status=Incident.Status.MERGED)
        return rows.filter(status__in=RESOLVED if value == "resolved" else (*OPEN, *RESOLVED))

    def by_samples(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        return rows.filter(synthetic=value == "only")
