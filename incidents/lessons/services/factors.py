"""Contributing factors of a root cause: short texts, each of a kind if its author says so (`process: nobody asked`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FactorKind(StrEnum):
    """Where a factor lies. Howie (Jeli) asks for many factors, not for one culprit: people is one kind of six."""

    CODE = "code"
    CONFIGURATION = "configuration"
    PROCESS = "process"
    PEOPLE = "people"
    DEPENDENCY = "dependency"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Factor:
    kind: FactorKind
    text: str

    @property
    def line(self) -> str:
        """As a person writes it: `process: nobody asked`; of an unknown kind its text alone."""
        return self.text if self.kind is FactorKind.UNKNOWN else f"{self.kind.value}: {self.text}"


def factor_parse(line: str) -> Factor:
    """A line's factor; the word before its first colon is the kind only if it is one of the six."""
    word, colon, rest = line.partition(":")
    kind = word.strip().lower()
    if colon and rest.strip() and kind in set(FactorKind):
        return Factor(FactorKind(kind), rest.strip())
    return Factor(FactorKind.UNKNOWN, line.strip())


def factors_of(stored: Iterable[Any]) -> tuple[Factor, ...]:
    """The factors of a stored root cause (`[{kind, text}]`); a bare line is of an unknown kind."""
    return tuple(
        Factor(FactorKind(item["kind"]), item["text"]) if isinstance(item, Mapping) else factor_parse(str(item))
        for item in stored
    )
