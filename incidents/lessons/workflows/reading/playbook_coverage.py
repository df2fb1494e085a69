"""Which of the incident classes that were met the playbook speaks of (requirement 57)."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons.store import playbook as store
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class ClassCovered:
    """A class of which there was a real incident, how many, and the numbers of the sections on it, in any component."""

    error_class: str
    incidents: int
    sections: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every class that was met, the one with most incidents first."""

    classes: Sequence[ClassCovered]

    @property
    def covered(self) -> int:
        return sum(bool(one.sections) for one in self.classes)

    @property
    def missing(self) -> list[ClassCovered]:
        return [one for one in self.classes if not one.sections]


@transactional(TransactionIntent.READ_ONLY)
def playbook_coverage_read(session: Session) -> Coverage:
    """Two queries."""
    numbers: dict[str, list[int]] = {}
    for section in store.sections_all():
        numbers.setdefault(section.error_class, []).append(section.number)
    return Coverage(
        [
            ClassCovered(error_class, incidents, tuple(numbers.get(error_class, ())))
            for error_class, incidents in store.classes_seen()
        ]
    )
