"""The incident list's filters (django-filter)."""

from collections.abc import Iterable
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.http import QueryDict

from incidents.triage.models import Incident
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.store import (
    OPEN,
    RESOLVED,
    incidents_attention_first,
    incidents_awake,
    incidents_open,
    incidents_overdue,
)
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ErrorClass
from readiness.tenants.models import Project, User

NOBODY, MINE = "nobody", "mine"


class IncidentFilter(django_filters.FilterSet):
    """`q` in title and component, `state`, owner, priority, what it asks for, class, component, project, snoozed,
    overdue, samples, and the order. `people` and `projects` are what the choices offer; `user` is who “mine” is.
    """

    STATES = (
        ("open", "Open"),
        ("detected", "Not taken"),
        ("acknowledged", "Acknowledged"),
        ("diagnosed", "Diagnosed"),
        ("recurred", "Recurred"),
        ("resolved", "Resolved"),
        ("prevented", "Prevented"),
        ("closed", "Closed"),
        ("all", "Open and resolved"),
        ("merged", "Merged"),
    )
    SAMPLES = (("no", "Without samples"), ("only", "Only samples"))
    SNOOZED = (("awake", "Awake"), ("only", "Snoozed"), ("all", "Both"))
    SORTS = (("attention", "Most pressing"), ("seen", "Last seen"))

    q = django_filters.CharFilter(method="search", label="Search")
    state = django_filters.ChoiceFilter(choices=STATES, method="by_state", label="State", empty_label=None)
    owner = django_filters.ChoiceFilter(method="by_owner", label="Owner", empty_label="Anybody")
    priority = django_filters.ChoiceFilter(choices=Incident.Priority.choices, label="Priority", empty_label="Any")
    overdue = django_filters.ChoiceFilter(
        choices=(("yes", "Overdue"),), method="by_overdue", label="Deadline", empty_label="Any"
    )
    sort = django_filters.ChoiceFilter(choices=SORTS, method="by_sort", label="Order", empty_label=None)
    snoozed = django_filters.ChoiceFilter(choices=SNOOZED, method="by_snoozed", label="Snoozed", empty_label=None)
    severity = django_filters.ChoiceFilter(
        field_name="ops_severity",
        choices=[(severity.value, severity.value.capitalize()) for severity in reversed(OpsSeverity)],
        label="Asks for",
        empty_label="Anything",
    )
    component = django_filters.CharFilter(field_name="component", lookup_expr="iexact", label="Component")
    error_class = django_filters.ChoiceFilter(
        choices=[(one.value, one.value) for one in ErrorClass], label="Class", empty_label="Any"
    )
    project = django_filters.ChoiceFilter(field_name="project_id", label="Project", empty_label="Any")
    samples = django_filters.ChoiceFilter(
        choices=SAMPLES, method="by_samples", label="Samples", empty_label="With samples"
    )
    # What stands behind “More filters” until one of them is used.
    FURTHER = ("snoozed", "severity", "component", "error_class", "project", "samples")
    STANDARD = {"state": "open", "snoozed": "awake", "sort": "attention"}

    class Meta:
        model = Incident
        fields = ("q", "state", "owner", "priority")

    def __init__(
        self, sent: QueryDict, *, user: User | None, people: Iterable[User], projects: Iterable[Project], **rest: Any
    ) -> None:
        wanted = sent.copy()
        for name, value in self.STANDARD.items():
            wanted.setdefault(name, value)
        self.user, self.wanted = user, wanted
        super().__init__(wanted, **rest)
        self.filters["owner"].extra["choices"] = [
            (MINE, "Mine"), (NOBODY, "Nobody"), *((str(one.pk), str(one)) for one in people)
        ]  # fmt: skip
        self.filters["project"].extra["choices"] = [(str(one.pk), one.name) for one in projects]

    @property
    def main_fields(self) -> list[Any]:
        """The controls that always show."""
        return [field for field in self.form if field.name not in self.FURTHER]

    @property
    def further_fields(self) -> list[Any]:
        return [field for field in self.form if field.name in self.FURTHER]

    @property
    def further_used(self) -> bool:
        """One of the hidden controls narrows the list."""
        return any(
            self.wanted.get(name, "") not in ("", self.STANDARD.get(name, "")) for name in self.FURTHER
        )  # fmt: skip

    def search(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        wanted = value.strip()
        digits = wanted.upper().removeprefix("INC-")
        if digits.isascii() and digits.isdigit() and len(digits) < 16:
            return rows.filter(Q(pk=int(digits)) | Q(title__icontains=wanted))
        return rows.filter(Q(title__icontains=wanted) | Q(component__icontains=wanted) | Q(first_correlation_id=wanted))

    def by_state(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        if value == "open":
            return incidents_open(rows)
        if value == "detected":  # one that came back and has not been taken waits just so
            return incidents_open(rows).filter(acknowledged_at__isnull=True)
        if value == "merged":
            return rows.filter(status=Incident.Status.MERGED)
        states = {"resolved": RESOLVED, "all": (*OPEN, *RESOLVED)}.get(value, (value,))
        return rows.filter(status__in=states)

    def by_owner(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        if value == NOBODY:
            return rows.filter(owner="")
        if value == MINE:
            return rows.filter(owner_id=self.user.pk) if self.user is not None else rows.none()
        return rows.filter(owner_id=int(value))

    def by_overdue(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        return incidents_overdue(rows, now=utcnow())

    def by_snoozed(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        if value == "only":
            return rows.filter(snoozed_at__isnull=False)
        return incidents_awake(rows) if value == "awake" else rows

    def by_sort(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        return incidents_attention_first(rows) if value == "attention" else rows

    def by_samples(self, rows: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        return rows.filter(synthetic=value == "only")
