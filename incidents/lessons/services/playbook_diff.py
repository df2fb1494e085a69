"""Differences between two texts of a section: by line, and by word inside a line that changed (difflib).

Every line carries a mark, so that nothing depends on colour: `+` added, `-` taken away, a space for unchanged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from incidents.lessons.services.playbook import SectionText

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# Two lines less alike than this (SequenceMatcher.ratio, 0 to 1) are one taken away and one added, without word marks.
ALIKE = 0.5
# Two lines with more pairs of words than this are not compared by word: difflib's time grows faster than they do, and
# a page of lines made to be slow would hold a worker for seconds. Two lines of prose of the longest length are within.
PAIRS_MOST = 50_000


class Piece(NamedTuple):
    """A part of a line; `changed` in the other text."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class DiffLine:
    mark: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field of a section; `changed` when any line is marked."""

    label: str
    lines: tuple[DiffLine, ...]

    @property
    def changed(self) -> bool:
        return any(line.mark != " " for line in self.lines)


def lines_diff(*, before: Sequence[str], after: Sequence[str]) -> tuple[DiffLine, ...]:
    """All lines of both, in order; a changed line is its old form and its new one, with the words that differ."""
    found: list[DiffLine] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [DiffLine(" ", (Piece(line, False),)) for line in before[i1:i2]]
        else:
            found += _replaced(before[i1:i2], after[j1:j2])
    return tuple(found)


def section_diff(*, before: SectionText, after: SectionText) -> tuple[FieldDiff, ...]:
    """The fields that differ, in the order of a section."""
    pairs = (
        ("Title", (before.title,) if before.title else (), (after.title,) if after.title else ()),
        ("Check first", before.check_first, after.check_first),
        ("Never again", before.never_again, after.never_again),
        ("Grown from", before.grown_from, after.grown_from),
    )
    fields = [FieldDiff(label, lines_diff(before=old, after=new)) for label, old, new in pairs]
    return tuple(field for field in fields if field.changed)


def section_merge(*, base: SectionText, mine: SectionText, theirs: SectionText) -> SectionText:
    """An edit (`base` → `mine`) brought onto a text that moved on (`base` → `theirs`): what they have, without the
    lines that the edit took away, with those that it added. A person reads the result before it is proposed.
    """
    return SectionText(
        title=theirs.title if mine.title == base.title else mine.title,
        check_first=_merged(base.check_first, mine.check_first, theirs.check_first),
        never_again=_merged(base.never_again, mine.never_again, theirs.never_again),
        grown_from=_merged(base.grown_from, mine.grown_from, theirs.grown_from),
    )


def _merged(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """Each added line stands where it stood in the edit: behind the nearest line before it that is still there, a first
    one first, else before the nearest behind it, else at the end.
    """
    gone = set(base) - set(mine)
    found = [line for line in theirs if line not in gone]
    for place, line in enumerate(mine):
        if line not in base and line not in found:
            found.insert(_place_of(mine, place, found), line)
    return tuple(found)


def _place_of(mine: Sequence[str], place: int, found: Sequence[str]) -> int:
    if place == 0:
        return 0
    earlier = next((line for line in reversed(mine[:place]) if line in found), None)
    if earlier is not None:
        return found.index(earlier) + 1
    later = next((line for line in mine[place + 1 :] if line in found), None)
    return found.index(later) if later is not None else len(found)


def _replaced(before: Sequence[str], after: Sequence[str]) -> list[DiffLine]:
    pairs = min(len(before), len(after))
    found: list[DiffLine] = []
    for old, new in zip(before, after, strict=False):
        found += _words_diff(old, new)
    found += [DiffLine("-", (Piece(line, True),)) for line in before[pairs:]]
    return found + [DiffLine("+", (Piece(line, True),)) for line in after[pairs:]]


def _words_diff(old: str, new: str) -> list[DiffLine]:
    ours, theirs = _WORDS.findall(old), _WORDS.findall(new)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    if len(ours) * len(theirs) > PAIRS_MOST or matcher.ratio() < ALIKE:
        return [DiffLine("-", (Piece(old, True),)), DiffLine("+", (Piece(new, True),))]
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if i2 > i1:
            left.append(Piece("".join(ours[i1:i2]), tag != "equal"))
        if j2 > j1:
            right.append(Piece("".join(theirs[j1:j2]), tag != "equal"))
    return [DiffLine("-", tuple(left)), DiffLine("+", tuple(right))]
