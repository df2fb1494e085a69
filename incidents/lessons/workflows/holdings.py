"""What people wrote on an incident; triage asks before it merges one away (settings.READINESS_INCIDENT_HOLDERS)."""

from collections.abc import Sequence

from incidents.lessons import store
from readiness.infra.transactions import Session, TransactionIntent, transactional


@transactional(TransactionIntent.READ_ONLY)
def incident_holdings(session: Session, *, incident_ids: Sequence[int]) -> dict[int, str]:
    """`a root cause, 1 lesson and 2 controls`, by incident, for those that have any."""
    found: dict[int, str] = {}
    for pk, (causes, lessons, controls) in store.written_counts(incident_ids).items():
        words = ["a root cause"] if causes else []
        words += [f"{number} {name}{'s' if number > 1 else ''}"
                  for number, name in ((lessons, "lesson"), (controls, "control")) if number]  # fmt: skip
        found[pk] = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return found
