"""Differences between two versions of the playbook, or of one of its sections."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons.models import PlaybookSection, PlaybookVersion
from incidents.lessons.services.playbook import BookVersion, version_parse
from incidents.lessons.services.playbook_diff import FieldDiff, section_diff
from incidents.lessons.store import playbook as store
from incidents.lessons.workflows.reading.playbook import HISTORY_SHOWN, section_of
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

CHANGES_SHOWN = 500


@dataclass(frozen=True, slots=True)
class SectionChange:
    section: PlaybookSection
    changes: Sequence[FieldDiff]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """The differences from `older` to `newer`, by section, with the update entries between them, newest first."""

    older: BookVersion
    newer: BookVersion
    sections: Sequence[SectionChange]
    updates: Sequence[PlaybookVersion]
    cut: bool


@transactional(TransactionIntent.READ_ONLY)
def versions_compare_read(session: Session, *, older: str, newer: str) -> Compared:
    """Two versions by name, in either order; v0.0 is the empty playbook. Raises Invalid, NotFound."""
    first, last = sorted((version_parse(older), version_parse(newer)))
    after, until = _ordinal_of(first), _ordinal_of(last)
    texts = store.section_versions_between(after=after, until=until, limit=CHANGES_SHOWN + 1)
    newest = {row.section_id: row for row in texts}
    oldest = {row.section_id: row for row in reversed(texts)}
    bases = store.section_versions_named({pk: row.version - 1 for pk, row in oldest.items() if row.version > 1})
    changed = [
        SectionChange(
            section=row.section,
            changes=section_diff(before=store.section_text(bases.get(pk)), after=store.section_text(row)),
            is_new=pk not in bases,
        )
        for pk, row in newest.items()
    ]
    return Compared(
        older=first,
        newer=last,
        sections=sorted(changed, key=lambda change: change.section.number),
        updates=store.versions_between(after=after, until=until, limit=HISTORY_SHOWN),
        cut=len(texts) > CHANGES_SHOWN,
    )


def _ordinal_of(version: BookVersion) -> int:
    if version == BookVersion(0, 0):
        return 0
    row = store.version_find(version)
    if row is None:
        raise NotFound(f"The playbook never had a version {version}; its versions are on a page of their own.")
    return row.ordinal


@dataclass(frozen=True, slots=True)
class SectionCompared:
    section: PlaybookSection
    older: int
    newer: int
    changes: Sequence[FieldDiff]
    book: BookVersion


@transactional(TransactionIntent.READ_ONLY)
def section_compare_read(session: Session, *, number: int, older: int, newer: int) -> SectionCompared:
    """Two versions of one section, in either order; 0 is before it was. Raises NotFound."""
    section = section_of(number)
    first, last = sorted((older, newer))
    new, old = store.section_version_find(section.pk, last), store.section_version_find(section.pk, first)
    if new is None or (old is None and first):
        raise NotFound(f"Section {number} has versions 1 to {section.version} and no others.")
    changes = section_diff(before=store.section_text(old), after=store.section_text(new))
    return SectionCompared(section, first, last, changes, new.book.version)
