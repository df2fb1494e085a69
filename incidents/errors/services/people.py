"""For whom it broke: people and tenants among the newest events of an incident. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

TENANTS_SHOWN = 5


class MetRow(Protocol):
    @property
    def person(self) -> str | None: ...
    @property
    def tenant(self) -> str | None: ...
    @property
    def events(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PeopleHit:
    """`people`: how many different ones the `events` read name; `named`: how many of these name anybody. `tenants`: as
    they were reported, with their events, the most first; `more_tenants`: how many others.
    """

    people: int = 0
    named: int = 0
    events: int = 0
    tenants: tuple[tuple[str, int], ...] = ()
    more_tenants: int = 0


def people_count(rows: Iterable[MetRow]) -> PeopleHit:
    """The figures over what was read."""
    people: Counter[str] = Counter()
    tenants: Counter[str] = Counter()
    events = 0
    for row in rows:
        events += row.events
        if row.person:
            people[row.person] += row.events
        if row.tenant:
            tenants[row.tenant] += row.events
    return PeopleHit(
        people=len(people),
        named=people.total(),
        events=events,
        tenants=tuple(tenants.most_common(TENANTS_SHOWN)),
        more_tenants=max(0, len(tenants) - TENANTS_SHOWN),
    )
