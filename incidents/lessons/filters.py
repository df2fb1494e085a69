"""The lesson list's filters (django-filter)."""

import django_filters
from django.db.models import Q, QuerySet

from incidents.lessons.models import Lesson
from incidents.lessons.store import lesson_classes, lessons_by_proof


class LessonFilter(django_filters.FilterSet):
    """`q` in the lesson and its incident's title; `error_class` and `component` of its incident; `proof`: what its
    controls have come to.
    """

    PROOFS = (
        ("proven", "Proven"),
        ("unproven", "Not proven"),
        ("waived", "By waiver only"),
        ("failing", "Broken, stale or ineffective"),
        ("none", "No control"),
    )

    q = django_filters.CharFilter(method="search", label="Search")
    error_class = django_filters.ChoiceFilter(
        field_name="incident__error_class",
        label="Class",
        empty_label="Any",
        choices=lambda: [(name, name) for name in lesson_classes()],
    )
    component = django_filters.CharFilter(
        field_name="incident__component", lookup_expr="icontains", label="Component", max_length=200
    )
    proof = django_filters.ChoiceFilter(choices=PROOFS, method="by_proof", label="Proof", empty_label="Any")

    class Meta:
        model = Lesson
        fields = ("q", "error_class", "component", "proof")

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
        return lessons_by_proof(rows, value)
