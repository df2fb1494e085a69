"""What changed between two texts, for people: whole words that stayed, went and came."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

# Beyond this many words two texts are compared line by line: the matcher's worst case is quadratic.
MOST_WORDS = 1_500

_WORDS = re.compile(r"\S+\s*|\s+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text. `change`: same, gone or new."""

    change: str
    text: str


def text_changes(*, before: str, after: str) -> tuple[Piece, ...]:
    """`after` with what went and what came marked; texts without a word in common are told as one gone, one new."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = _LINES.findall(before), _LINES.findall(after)
    pieces: list[Piece] = []
    for what, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new).get_opcodes():
        if what == "equal":
            pieces.append(Piece("same", "".join(new[new_from:new_to])))
            continue
        if old_to > old_from:
            pieces.append(Piece("gone", "".join(old[old_from:old_to])))
        if new_to > new_from:
            pieces.append(Piece("new", "".join(new[new_from:new_to])))
    return tuple(pieces)
