"""A correlation as a sequence: the same thing again and again is one line with a count. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.triage.services.correlations import OpsCorrelatedEvent


@dataclass(frozen=True, slots=True)
class Repeated:
    """An event, how often it happened in a row, and when last."""

    event: OpsCorrelatedEvent
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ComponentSpell:
    """From when to when a component took part, how often, and whether anything of it failed."""

    component: str
    first_at: datetime
    last_at: datetime
    events: int
    failed: bool


class SpanEvent:
    """A span among the events, as the waterfall reads stored ones (incidents.errors.services.waterfall)."""

    kind = ""
    attributes: Mapping[str, object] = {}

    def __init__(self, event: OpsCorrelatedEvent) -> None:
        self.span_id, self.parent_span_id = event.ref, event.parent
        self.name, self.component = event.title, event.component
        self.status = "error" if event.failed else "ok"
        self.started_at = event.at
        self.duration_us = (event.took or timedelta()) // timedelta(microseconds=1)


def events_fold(events: Iterable[OpsCorrelatedEvent]) -> list[Repeated]:
    """Neighbours that say the same (kind, component, title, incident) become one."""
    folded: list[Repeated] = []
    for event in events:
        last = folded[-1] if folded else None
        if last is not None and _saying(last.event) == _saying(event):
            folded[-1] = Repeated(last.event, last.times + 1, event.at)
        else:
            folded.append(Repeated(event, 1, event.at))
    return folded


def _saying(event: OpsCorrelatedEvent) -> tuple[object, ...]:
    return event.kind, event.component, event.title, event.incident


def components_spell(events: Iterable[OpsCorrelatedEvent]) -> list[ComponentSpell]:
    """Each component's part, in the order in which they first appear."""
    spells: dict[str, ComponentSpell] = {}
    for event in events:
        old = spells.get(event.component)
        spells[event.component] = ComponentSpell(
            component=event.component,
            first_at=old.first_at if old else event.at,
            last_at=max(old.last_at, event.ended_at) if old else event.ended_at,
            events=old.events + 1 if old else 1,
            failed=(old.failed if old else False) or event.failed,
        )
    return list(spells.values())
