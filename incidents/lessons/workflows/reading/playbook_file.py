"""SESSION_PLAYBOOK.yaml of this installation: the playbook, the aggregation rules, and what other subjects add."""

from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from incidents.lessons.models import PlaybookSection, PlaybookVersion
from incidents.lessons.services.playbook_export import ExportedSection, ExportedUpdate, playbook_yaml
from incidents.lessons.store import playbook as store
from incidents.lessons.store.playbook import KnownReference
from incidents.lessons.workflows.reading.playbook_coverage import playbook_coverage_read
from incidents.triage.services.ops_rules import aggregation_rules
from readiness.infra.transactions import Session, TransactionIntent, transactional

UPDATES_EXPORTED = 1_000


class Chapter(Protocol):
    """What a subject above this one adds to the file, by key (settings.READINESS_PLAYBOOK_CHAPTERS)."""

    def __call__(self) -> dict[str, Any]: ...


@transactional(TransactionIntent.READ_ONLY)
def playbook_file_read(session: Session) -> str:
    """The file's text: the same for the same playbook, so that it can be committed beside the code. Raises ImportError
    for a wrong path in the setting.
    """
    sections = store.sections_all()
    known = store.references_known(reference for section in sections for reference in section.grown_from)
    chapters: dict[str, Any] = {}
    for dotted in settings.READINESS_PLAYBOOK_CHAPTERS:
        chapter: Chapter = import_string(dotted)
        chapters |= chapter()
    return playbook_yaml(
        version=str(store.book_version()),
        sections=[_section(section, known) for section in sections],
        known_classes={one.error_class: one.sections for one in playbook_coverage_read().classes},
        updates=[_update(row) for row in store.versions_listed()[:UPDATES_EXPORTED]],
        aggregation_rules={rule.name: rule.rule for rule in aggregation_rules()},
        chapters=chapters,
    )


def _section(section: PlaybookSection, known: dict[str, KnownReference]) -> ExportedSection:
    return ExportedSection(
        number=section.number,
        version=section.version,
        title=section.title,
        error_class=section.error_class,
        component=section.component,
        check_first=section.check_first,
        never_again=section.never_again,
        references=[_reference(ref, known.get(ref)) for ref in section.grown_from],
        updated_at=section.updated_at,
    )


def _reference(ref: str, known: KnownReference | None) -> dict[str, str]:
    """A control with its state, a lesson with its incident."""
    if known is None:
        return {"ref": ref}
    found = {"ref": ref, "title": known.title, "incident": known.incident, "state": known.state}
    return {key: value for key, value in found.items() if value and not (key == "incident" and value == ref)}


def _update(row: PlaybookVersion) -> ExportedUpdate:
    return ExportedUpdate(
        version=str(row.version),
        at=row.at,
        section=row.section.number if row.section else None,
        why=row.why,
        evolved=row.evolved,
        root_cause=row.root_cause,
        before=row.before,
        after=row.after,
        files_changed=row.files_changed,
        author=row.author,
        reviewer=row.reviewer,
        self_reviewed=row.self_reviewed,
    )
