"""Search in the playbook: every word must stand somewhere in a section; where it stands ranks it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_QUERY = 200
MAX_WORDS = 8

_WORD = re.compile(r"[^\s,;\0]+")
# What a word is worth where it stands: the class and title say what a section is about, its references who it is from.
_SCOPE, _TITLE, _REFERENCE, _LINE, _UPDATE = 8, 6, 5, 3, 1
_WHOLE_WORD = 2


@dataclass(frozen=True, slots=True)
class Searchable:
    """One section's words; `lines` are what to check first and never to do again, `updates` why it was changed."""

    key: int
    scope: str
    title: str
    lines: Sequence[str]
    grown_from: Sequence[str]
    updates: Sequence[str] = ()


def query_words(query: str) -> tuple[str, ...]:
    """At most MAX_WORDS words of the first MAX_QUERY characters, folded, each once."""
    return tuple(dict.fromkeys(_WORD.findall(query[:MAX_QUERY].casefold())))[:MAX_WORDS]


def query_spellings(query: str) -> tuple[tuple[str, ...], ...]:
    """Each word of the query in the spellings to look for in a table: SQLite finds `Ärger` by `ärger` only if told, and
    neither database finds `Straße` by its folded form. A word of ASCII has one.
    """
    words = dict.fromkeys(_WORD.findall(query[:MAX_QUERY]))
    return tuple(_spellings(word) for word in words)[:MAX_WORDS]


def _spellings(word: str) -> tuple[str, ...]:
    if word.isascii():
        return (word,)
    return tuple(dict.fromkeys((word, word.lower(), word.upper(), word.capitalize(), word.casefold())))


def sections_rank(*, query: str, sections: Iterable[Searchable]) -> list[int]:
    """Keys of the sections that have every word of the query, the best first, then in their own order."""
    words = query_words(query)
    if not words:
        return [section.key for section in sections]
    scored = [(section.key, _score(section, words)) for section in sections]
    return [key for key, score in sorted(scored, key=lambda item: -item[1]) if score]


def _score(section: Searchable, words: Sequence[str]) -> int:
    """0 when a word is nowhere."""
    places = (
        (_SCOPE, section.scope.casefold()),
        (_TITLE, section.title.casefold()),
        (_REFERENCE, " ".join(section.grown_from).casefold()),
        (_LINE, "\n".join(section.lines).casefold()),
        (_UPDATE, "\n".join(section.updates).casefold()),
    )
    total = 0
    for word in words:
        worth = sum(_worth(weight, text, word) for weight, text in places)
        if not worth:
            return 0
        total += worth
    return total


def _worth(weight: int, text: str, word: str) -> int:
    if word not in text:
        return 0
    whole = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
    return weight * (_WHOLE_WORD if whole else 1)
