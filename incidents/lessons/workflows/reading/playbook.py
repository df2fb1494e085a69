"""What the playbook's pages, the incident's page and the export show: a fixed number of queries each."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons.models import (
    PlaybookProposal,
    PlaybookSection,
    PlaybookSectionVersion,
    PlaybookVersion,
)
from incidents.lessons.services.check_first import CheckFirst, check_first_of_class
from incidents.lessons.services.playbook import BookVersion, SectionText
from incidents.lessons.services.playbook_diff import FieldDiff, section_diff
from incidents.lessons.services.playbook_edits import ReviewFacts, stale_text
from incidents.lessons.services.playbook_search import Searchable, query_spellings, sections_rank
from incidents.lessons.store import playbook as store
from incidents.lessons.store.playbook import KnownReference
from incidents.lessons.workflows.playbook import review_facts
from incidents.triage.models import Incident
from readiness.infra.actor import Actor
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

UPDATES_FOUND = 10
WAITING_LOOKED_AT = 200
WAITING_SHOWN = 8
HISTORY_SHOWN = 50
CHANGES_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Guidance:
    """What the playbook says of one class, in one component or everywhere."""

    number: int
    version: int
    title: str
    scope: str
    check_first: tuple[str, ...]
    never_again: tuple[str, ...]


@transactional(TransactionIntent.READ_ONLY)
def playbook_for_class_read(session: Session, *, error_class: str, component: str = "") -> tuple[Guidance, ...]:
    """The sections that speak of an incident of this class in this component, the narrowest first. One query."""
    return tuple(
        Guidance(
            number=section.number,
            version=section.version,
            title=section.title,
            scope=section.scope,
            check_first=tuple(section.check_first),
            never_again=tuple(section.never_again),
        )
        for section in store.sections_of_class(error_class=error_class, component=component)
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lesson or a playbook control that no section has grown from yet. `asked`: the query of the form for it."""

    ref: str
    asked: str
    incident: Incident
    text: str


@dataclass(frozen=True, slots=True)
class PlaybookPage:
    """The sections found, the best first; `updates`: update entries that have the words; `suggestions`: the built-in
    questions of an asked class that has no section; `waiting`: what the playbook has not grown from yet.
    """

    version: BookVersion
    sections: Sequence[PlaybookSection]
    total: int
    updates: Sequence[PlaybookVersion]
    suggestions: Sequence[CheckFirst]
    waiting: Sequence[Waiting]
    open_proposals: int


@transactional(TransactionIntent.READ_ONLY)
def playbook_page_read(
    session: Session, *, query: str = "", error_class: str = "", component: str = ""
) -> PlaybookPage:
    """The playbook, or what of it a query and a class find. At most seven queries, however many sections there are."""
    everything = store.sections_all()
    wanted = [section for section in everything if _speaks_of(section, error_class, component)]
    words = query_spellings(query)
    found = {section.pk: section for section in wanted}
    ranked = sections_rank(query=query, sections=[_searchable(section) for section in wanted])
    has_class = any(section.error_class == error_class for section in everything)
    return PlaybookPage(
        version=store.book_version(),
        sections=[found[key] for key in ranked],
        total=len(everything),
        updates=store.versions_matching(words, limit=UPDATES_FOUND) if words else [],
        suggestions=() if has_class else check_first_of_class(error_class=error_class),
        waiting=_waiting(everything),
        open_proposals=store.proposals_listed(state=PlaybookProposal.State.PROPOSED).count(),
    )


def _speaks_of(section: PlaybookSection, error_class: str, component: str) -> bool:
    """`error_class`: a class, or a family such as `infra`; with a component, only what may speak of it."""
    of_class = (
        not error_class or section.error_class == error_class or section.error_class.startswith(f"{error_class}.")
    )
    narrower = not component or not section.component or f"{component}.".startswith(f"{section.component}.")
    return of_class and narrower


