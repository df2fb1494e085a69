"""What will happen again, in figures: for the home page."""

from dataclasses import dataclass

from incidents.lessons.store import prevention as store
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class Preventions:
    """Controls that do not hold by their state, and incidents that have none (`at_least`: counting stopped there).
    `overdue`: of the controls, those that were to be proven by a day that has passed.
    """

    states: dict[str, int]
    without: int
    at_least: bool
    overdue: int

    @property
    def not_holding(self) -> int:
        return sum(self.states.values())

    @property
    def total(self) -> int:
        """What may happen again for all that anybody has shown."""
        return self.not_holding + self.without


@transactional(TransactionIntent.READ_ONLY)
def preventions_read(session: Session) -> Preventions:
    """Unproven, failing-before, broken, stale and ineffective controls, and incidents without any. One query."""
    found, without = store.unprevented_count(utcnow().date())
    return Preventions(
        states={state: total for state, (total, _) in found.items()},
        without=without,
        at_least=without >= store.COUNTED_UP_TO,
        overdue=sum(late for _, late in found.values()),
    )
