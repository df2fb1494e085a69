"""Real envelopes, made once by the real SDK (tests.bench.shop) and sent again and again under new ids."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.load import Post, request_bytes
from tests.console import ROOT

_GZIP_LEVEL = 9  # the SDK's own


@dataclass(frozen=True)
class Envelope:
    """One event in its envelope, as the SDK made it; `frames`: of all its exceptions together."""

    event_id: str
    timestamp: str
    payload: bytes
    frames: int

    @classmethod
    def parse(cls, raw: bytes, frames: int) -> "Envelope":
        """Raises ValueError when the envelope's first item is no event."""
        _, item, rest = raw.split(b"\n", 2)
        described: dict[str, Any] = json.loads(item)
        if described["type"] != "event":
            raise ValueError(f"The first item is of type {described['type']}, not an event.")
        payload = rest[: described["length"]]
        event = json.loads(payload)
        return cls(event["event_id"], event["timestamp"], payload, frames)

    def renewed(self, event_id: str, moment: datetime) -> bytes:
        """The same failure again, at that moment, under that id: a whole envelope, not compressed."""
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
        payload = self.payload.replace(self.event_id.encode(), event_id.encode())
        payload = payload.replace(self.timestamp.encode(), stamp.encode())
        header = {"event_id": event_id, "sent_at": stamp}
        item = {"type": "event", "content_type": "application/json", "length": len(payload)}
        return b"\n".join([json.dumps(header).encode(), json.dumps(item).encode(), payload, b""])


def envelopes_load(folder: Path) -> list[Envelope]:
    """The cached envelopes; made anew when the SDK or the shop has changed since."""
    stamp = folder / ".made-by"
    maker = _maker()
    if not stamp.exists() or stamp.read_text() != maker:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.bench.shop", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL, timeout=120)
        stamp.write_text(maker)
    frames = json.loads((folder / "frames.json").read_text())
    files = sorted(folder.glob("*.envelope"))
    return [Envelope.parse(file.read_bytes(), count) for file, count in zip(files, frames, strict=True)]


def _maker() -> str:
    digest = hashlib.sha256(f"sentry-sdk {version('sentry-sdk')}, django {version('django')}".encode())
    for source in sorted(Path(__file__).with_name("shop").iterdir()):
        if source.is_file():
            digest.update(source.read_bytes())
    return digest.hexdigest()


def posts_make(envelopes: Sequence[Envelope], count: int, *, port: int, path: str, key: str) -> list[Post]:
    """So many requests, each with an event id of its own, compressed and complete before any clock starts."""
    agent = f"sentry.python/{version('sentry-sdk')}"
    headers = {
        "Content-Type": "application/x-sentry-envelope",
        "Content-Encoding": "gzip",
        "X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7, sentry_client={agent}",
        "User-Agent": agent,
    }
    now = datetime.now(UTC)
    posts = []
    for envelope in islice(cycle(envelopes), count):
        event_id = uuid.uuid4().hex
        body = gzip.compress(envelope.renewed(event_id, now), _GZIP_LEVEL)
        posts.append(Post(event_id, request_bytes("POST", port, path, headers, body)))
    return posts


def envelopes_describe(envelopes: Sequence[Envelope]) -> str:
    """What a figure's reader has to know of them."""
    frames = sorted(envelope.frames for envelope in envelopes)
    raw = median(len(envelope.payload) for envelope in envelopes) / 1000
    packed = median(len(gzip.compress(envelope.payload, _GZIP_LEVEL)) for envelope in envelopes) / 1000
    return (
        f"{len(envelopes)} distinct envelopes of sentry-sdk {version('sentry-sdk')}, {frames[0]} to {frames[-1]} "
        f"frames, median {raw:.0f} KB, {packed:.1f} KB gzipped"
    )