def _searchable(section: PlaybookSection) -> Searchable:
    return Searchable(
        key=section.pk,
        scope=f"{section.number} {section.scope}",
        title=section.title,
        lines=(*section.check_first, *section.never_again),
        grown_from=section.grown_from,
    )


def _waiting(sections: Sequence[PlaybookSection]) -> list[Waiting]:
    held = {reference for section in sections for reference in section.grown_from}
    for proposal in store.proposals_listed(state=PlaybookProposal.State.PROPOSED)[:WAITING_LOOKED_AT]:
        held.update(proposal.grown_from)
    found = [
        Waiting(f"LES-{lesson.pk}", f"lesson={lesson.pk}", lesson.incident, lesson.do_now)
        for lesson in store.lessons_recent(limit=WAITING_LOOKED_AT)
    ]
    found += [
        Waiting(control.public_id, f"control={control.pk}", control.incident, control.title)
        for control in store.playbook_controls_recent(limit=WAITING_LOOKED_AT)
    ]
    return [item for item in found if item.ref not in held][:WAITING_SHOWN]


# --- a section, a proposal ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SectionPage:
    """`history`: its versions, newest first, each with its update entry; `references`: what it grew from, with what
    each leads to.
    """

    section: PlaybookSection
    references: Sequence[tuple[str, KnownReference | None]]
    history: Sequence[PlaybookSectionVersion]
    proposals: Sequence[PlaybookProposal]


@transactional(TransactionIntent.READ_ONLY)
def section_page_read(session: Session, *, number: int) -> SectionPage:
    """Raises NotFound."""
    section = section_of(number)
    return SectionPage(
        section=section,
        references=_references(section.grown_from),
        history=list(store.section_versions(section.pk)[:HISTORY_SHOWN]),
        proposals=store.proposals_of_section(section),
    )


def _references(grown_from: Sequence[str]) -> list[tuple[str, KnownReference | None]]:
    known = store.references_known(grown_from)
    return [(reference, known.get(reference)) for reference in grown_from]


def section_of(number: int) -> PlaybookSection:
    """Raises NotFound."""
    section = store.section_by_number(number)
    if section is None:
        raise NotFound(f"The playbook has no section {number}; its first page has those that there are.")
    return section


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """`changes`: what the edit changes in the text that it was written against; `since`: what became of that text
    meanwhile, when `stale` says that it moved on.
    """

    proposal: PlaybookProposal
    section: PlaybookSection | None
    changes: Sequence[FieldDiff]
    since: Sequence[FieldDiff]
    stale: str
    facts: ReviewFacts
    references: Sequence[tuple[str, KnownReference | None]]


@transactional(TransactionIntent.READ_ONLY)
def proposal_page_read(session: Session, *, proposal_id: int, actor: Actor) -> ProposalPage:
    """Raises NotFound."""
    proposal = proposal_of(proposal_id)
    section = store.section_by_scope(proposal.error_class, proposal.component)
    base = base_text(proposal, section)
    facts = review_facts(proposal, section, actor=actor)
    stale = proposal.state == PlaybookProposal.State.PROPOSED and facts.base_version != facts.current_version
    return ProposalPage(
        proposal=proposal,
        section=section,
        changes=section_diff(before=base, after=store.section_text(proposal)),
        since=section_diff(before=base, after=store.section_text(section)) if stale else (),
        stale=stale_text(base_version=facts.base_version, current_version=facts.current_version) if stale else "",
        facts=facts,
        references=_references(proposal.grown_from),
    )


def proposal_of(proposal_id: int) -> PlaybookProposal:
    """Raises NotFound."""
    proposal = store.proposal_find(proposal_id)
    if proposal is None:
        raise NotFound(f"There is no proposal {proposal_id}; the playbook's proposals are on a page of their own.")
    return proposal


def base_text(proposal: PlaybookProposal, section: PlaybookSection | None) -> SectionText:
    """The text that a proposal was written against."""
    if section is None or not proposal.base_version:
        return SectionText()
    if proposal.base_version == section.version:
        return store.section_text(section)
    return store.section_text(store.section_version_find(section.pk, proposal.base_version))
