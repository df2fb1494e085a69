"""The playbook's queries: sections, proposals, versions, and what a section's references are."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q, QuerySet

from incidents.lessons.models import (
    Control,
    Lesson,
    Playbook,
    PlaybookProposal,
    PlaybookSection,
    PlaybookSectionVersion,
    PlaybookVersion,
)
from incidents.lessons.services.playbook import (
    MAX_SECTIONS,
    BookVersion,
    Reference,
    SectionText,
    component_scopes,
    reference_parse,
)
from incidents.triage.models import Incident
from readiness.infra.plain_sql import instances_of

CLASSES_READ = 200


class KnownReference(NamedTuple):
    """What a reference leads to. `state`: an incident's status or a control's state; a lesson has none."""

    ref: str
    incident: str
    title: str
    state: str

    @property
    def is_control(self) -> bool:
        return self.ref.startswith("CTL-")

    @property
    def is_lesson(self) -> bool:
        return self.ref.startswith("LES-")


# --- the book -----------------------------------------------------------------------------------------------------


def book_ensure() -> int:
    """The key of the one row; the first edit makes it."""
    return Playbook.objects.get_or_create(pk=1)[0].pk


def book_version() -> BookVersion:
    """v0.0 before the first edit."""
    book = Playbook.objects.filter(pk=1).first()
    return book.version if book else BookVersion(0, 0)


def version_insert(**fields: Any) -> PlaybookVersion:
    return PlaybookVersion.objects.create(**fields)


def versions_listed() -> QuerySet[PlaybookVersion]:
    """The update entries, newest first."""
    return PlaybookVersion.objects.select_related("section").order_by("-ordinal")


def version_find(version: BookVersion) -> PlaybookVersion | None:
    return PlaybookVersion.objects.filter(major=version.major, minor=version.minor).first()


def versions_between(*, after: int, until: int, limit: int) -> list[PlaybookVersion]:
    """Those with an ordinal in (after, until], newest first."""
    return list(versions_listed().filter(ordinal__gt=after, ordinal__lte=until)[:limit])


def versions_matching(words: Sequence[Sequence[str]], *, limit: int) -> list[PlaybookVersion]:
    """Update entries that have every word, each in one of its spellings, newest first."""
    rows = versions_listed()
    for spellings in words:
        fields = ("why", "root_cause", "before", "after")
        rows = rows.filter(reduce(or_, (Q((f"{field}__icontains", one)) for field in fields for one in spellings)))
    return list(rows[:limit])


# --- the incidents that it is about ---------------------------------------------------------------------------------


def classes_seen() -> list[tuple[str, int]]:
    """(error class, how many real incidents of it), the most first. One query."""
    rows = Incident.objects.filter(synthetic=False, hidden=False, merged_into__isnull=True)
    counted = rows.values_list("error_class").annotate(total=Count("pk")).order_by("-total", "error_class")
    return [(error_class, total) for error_class, total in counted[:CLASSES_READ]]


# --- sections -----------------------------------------------------------------------------------------------------


def sections_all() -> list[PlaybookSection]:
    """By number; there are never more than MAX_SECTIONS."""
    return list(PlaybookSection.objects.order_by("number")[:MAX_SECTIONS])


def sections_count() -> int:
    return PlaybookSection.objects.count()


def section_by_number(number: int) -> PlaybookSection | None:
    return PlaybookSection.objects.filter(number=number).first()


def section_by_scope(error_class: str, component: str) -> PlaybookSection | None:
    return PlaybookSection.objects.filter(error_class=error_class, component=component).first()


def sections_of_class(*, error_class: str, component: str = "") -> list[PlaybookSection]:
    """Those that speak of the class in the component, the narrowest first (constraint lessons_playbook_scope_once)."""
    sql = "SELECT * FROM lessons_playbook_section WHERE error_class = %s AND component IN %s"
    rows = instances_of(PlaybookSection, sql, error_class, tuple(component_scopes(component)))
    return sorted(rows, key=lambda section: -len(section.component))


def section_next_number() -> int:
    return (PlaybookSection.objects.aggregate(last=Max("number"))["last"] or 0) + 1


def section_text(row: PlaybookSection | PlaybookSectionVersion | PlaybookProposal | None) -> SectionText:
    """What a row says; nothing for None."""
    if row is None:
        return SectionText()
    return SectionText(row.title, tuple(row.check_first), tuple(row.never_again), tuple(row.grown_from))


def section_version_insert(**fields: Any) -> PlaybookSectionVersion:
    return PlaybookSectionVersion.objects.create(**fields)


def section_version_find(section_id: int | None, version: int) -> PlaybookSectionVersion | None:
    return PlaybookSectionVersion.objects.filter(section_id=section_id, version=version).select_related("book").first()


def section_versions(section_id: int) -> QuerySet[PlaybookSectionVersion]:
    """Newest first, each with its update entry."""
    return PlaybookSectionVersion.objects.filter(section_id=section_id).select_related("book").order_by("-version")


def section_versions_between(*, after: int, until: int, limit: int) -> list[PlaybookSectionVersion]:
    """The texts that came with the book's versions in (after, until], oldest first."""
    rows = PlaybookSectionVersion.objects.filter(book__ordinal__gt=after, book__ordinal__lte=until)
    return list(rows.select_related("section").order_by("book__ordinal")[:limit])


