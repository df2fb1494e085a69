"""Who did it: every write use-case takes an Actor and records it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a key, a scheduled job, or the console itself. `name` is what a reader sees; `id` its row, if any."""

    kind: Literal["person", "key", "job", "system"]
    name: str
    id: int | None = None

    def __str__(self) -> str:
        return self.name


SYSTEM = Actor(kind="system", name="the console")
