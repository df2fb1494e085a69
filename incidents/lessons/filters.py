"""The lesson list's filters (django-filter)."""

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.lessons.models import Control, Lesson


class LessonFilter(django_filters.FilterSet):
    """`q` in the lesson and its incident's title; `proof`: whether a control proves it."""

    PROOFS = (("proven", "Proven"), ("unproven", "Not proven yet"))

    q = django_filters.CharFilter(method="search", label="Search")
    proof = django_filters.ChoiceFilter(choices=PROOFS, method="by_proof", label="Proof", empty_label="Any")

    class Meta:
        model = Lesson
        fields = ("q", "proof")

    def search(self, rows: QuerySet[Lesson], name: str, value: str) -> QuerySet[Lesson]:
        wanted = value.strip()
        digits = wanted.upper().removeprefix("INC-")
        if digits.isascii() and digits.isdigit() and len(digits) < 16:
            return rows.filter(incident_id=int(digits))
        return rows.filter(
            Q(believed__icontains=wanted)
            | Q(was_true__icontains=wanted)
            | Q(do_now__icontains=wanted)
            | Q(incident__title__icontains=wanted)
        )

    def by_proof(self, rows: QuerySet[Lesson], name: str, value: str) -> QuerySet[Lesson]:
        proven = Exists(Control.objects.filter(incident_id=OuterRef("incident_id"), state=Control.State.PROVEN))
        return rows.filter(proven) if value == "proven" else rows.exclude(proven)
