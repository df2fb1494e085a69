"""What on the Operations page needs a person, in a sentence."""

from collections.abc import Sequence

from readiness.operations.services.drift import HealthCard
from readiness.operations.services.health import ProbeResult
from readiness.operations.services.jobs import JobStanding


def attention_words(
    *,
    probes: Sequence[ProbeResult],
    cards: Sequence[HealthCard],
    standings: Sequence[tuple[str, JobStanding]],
    dead_messages: int,
) -> str:
    """`Needs a person: the broker check, Retention (failed), 2 dead messages.`, or that nothing does."""
    named = [
        *(f"the {probe.name.replace('_', '-')} check" for probe in probes if not probe.passed),
        *(f"the figures ({card.word.lower()})" for card in cards if card.kind == "fail"),
        *(f"{title} ({standing.word.lower()})" for title, standing in standings if standing.needs_a_person),
        *([f"{dead_messages} dead message{'' if dead_messages == 1 else 's'}"] if dead_messages else []),
    ]
    return f"Needs a person: {', '.join(named)}." if named else "Nothing here needs a person."
