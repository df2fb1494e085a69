"""Edits of the playbook: what may be proposed, and who may accept it, against which version of the section."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons.services.drafts import MAX_LINE, MAX_LINES, MAX_TEXT, MAX_TITLE
from incidents.lessons.services.playbook import ProposalState, SectionText, UpdateText, reference_parse
from incidents.lessons.services.prevention import Evolution
from readiness.infra.envelope import ErrorClass
from readiness.infra.refusals import Conflict, FieldError, Forbidden, Invalid

MAX_COMPONENT = 200
MAX_NUMBER = 9_999

_COMPONENT = re.compile(r"[A-Za-z0-9_][\w.:/-]*")


@dataclass(frozen=True, slots=True)
class ProposalDraft:
    error_class: str
    component: str
    number: int | None
    text: SectionText
    update: UpdateText


def proposal_draft(
    *,
    error_class: str,
    title: str,
    why: str,
    component: str = "",
    number: int | None = None,
    check_first: Sequence[str] = (),
    never_again: Sequence[str] = (),
    grown_from: Sequence[str] = (),
    evolved: str = "",
    root_cause: str = "",
    before: str = "",
    after: str = "",
    files_changed: Sequence[str] = (),
) -> ProposalDraft:
    """Trimmed and bounded. Raises Invalid: a known class, a title, a reason, and one of the two lists are needed; an
    update that evolves something states its root cause.
    """
    errors: list[FieldError] = []
    draft = ProposalDraft(
        error_class=error_class.strip(),
        component=component.strip(),
        number=number,
        text=SectionText(
            title=_line(errors, "title", title, "Say in a few words what breaks here."),
            check_first=_lines(errors, "check_first", check_first),
            never_again=_lines(errors, "never_again", never_again),
            grown_from=_references(errors, grown_from),
        ),
        update=UpdateText(
            why=_line(errors, "why", why, "Say in one line why the playbook should change."),
            evolved=Evolution(evolved) if evolved in set(Evolution) else None,
            root_cause=_text(errors, "root_cause", root_cause),
            before=_text(errors, "before", before),
            after=_text(errors, "after", after),
            files_changed=_lines(errors, "files_changed", files_changed),
        ),
    )
    if evolved and draft.update.evolved is None:
        errors.append(FieldError("/evolved", f"Choose one of {', '.join(Evolution)}, or nothing."))
    errors += _draft_errors(draft)
    if errors:
        raise Invalid(f"The edit is not proposed: {' '.join(error.detail for error in errors)}", errors=errors)
    return draft


def _draft_errors(draft: ProposalDraft) -> list[FieldError]:
    errors: list[FieldError] = []
    if draft.error_class not in set(ErrorClass):
        errors.append(FieldError("/error_class", "Choose one of the error classes; the taxonomy page has them all."))
    if draft.component and (len(draft.component) > MAX_COMPONENT or not _COMPONENT.fullmatch(draft.component)):
        detail = "A component as errors name it, such as billing.engine; empty means the class everywhere."
        errors.append(FieldError("/component", detail))
    if draft.number is not None and not 1 <= draft.number <= MAX_NUMBER:
        errors.append(FieldError("/number", f"A section's number is between 1 and {MAX_NUMBER}."))
    if not (draft.text.check_first or draft.text.never_again):
        errors.append(FieldError("/check_first", "Say what to check first, or what never to do again."))
    if draft.update.evolved is not None and not draft.update.root_cause:
        errors.append(FieldError("/root_cause", "State the real root cause that this evolves from."))
    return errors


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What decides whether a review may be: `writers` are the people who may write, the author among them; versions
    are the section's (0: there is none).
    """

    state: ProposalState
    own: bool
    author: str
    writers: int
    base_version: int
    current_version: int


def proposal_accept_judge(*, facts: ReviewFacts) -> bool:
    """Whether the acceptance is a founder's of their own proposal, alone as they are. Raises Conflict, Forbidden."""
    _must_be_open(facts.state)
    if facts.own and facts.writers > 1:
        raise Forbidden(
            "You proposed this edit, so somebody else has to read and accept it; "
            f"{facts.writers - 1} more may write here. You may withdraw it."
        )
    if facts.base_version != facts.current_version:
        raise Conflict(stale_text(base_version=facts.base_version, current_version=facts.current_version))
    return facts.own


def stale_text(*, base_version: int, current_version: int) -> str:
    """Why a proposal cannot be accepted as it is, and what to do."""
    if base_version == 0:
        return (
            f"A section for this class was made since (version {current_version}), so this edit is not accepted yet. "
            "Bring it up to date: nothing of it is lost."
        )
    return (
        f"It was written against version {base_version} of the section, which is at version {current_version} now, so "
        "it is not accepted yet. Bring it up to date: nothing of it is lost."
    )


def proposal_decline_judge(*, facts: ReviewFacts, note: str) -> ProposalState:
    """`withdrawn` by its author, else `declined`, with the reason. Raises Conflict, Invalid."""
    _must_be_open(facts.state)
    if facts.own:
        return ProposalState.WITHDRAWN
    if not note.strip():
        detail = f"Say why, so that {facts.author} can propose something better."
        raise Invalid(detail, errors=[FieldError("/note", detail)])
    return ProposalState.DECLINED


def proposal_replace_judge(*, facts: ReviewFacts) -> None:
    """Raises Conflict unless it is still open."""
    _must_be_open(facts.state)


def _must_be_open(state: ProposalState) -> None:
    if state is not ProposalState.PROPOSED:
        raise Conflict(f"This proposal is {state} already; nothing was changed.")


def _line(errors: list[FieldError], name: str, value: str, missing: str) -> str:
    value = value.strip()
    if not value:
        errors.append(FieldError(f"/{name}", missing))
    elif len(value) > MAX_TITLE or not value.isprintable():
        errors.append(FieldError(f"/{name}", f"One line of at most {MAX_TITLE} characters."))
    return value


def _text(errors: list[FieldError], name: str, value: str) -> str:
    value = value.strip().replace("\r\n", "\n")
    if len(value) > MAX_TEXT or "\0" in value:
        errors.append(FieldError(f"/{name}", f"Plain text of at most {MAX_TEXT} characters."))
    return value


def _lines(errors: list[FieldError], name: str, values: Sequence[str]) -> tuple[str, ...]:
    """Trimmed, without empty ones, each once, in order."""
    lines = tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE or "\0" in line for line in lines):
        errors.append(FieldError(f"/{name}", f"At most {MAX_LINES} lines of at most {MAX_LINE} characters."))
    return lines[:MAX_LINES]


def _references(errors: list[FieldError], values: Sequence[str]) -> tuple[str, ...]:
    lines = _lines(errors, "grown_from", values)
    read = [reference_parse(line) for line in lines]
    for line, reference in zip(lines, read, strict=True):
        if reference is None:
            detail = f"“{line[:40]}” is none of ours: write INC-12, CTL-7 or LES-3, one a line."
            errors.append(FieldError("/grown_from", detail))
    return tuple(dict.fromkeys(str(reference) for reference in read if reference))
