"""The playbook changes by reviewed edits: proposed, accepted by somebody else, and then a version that stays."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from incidents.lessons.models import Playbook, PlaybookProposal, PlaybookSection, PlaybookVersion
from incidents.lessons.services.playbook import (
    MAX_SECTIONS,
    BookVersion,
    ProposalState,
    SectionText,
    reference_parse,
    version_raise,
)
from incidents.lessons.services.playbook_edits import (
    ProposalDraft,
    ReviewFacts,
    proposal_accept_judge,
    proposal_decline_judge,
    proposal_draft,
    proposal_replace_judge,
)
from incidents.lessons.store import playbook as store
from incidents.triage.workflows import timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.notices import notice_publish
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants.models import User
from readiness.tenants.store import writers_active
from readiness.tenants.workflows import people_able_to_act

MAX_NOTE = 1_000


@transactional(TransactionIntent.LOCKED_MUTATION)
def proposal_make(
    txn: SingleConnectionTxn,
    *,
    actor: Actor,
    error_class: str,
    title: str,
    why: str,
    component: str = "",
    number: int | None = None,
    base_version: int = 0,
    check_first: Sequence[str] = (),
    never_again: Sequence[str] = (),
    grown_from: Sequence[str] = (),
    evolved: str = "",
    root_cause: str = "",
    before: str = "",
    after: str = "",
    files_changed: Sequence[str] = (),
    replaces: int | None = None,
) -> PlaybookProposal:
    """Propose an edit to the section of a class (and component), or the section itself. `base_version`: the section's
    when the author read it, 0 for none; an edit of a section that has moved on since is kept, and has to be brought up
    to date before it can be accepted. `number` is a new section's, the next one unless given. `replaces`: the open
    proposal that this one carries on. Sent twice, word for word, it is made once. Raises Invalid, NotFound, Conflict.
    """
    draft = proposal_draft(
        error_class=error_class, component=component, number=number, title=title, why=why, check_first=check_first,
        never_again=never_again, grown_from=grown_from, evolved=evolved, root_cause=root_cause, before=before,
        after=after, files_changed=files_changed,
    )  # fmt: skip
    if replaces is None and (same := _made_already(draft, base_version, actor)) is not None:
        return same
    earlier = _replaced(txn, replaces, draft, actor)
    section = store.section_by_scope(draft.error_class, draft.component)
    _must_be_sound(draft, section, base_version)
    proposal = store.proposal_insert(
        section=section,
        error_class=draft.error_class,
        component=draft.component,
        number=None if section else draft.number,
        base_version=base_version,
        author=actor.name,
        author_id=actor.id,
        proposed_at=utcnow(),
        replaces=earlier,
        **asdict(draft.text),
        **_update_fields(draft),
    )
    if earlier is None:  # an edit that carries another on was told with that one, whose page leads to it
        _tell_reviewers(txn, proposal)
    return proposal


def _made_already(draft: ProposalDraft, base_version: int, actor: Actor) -> PlaybookProposal | None:
    said = {**asdict(draft.text), **_update_fields(draft), "base_version": base_version}
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    waiting = store.proposals_waiting(
        error_class=draft.error_class, component=draft.component, author=actor.name
    )  # fmt: skip
    return next((one for one in waiting if all(getattr(one, name) == value for name, value in said.items())), None)


def _tell_reviewers(txn: SingleConnectionTxn, proposal: PlaybookProposal) -> None:
    """Who may accept it hears of it: the founders, and where the author is the only one, whoever else may write. Alone,
    the author needs no telling.
    """
    others = [person for person in people_able_to_act() if person.pk != proposal.author_id]
    reviewers = [person.email for person in others if person.role == User.Role.FOUNDER] or [p.email for p in others]
    if not reviewers:
        return
    which = f"Section {proposal.section.number}" if proposal.section else "A new section"
    notice_publish(
        txn,
        kind="playbook.review_waiting",
        key=f"playbook:edit:{proposal.pk}:review",
        title=f"{which}: {proposal.title}",
        text=f"{proposal.why}\n{proposal.author} proposes it; somebody else has to read it, and accept or decline it.",
        page=f"/playbook/proposals/{proposal.pk}/",
        facts={"Class": proposal.scope, "Author": proposal.author, "To": ", ".join(reviewers)},
    )


def _update_fields(draft: ProposalDraft) -> dict[str, Any]:
    return {**asdict(draft.update), "evolved": draft.update.evolved or ""}


def _must_be_sound(draft: ProposalDraft, section: PlaybookSection | None, base_version: int) -> None:
    if base_version > (section.version if section else 0):
        raise Invalid("The section has no such version; open its page again and propose the edit there.")
    if section and section.version == base_version and store.section_text(section) == draft.text:
        raise Invalid(f"This is what section {section.number} says already, word for word; nothing is proposed.")
    if section is None and store.sections_count() >= MAX_SECTIONS:
        raise Conflict(f"The playbook has {MAX_SECTIONS} sections, and nobody reads more. Widen one of them instead.")
    unknown = sorted(set(draft.text.grown_from) - set(store.references_known(draft.text.grown_from)))
    if unknown:
        detail = f"There is no {', '.join(unknown[:5])}; correct it, or leave it out."
        raise Invalid(f"The edit is not proposed: {detail}", errors=[FieldError("/grown_from", detail)])


def _replaced(
    txn: SingleConnectionTxn, proposal_id: int | None, draft: ProposalDraft, actor: Actor
) -> PlaybookProposal | None:
    if proposal_id is None:
        return None
    earlier = _proposal_lock(txn, proposal_id)
    if (earlier.error_class, earlier.component) != (draft.error_class, draft.component):
        detail = (
            f"Edit {earlier.pk} is of {earlier.scope}; what carries it on is too. Propose an edit of its own instead."
        )
        raise Invalid(detail, errors=[FieldError("/error_class", detail)])
    proposal_replace_judge(facts=review_facts(earlier, earlier.section, actor=actor))
    _decide(earlier, state=ProposalState.REPLACED, actor=actor)
    return earlier


def review_facts(proposal: PlaybookProposal, section: PlaybookSection | None, *, actor: Actor) -> ReviewFacts:
    """What a review of the proposal by this person is judged by, as things stand now."""
    by_id = actor.kind == "person" and proposal.author_id is not None
    return ReviewFacts(
        state=ProposalState(proposal.state),
        own=proposal.author_id == actor.id if by_id else proposal.author == actor.name,
        author=proposal.author,
        writers=writers_active(),
        base_version=proposal.base_version,
        current_version=section.version if section else 0,
    )


def _proposal_lock(txn: SingleConnectionTxn, proposal_id: int) -> PlaybookProposal:
    try:
        return txn.lock_row(PlaybookProposal, pk=proposal_id)
    except PlaybookProposal.DoesNotExist as missing:
        raise NotFound(
            f"There is no proposal {proposal_id}; the playbook's proposals are on a page of their own."
        ) from (missing)


def _decide(
    proposal: PlaybookProposal, *, state: ProposalState, actor: Actor, note: str = "", self_reviewed: bool = False
) -> None:
    proposal.state, proposal.decided_by, proposal.decided_at = state.value, actor.name, utcnow()
    proposal.decision_note, proposal.self_reviewed = note.strip()[:MAX_NOTE], self_reviewed
    proposal.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "self_reviewed", "section"])


@transactional(TransactionIntent.LOCKED_MUTATION)
def proposal_accept(txn: SingleConnectionTxn, *, proposal_id: int, actor: Actor, note: str = "") -> PlaybookVersion:
    """Accept an edit: the section says it from now on, and the playbook has its next minor version.

    Only somebody else's, where two may write; alone, one's own, which stays on record as reviewed by nobody else.
    Raises Conflict (decided already, or the section moved on), Forbidden, NotFound.
    """
    book = txn.lock_row(Playbook, pk=store.book_ensure())
    proposal = _proposal_lock(txn, proposal_id)
    section = store.section_by_scope(proposal.error_class, proposal.component)
    alone = proposal_accept_judge(facts=review_facts(proposal, section, actor=actor))
    had, text = set(section.grown_from if section else ()), store.section_text(proposal)
    section = _section_write(section, proposal, text)
    proposal.section = section
    _decide(proposal, state=ProposalState.ACCEPTED, actor=actor, note=note, self_reviewed=alone)
    version = _version_add(
        book,
        to=BookVersion(book.major, book.minor + 1),
        section=section,
        section_version=section.version,
        proposal=proposal,
        author=proposal.author,
        reviewer=actor.name,
        self_reviewed=alone,
        **{name: getattr(proposal, name) for name in _UPDATE},
    )
    store.section_version_insert(section=section, version=section.version, book=version, **asdict(text))
    _tell_incidents(section, version, grown_from=set(text.grown_from) - had, actor=actor)
    return version


_UPDATE = ("why", "evolved", "root_cause", "before", "after", "files_changed")


def _section_write(section: PlaybookSection | None, proposal: PlaybookProposal, text: SectionText) -> PlaybookSection:
    if section is None:
        number = proposal.number or store.section_next_number()
        if store.section_by_number(number) is not None:
            raise Conflict(f"Another section has the number {number} by now; mend the proposal and give it a free one.")
        section = PlaybookSection(
            number=number, error_class=proposal.error_class, component=proposal.component, version=0
        )
    for name, value in asdict(text).items():
        setattr(section, name, value)
    section.version, section.updated_at = section.version + 1, utcnow()
    section.save()
    return section


def _version_add(book: Playbook, *, to: BookVersion, **fields: Any) -> PlaybookVersion:
    book.ordinal, book.major, book.minor = book.ordinal + 1, to.major, to.minor
    book.save(update_fields=["ordinal", "major", "minor"])
    return store.version_insert(ordinal=book.ordinal, major=to.major, minor=to.minor, at=utcnow(), **fields)


def _tell_incidents(section: PlaybookSection, version: PlaybookVersion, *, grown_from: set[str], actor: Actor) -> None:
    """On the timeline of each incident that the section has newly grown from."""
    references = [reference for reference in map(reference_parse, grown_from) if reference]
    text = f"Playbook {section.number} ({version.version}) grew from it: {section.title}"
    for incident in store.incidents_referred(references):
        timeline_add(incident=incident, kind="playbook", text=text, actor=actor)


@transactional(TransactionIntent.LOCKED_MUTATION)
def proposal_decline(txn: SingleConnectionTxn, *, proposal_id: int, actor: Actor, note: str = "") -> PlaybookProposal:
    """Decline somebody's edit, with the reason; one's own is withdrawn. Raises Conflict, Invalid, NotFound."""
    proposal = _proposal_lock(txn, proposal_id)
    state = proposal_decline_judge(facts=review_facts(proposal, proposal.section, actor=actor), note=note)
    _decide(proposal, state=state, actor=actor, note=note)
    return proposal


@transactional(TransactionIntent.LOCKED_MUTATION)
def playbook_version_raise(txn: SingleConnectionTxn, *, actor: Actor, why: str, to: str = "") -> PlaybookVersion:
    """A founder raises the version: to the next major one, or to a later one by name. Raises Invalid."""
    if not why.strip() or len(why.strip()) > 200:
        detail = "Say in one line, of at most 200 characters, what this version stands for."
        raise Invalid(detail, errors=[FieldError("/why", detail)])
    book = txn.lock_row(Playbook, pk=store.book_ensure())
    return _version_add(
        book,
        to=version_raise(current=book.version, wanted=to),
        why=why.strip(),
        author=actor.name,
        reviewer=actor.name,
        self_reviewed=True,
    )
