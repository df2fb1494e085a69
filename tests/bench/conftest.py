"""A small system to drive: the bare prototype, which starts in a second, and envelopes of its size."""

import json
from collections.abc import Iterator

import pytest

from tests.bench.events import Envelope
from tests.bench.limit import prototype
from tests.bench.system import System


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with prototype(tmp_path_factory.mktemp("bench") / "prototype", postgres=False) as system:
        yield system


@pytest.fixture(scope="session")
def envelopes() -> list[Envelope]:
    return [_envelope(number) for number in range(3)]


def _envelope(number: int) -> Envelope:
    event_id, timestamp = f"{number:032x}", "2026-01-02T03:04:05.678901Z"
    frames = [{"module": "shop.till", "function": f"pay_{number}", "lineno": 3, "in_app": True}]
    raised = {"type": "KeyError", "value": "till", "stacktrace": {"frames": frames}}
    event = {"event_id": event_id, "timestamp": timestamp, "exception": {"values": [raised]}}
    return Envelope(event_id, timestamp, json.dumps(event).encode(), len(frames))