def section_versions_named(wanted: Mapping[int, int]) -> dict[int, PlaybookSectionVersion]:
    """The given version (value) of each section (key), by section, in one query."""
    named = Q(pk__in=())
    for section_id, version in wanted.items():
        named |= Q(section_id=section_id, version=version)
    return {row.section_id: row for row in PlaybookSectionVersion.objects.filter(named)}


# --- proposals ----------------------------------------------------------------------------------------------------


def proposal_insert(**fields: Any) -> PlaybookProposal:
    return PlaybookProposal.objects.create(**fields)


def proposals_waiting(*, error_class: str, component: str, author: str, limit: int = 50) -> list[PlaybookProposal]:
    """One person's open proposals for one class and component, newest first."""
    mine = PlaybookProposal.objects.filter(author=author, state=PlaybookProposal.State.PROPOSED)
    return list(mine.filter(error_class=error_class, component=component).order_by("-pk")[:limit])


def proposal_find(proposal_id: int) -> PlaybookProposal | None:
    rows = PlaybookProposal.objects.select_related("section", "accepted_as", "replaces", "replaced_by")
    return rows.filter(pk=proposal_id).first()


def proposals_listed(*, state: str = "") -> QuerySet[PlaybookProposal]:
    """Newest first (index lessons_playbook_open)."""
    rows = PlaybookProposal.objects.select_related("section").order_by("-id")
    return rows.filter(state=state) if state else rows


def proposals_of_section(section: PlaybookSection, *, limit: int = 20) -> list[PlaybookProposal]:
    """The open ones, newest first; also those that were written before there was the section."""
    rows = proposals_listed(state=PlaybookProposal.State.PROPOSED)
    return list(rows.filter(error_class=section.error_class, component=section.component)[:limit])


# --- what it grows from -------------------------------------------------------------------------------------------


def references_known(references: Iterable[str]) -> dict[str, KnownReference]:
    """What each reference leads to; those that lead nowhere are left out. At most three queries."""
    by_kind: dict[str, set[int]] = {}
    for reference in filter(None, map(reference_parse, references)):
        by_kind.setdefault(reference.kind, set()).add(reference.number)
    found: list[KnownReference] = []
    if numbers := by_kind.get("INC"):
        for pk, title, status in Incident.objects.filter(pk__in=numbers).values_list("pk", "title", "status"):
            found.append(KnownReference(f"INC-{pk}", f"INC-{pk}", title, status))
    if numbers := by_kind.get("CTL"):
        rows = Control.objects.filter(pk__in=numbers).values_list("pk", "incident_id", "title", "state")
        found += [KnownReference(f"CTL-{pk}", f"INC-{incident}", title, state) for pk, incident, title, state in rows]
    if numbers := by_kind.get("LES"):
        lessons = Lesson.objects.filter(pk__in=numbers).values_list("pk", "incident_id", "do_now")
        found += [KnownReference(f"LES-{pk}", f"INC-{incident}", do_now[:200], "") for pk, incident, do_now in lessons]
    return {known.ref: known for known in found}


def incidents_referred(references: Iterable[Reference]) -> list[Incident]:
    """The incidents that the references are, or belong to."""
    numbers: dict[str, list[int]] = {"INC": [], "CTL": [], "LES": []}
    for reference in references:
        numbers[reference.kind].append(reference.number)
    rows = Incident.objects.filter(
        Q(pk__in=numbers["INC"])
        | Q(pk__in=Control.objects.filter(pk__in=numbers["CTL"]).values("incident_id"))
        | Q(pk__in=Lesson.objects.filter(pk__in=numbers["LES"]).values("incident_id"))
    )
    return list(rows.order_by("pk"))


def lessons_recent(*, limit: int) -> list[Lesson]:
    """The newest current lessons with their incidents (index lessons_lesson_recent)."""
    rows = Lesson.objects.filter(replaced_by__isnull=True).select_related("incident")
    return list(rows.order_by("-written_at", "-id")[:limit])


def playbook_controls_recent(*, limit: int) -> list[Control]:
    """The newest playbook controls with their incidents (index lessons_control_kind)."""
    rows = Control.objects.filter(kind=Control.Kind.PLAYBOOK).select_related("incident")
    return list(rows.order_by("-id")[:limit])


def lesson_with_incident(lesson_id: int) -> Lesson | None:
    return Lesson.objects.select_related("incident").filter(pk=lesson_id).first()
