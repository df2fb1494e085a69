"""What one run of the benchmark is asked to do; every part reads what concerns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OURS_SQLITE, OURS_POSTGRES = "sqlite", "postgres"
PEER_SQLITE, PEER_POSTGRES = "bugsink-sqlite", "bugsink-postgres"
LIMIT_SQLITE, LIMIT_POSTGRES = "limit-sqlite", "limit-postgres"
SYSTEMS = (OURS_SQLITE, OURS_POSTGRES, PEER_SQLITE, PEER_POSTGRES, LIMIT_SQLITE, LIMIT_POSTGRES)


@dataclass(frozen=True)
class Options:
    """`None` and empty: the part's own choice, which is smaller when `quick`.

    `rounds`: how often each measurement is repeated. `events`: how many are sent in a run (ingest, c > 1), stored
    (disk), sent in a round (durability), sent in a run (scale). `systems`: names of SYSTEMS to keep. `kills`: which
    programs die at once → in how many rounds. `sizes`: stored events of the small and of the large installation;
    `incidents`: theirs (pages).
    """

    quick: bool = False
    rounds: int | None = None
    events: int | None = None
    concurrency: tuple[int, ...] = ()
    systems: tuple[str, ...] = SYSTEMS
    kills: Mapping[str, int] = field(default_factory=dict)
    sizes: tuple[int, int] | None = None
    incidents: tuple[int, int] | None = None


def numbers_read(text: str) -> tuple[int, ...]:
    """`1,16,64`; digits may be grouped by underscores. Raises ValueError."""
    numbers = tuple(int(part) for part in text.split(","))
    if any(number < 1 for number in numbers):
        raise ValueError(f"{text!r} has a number below 1")
    return numbers


def sizes_read(text: str) -> tuple[int, int]:
    """`50_000,2_000_000`: the smaller first. Raises ValueError."""
    sizes = numbers_read(text)
    if len(sizes) != 2 or sizes[0] >= sizes[1]:
        raise ValueError(f"{text!r} is not a smaller and a larger number")
    return sizes[0], sizes[1]


def systems_read(text: str) -> tuple[str, ...]:
    """`sqlite,bugsink-sqlite`. Raises ValueError."""
    names = text.split(",")
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(SYSTEMS)}")
    return tuple(name for name in SYSTEMS if name in names)


def kills_read(text: str) -> dict[str, int]:
    """`web:3,worker:2,web+worker:1`: programs joined by `+` are killed at once. Raises ValueError."""
    kills: dict[str, int] = {}
    for part in text.split(","):
        programs, _, rounds = part.partition(":")
        kills[programs] = int(rounds or 1)
    return kills
