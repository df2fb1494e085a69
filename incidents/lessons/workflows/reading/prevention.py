"""What will happen again, in figures: for the home page."""

from dataclasses import dataclass

from incidents.lessons.store import prevention as store
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class Preventions:
    """Controls that do not hold by their state, and incidents that have none (`at_least`: counting stopped there)."""

    states: dict[str, int]
    without: int
    at_least: bool

    @property
    def not_holding(self) -> int:
        return sum(self.states.values())

    @property
    def total(self) -> int:
        """What may happen again for all that anybody has shown."""
        return self.not_holding + self.without


@transactional(TransactionIntent.READ_ONLY)
def preventions_read(session: Session) -> Preventions:
    """Unproven, failing-before, broken, stale and ineffective controls, and incidents without any. Two queries."""
    without = store.incidents_without_control()
    return Preventions(store.controls_not_holding(), without, at_least=without >= store.COUNTED_UP_TO)
