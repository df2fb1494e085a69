"""Envelopes under new ids."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from incidents.errors.services.framing import envelope_parse
from tests.bench.events import Envelope, posts_make

OLD = "0af7651916cd43dd8448eb211c80319c"
EVENT = {"event_id": OLD, "timestamp": "2026-01-02T03:04:05.678901Z", "message": f"order {OLD} is stuck"}


def envelope(kind: str = "event") -> bytes:
    payload = json.dumps(EVENT).encode()
    item = {"type": kind, "length": len(payload)}
    return b"\n".join(
        [json.dumps({"event_id": OLD, "dsn": "http://k@h/1"}).encode(), json.dumps(item).encode(), payload, b""]
    )


def test_it_renews_id_and_time_everywhere() -> None:
    made = Envelope.parse(envelope(), frames=3)
    raw = made.renewed("f" * 32, datetime(2026, 11, 21, 10, tzinfo=UTC))
    header, items = envelope_parse(body=raw)
    assert header == {"event_id": "f" * 32, "sent_at": "2026-11-21T10:00:00.000000Z"}
    assert [item.type for item in items] == ["event"]
    assert json.loads(items[0].payload) == {
        "event_id": "f" * 32,
        "timestamp": "2026-11-21T10:00:00.000000Z",
        "message": f"order {'f' * 32} is stuck",
    }


def test_it_refuses_an_envelope_without_an_event() -> None:
    with pytest.raises(ValueError, match="not an event"):
        Envelope.parse(envelope("session"), frames=0)


def test_it_makes_posts_of_distinct_ids() -> None:
    posts = posts_make([Envelope.parse(envelope(), frames=3)], 5, port=8000, path="/api/1/envelope/", key="0" * 32)
    assert len({post.ident for post in posts}) == 5
    for post in posts:
        head, _, body = post.wire.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /api/1/envelope/ HTTP/1.1\r\n")
        assert f"\r\nContent-Length: {len(body)}".encode() in head
        assert envelope_parse(body=gzip.decompress(body))[0]["event_id"] == post.ident
