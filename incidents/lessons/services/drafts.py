"""What a person may write: a root cause, a lesson, a control; trimmed, bounded, and refused with the mend.

Forms ask the same, but the admin, the shell and the machine interface come here too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from incidents.lessons.services.control_state import ControlKind
from incidents.lessons.services.factors import Factor, factor_parse
from incidents.lessons.services.prevention import Evolution, RuleKind
from readiness.infra.refusals import FieldError, Invalid

MAX_TEXT = 20_000
MAX_LINE = 500
MAX_LINES = 50
MAX_TITLE = 200
MAX_REFERENCE = 500
MAX_COMMAND = 2_000
MAX_PERIOD_DAYS = 366

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class RootCauseDraft:
    text: str
    contributing_factors: tuple[Factor, ...]
    broken_commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LessonDraft:
    believed: str
    was_true: str
    do_now: str


@dataclass(frozen=True, slots=True)
class ControlDraft:
    kind: ControlKind
    title: str
    command: str
    check_first: str
    never_again: str
    governance_updates: tuple[str, ...]
    owner: str
    due_on: date | None
    period_days: int
    rule_kind: str
    rule_reference: str
    symptom_fix: str
    prevention_primitive: str
    evolution: str


D = TypeVar("D", RootCauseDraft, LessonDraft, ControlDraft)


def root_cause_draft(
    *, text: str, contributing_factors: Sequence[str] = (), broken_commits: Sequence[str] = ()
) -> RootCauseDraft:
    """Raises Invalid without a text, or with a broken commit that is no commit id of 7 to 64 hexadecimal digits."""
    errors: list[FieldError] = []
    draft = RootCauseDraft(
        text=_text(errors, "text", text, "Say what happened and why it could."),
        contributing_factors=tuple(map(factor_parse, _lines(errors, "contributing_factors", contributing_factors))),
        broken_commits=tuple(line.lower() for line in _lines(errors, "broken_commits", broken_commits)),
    )
    for index, commit in enumerate(draft.broken_commits):
        if not _COMMIT.fullmatch(commit):
            detail = f"“{commit[:40]}” is no commit: give its id, 7 to 64 hexadecimal digits (git rev-parse)."
            errors.append(FieldError(f"/broken_commits/{index}", detail))
    return _unless(errors, draft, "The root cause is not saved")


def lesson_draft(*, believed: str, was_true: str, do_now: str) -> LessonDraft:
    """Raises Invalid when one of the three is empty."""
    errors: list[FieldError] = []
    draft = LessonDraft(
        believed=_text(errors, "believed", believed, "Say what we believed before it broke."),
        was_true=_text(errors, "was_true", was_true, "Say what was true instead."),
        do_now=_text(errors, "do_now", do_now, "Say what we do now that we know."),
    )
    return _unless(errors, draft, "The lesson is not saved")


def control_draft(
    *,
    kind: str,
    title: str,
    command: str = "",
    check_first: str = "",
    never_again: str = "",
    governance_updates: Sequence[str] = (),
    owner: str = "",
    due_on: date | None = None,
    period_days: int = 7,
    rule_kind: str = "",
    rule_reference: str = "",
    symptom_fix: str = "",
    prevention_primitive: str = "",
    evolution: str = "",
) -> ControlDraft:
    """Raises Invalid: a check needs its command, a rule which rule it is and where it stands, a playbook entry what to
    check first or never to do again. What belongs to a rule is dropped from what is none.
    """
    errors: list[FieldError] = []
    if kind not in set(ControlKind):
        errors.append(FieldError("/kind", "Choose check, rule or playbook."))
        kind = ControlKind.CHECK
    draft = ControlDraft(
        kind=ControlKind(kind),
        title=_text(errors, "title", title, "Say in a few words what it prevents.", longest=MAX_TITLE),
        command=command.strip(),
        check_first=check_first.strip(),
        never_again=never_again.strip(),
        governance_updates=_lines(errors, "governance_updates", governance_updates),
        owner=owner.strip(),
        due_on=due_on,
        period_days=period_days,
        rule_kind=rule_kind if kind == ControlKind.RULE else "",
        rule_reference=rule_reference.strip() if kind == ControlKind.RULE else "",
        symptom_fix=symptom_fix.strip(),
        prevention_primitive=prevention_primitive.strip(),
        evolution=evolution,
    )
    errors += _control_errors(draft)
    return _unless(errors, draft, "The control is not saved")


def _control_errors(draft: ControlDraft) -> list[FieldError]:
    errors: list[FieldError] = []
    if draft.kind is ControlKind.CHECK and not draft.command:
        errors.append(FieldError("/command", "A check needs the command that runs it, such as pytest tests/test_x.py."))
    if len(draft.command) > MAX_COMMAND or not _plain(draft.command):
        errors.append(FieldError("/command", f"One line of at most {MAX_COMMAND} characters."))
    if draft.kind is ControlKind.PLAYBOOK and not (draft.check_first or draft.never_again):
        errors.append(FieldError("/check_first", "Say what to check first, or what never to do again."))
    errors += _rule_errors(draft)
    if draft.evolution and draft.evolution not in set(Evolution):
        errors.append(FieldError("/evolution", f"One of {', '.join(Evolution)}, or none."))
    errors += [
        FieldError(f"/{name}", f"Plain text of at most {MAX_TEXT} characters.")
        for name in ("check_first", "never_again", "symptom_fix", "prevention_primitive")
        if len(getattr(draft, name)) > MAX_TEXT or "\0" in getattr(draft, name)
    ]
    if not 1 <= draft.period_days <= MAX_PERIOD_DAYS:
        errors.append(FieldError("/period_days", f"Between 1 and {MAX_PERIOD_DAYS} days."))
    if len(draft.owner) > 254 or not _plain(draft.owner):
        errors.append(FieldError("/owner", "A name or an e-mail of at most 254 characters."))
    return errors


def _rule_errors(draft: ControlDraft) -> list[FieldError]:
    if draft.kind is not ControlKind.RULE:
        return []
    errors: list[FieldError] = []
    if draft.rule_kind not in set(RuleKind):
        errors.append(FieldError("/rule_kind", "Say which rule it is, such as a forbidden pattern."))
    if not draft.rule_reference:
        errors.append(FieldError("/rule_reference", "Say where the rule stands: its file, its name, its address."))
    elif len(draft.rule_reference) > MAX_REFERENCE or not _plain(draft.rule_reference):
        errors.append(FieldError("/rule_reference", f"One line of at most {MAX_REFERENCE} characters."))
    return errors


def _text(errors: list[FieldError], name: str, value: str, missing: str, *, longest: int = MAX_TEXT) -> str:
    value = value.strip()
    if not value:
        errors.append(FieldError(f"/{name}", missing))
    elif len(value) > longest or "\0" in value:
        errors.append(FieldError(f"/{name}", f"Plain text of at most {longest} characters."))
    return value


def _lines(errors: list[FieldError], name: str, values: Sequence[str]) -> tuple[str, ...]:
    """Trimmed, without empty ones, each once, in order."""
    lines = tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE or not _plain(line) for line in lines):
        errors.append(FieldError(f"/{name}", f"At most {MAX_LINES} lines of at most {MAX_LINE} characters."))
    return lines[:MAX_LINES]


def _plain(value: str) -> bool:
    return not any(ord(character) < 32 for character in value)


def _unless(errors: list[FieldError], draft: D, what: str) -> D:
    if errors:
        raise Invalid(f"{what}: {' '.join(error.detail for error in errors)}", errors=errors)
    return draft
