"""A first draft of an edit, grown from a lesson or a playbook control: a person edits and proposes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons.services.drafts import MAX_LINE, MAX_TITLE
from incidents.lessons.services.playbook import SectionText


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an edit grows from: its reference (`LES-3`, `CTL-7`), its incident's (`INC-12`), its lines and its why."""

    reference: str
    incident: str
    incident_title: str
    check_first: tuple[str, ...]
    never_again: tuple[str, ...]
    root_cause: str = ""
    evolved: str = ""
    files_changed: Sequence[str] = ()


def learnt_of_lesson(
    *, number: int, incident: str, incident_title: str, believed: str, do_now: str, root_cause: str
) -> Learnt:
    """What we do now is what to check first; what we believed is what never to build on again."""
    return Learnt(
        reference=f"LES-{number}",
        incident=incident,
        incident_title=incident_title,
        check_first=lines_of(do_now),
        never_again=tuple(f"Never again rely on this: {line}"[:MAX_LINE] for line in lines_of(believed)),
        root_cause=root_cause,
    )


def learnt_of_control(
    *,
    number: int,
    incident: str,
    incident_title: str,
    check_first: str,
    never_again: str,
    root_cause: str,
    evolved: str = "",
    files_changed: Sequence[str] = (),
) -> Learnt:
    """A control's two answers as they are, what it evolves, and the documents that it touches."""
    return Learnt(
        reference=f"CTL-{number}",
        incident=incident,
        incident_title=incident_title,
        check_first=lines_of(check_first),
        never_again=lines_of(never_again),
        root_cause=root_cause,
        evolved=evolved if root_cause else "",
        files_changed=tuple(files_changed),
    )


def section_grow(*, section: SectionText, learnt: Learnt) -> SectionText:
    """The section with the learnt lines and references behind its own, none twice."""
    return SectionText(
        title=section.title or learnt.incident_title[:MAX_TITLE],
        check_first=_with(section.check_first, learnt.check_first),
        never_again=_with(section.never_again, learnt.never_again),
        grown_from=_with(section.grown_from, (learnt.incident, learnt.reference)),
    )


def lines_of(text: str) -> tuple[str, ...]:
    """The lines that are not empty, without list marks, each as long as a line of the playbook may be."""
    stripped = (line.strip().removeprefix("- ").removeprefix("* ").strip() for line in text.splitlines())
    return tuple(line[:MAX_LINE] for line in stripped if line)


def _with(own: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*own, *more)))
