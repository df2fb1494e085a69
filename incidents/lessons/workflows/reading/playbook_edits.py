"""What the form of an edit of the playbook begins with."""

from dataclasses import dataclass

from incidents.lessons.models import PlaybookProposal, PlaybookSection
from incidents.lessons.services.playbook import SectionText, scope_text
from incidents.lessons.services.playbook_diff import section_merge
from incidents.lessons.services.playbook_prefill import (
    Learnt,
    learnt_of_control,
    learnt_of_lesson,
    section_grow,
)
from incidents.lessons.store import control_find, root_cause_latest
from incidents.lessons.store import playbook as store
from incidents.lessons.workflows.reading.playbook import base_text, proposal_of, section_of
from incidents.triage.models import Incident
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class EditStart:
    """What the form of an edit begins with. `section` is None for a new one; `replaces`: the proposal carried on."""

    section: PlaybookSection | None
    error_class: str
    component: str
    text: SectionText
    why: str = ""
    evolved: str = ""
    root_cause: str = ""
    before: str = ""
    after: str = ""
    files_changed: tuple[str, ...] = ()
    number: int | None = None
    replaces: int | None = None

    @property
    def base_version(self) -> int:
        return self.section.version if self.section else 0

    @property
    def scope(self) -> str:
        return scope_text(self.error_class, self.component)


@transactional(TransactionIntent.READ_ONLY)
def edit_start_read(
    session: Session,
    *,
    section: int | None = None,
    lesson: int | None = None,
    control: int | None = None,
    replaces: int | None = None,
    error_class: str = "",
    component: str = "",
) -> EditStart:
    """The form's beginning: a proposal to carry on, a lesson or control to grow from, a section, or a class.

    Raises NotFound.
    """
    if replaces is not None:
        return _start_of_proposal(proposal_of(replaces))
    if lesson is not None or control is not None:
        learnt, incident = _lesson_learnt(lesson) if lesson is not None else _control_learnt(control or 0)
        return _start_of_learnt(learnt, incident)
    if section is not None:
        row: PlaybookSection | None = section_of(section)
    else:
        row = store.section_by_scope(error_class, component)
    if row is not None:
        return EditStart(row, row.error_class, row.component, store.section_text(row))
    return EditStart(None, error_class, component, SectionText())


def _start_of_proposal(proposal: PlaybookProposal) -> EditStart:
    """Its own words, brought onto what the section says by now."""
    section = store.section_by_scope(proposal.error_class, proposal.component)
    text = store.section_text(proposal)
    if section is not None and section.version != proposal.base_version:
        text = section_merge(base=base_text(proposal, section), mine=text, theirs=store.section_text(section))
    return EditStart(
        section, proposal.error_class, proposal.component, text, proposal.why, proposal.evolved, proposal.root_cause,
        proposal.before, proposal.after, tuple(proposal.files_changed), proposal.number, proposal.pk,
    )  # fmt: skip


def _start_of_learnt(learnt: Learnt, incident: Incident) -> EditStart:
    """Onto the narrowest section that speaks of the incident, else onto a new one for its class."""
    known = store.sections_of_class(error_class=incident.error_class, component=incident.component)
    row = known[0] if known else None
    return EditStart(
        section=row,
        error_class=incident.error_class,
        component=row.component if row else "",
        text=section_grow(section=store.section_text(row), learnt=learnt),
        why=f"{incident.public_id} taught it",
        evolved=learnt.evolved,
        root_cause=learnt.root_cause,
        files_changed=tuple(learnt.files_changed),
    )


def _lesson_learnt(lesson_id: int) -> tuple[Learnt, Incident]:
    lesson = store.lesson_with_incident(lesson_id)
    if lesson is None:
        raise NotFound(f"There is no lesson {lesson_id}; the list of lessons has those that there are.")
    incident = lesson.incident
    learnt = learnt_of_lesson(
        number=lesson.pk, incident=incident.public_id, incident_title=incident.title, believed=lesson.believed,
        do_now=lesson.do_now, root_cause=_root_cause_text(incident),
    )  # fmt: skip
    return learnt, incident


def _control_learnt(control_id: int) -> tuple[Learnt, Incident]:
    control = control_find(control_id)
    if control is None:
        raise NotFound(f"There is no control CTL-{control_id}. Controls are made on the page of their incident.")
    incident = control.incident
    learnt = learnt_of_control(
        number=control.pk, incident=incident.public_id, incident_title=incident.title, check_first=control.check_first,
        never_again=control.never_again, root_cause=_root_cause_text(incident), evolved=control.evolution,
        files_changed=control.governance_updates,
    )  # fmt: skip
    return learnt, incident


def _root_cause_text(incident: Incident) -> str:
    cause = root_cause_latest(incident.pk)
    return cause.text if cause else ""
