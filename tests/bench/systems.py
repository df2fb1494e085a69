"""All that is measured, running side by side: this console, the peer and the bare prototype, on either database."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.bench.limit import prototype
from tests.bench.options import (
    LIMIT_POSTGRES,
    LIMIT_SQLITE,
    OURS_POSTGRES,
    OURS_SQLITE,
    PEER_POSTGRES,
    PEER_SQLITE,
)
from tests.bench.ours import ours
from tests.bench.peer import PeerMissing, bugsink
from tests.bench.system import System

_MAKERS: dict[str, Callable[[Path], AbstractContextManager[System]]] = {
    OURS_SQLITE: lambda home: ours(home / "run" / "sqlite", postgres=False),
    OURS_POSTGRES: lambda home: ours(home / "run" / "postgres", postgres=True),
    PEER_SQLITE: lambda home: bugsink(home / "bugsink", postgres=False),
    PEER_POSTGRES: lambda home: bugsink(home / "bugsink", postgres=True),
    LIMIT_SQLITE: lambda home: prototype(home / "run" / "limit-sqlite", postgres=False),
    LIMIT_POSTGRES: lambda home: prototype(home / "run" / "limit-postgres", postgres=True),
}


@contextmanager
def systems(home: Path, names: Collection[str]) -> Iterator[tuple[list[System], str]]:
    """The systems of these names (options.SYSTEMS), in that order, and why the peer is not among them (else empty)."""
    with ExitStack() as running:
        found, reason = [], ""
        for name, maker in _MAKERS.items():
            if name in names:
                try:
                    found.append(running.enter_context(maker(home)))
                except PeerMissing as missing:
                    reason = str(missing)
        yield found, reason
