"""POST /api/<project>/envelope/: what an SDK sends becomes one stored error and its incident, or a clear answer."""

import gzip
import json
import zlib

import brotli
import pytest
import zstandard

from incidents.errors.adapters import error_view
from incidents.errors.models import DroppedCount, ErrorEvent, ErrorRollup
from incidents.errors.services.normalising import payload_decompress
from incidents.triage.models import Incident
from tests.errors.conftest import Door
from tests.factories import a_dsn_key, an_event


def test_it_stores_the_event_its_rollup_and_its_incident(door: Door) -> None:
    event = an_event()
    answer = door.post_gzipped(door.event_envelope(event))
    assert answer.status_code == 200
    assert answer.json() == {"id": event["event_id"]}
    stored = ErrorEvent.objects.get()
    assert stored.error_id == f"err_{event['event_id']}"
    assert (stored.project_id, stored.component, stored.layer) == (door.project_id, "shop.orders", "L4")
    incident = Incident.objects.get()
    assert (incident.title, incident.occurrences, incident.status) == ("KeyError: 'total'", 1, "detected")
    assert ErrorRollup.objects.get().events == 1


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("", lambda body: body),
        ("UTF-8", lambda body: body),
    ],
)
def test_it_reads_every_content_encoding(door: Door, encoding: str, encode) -> None:  # type: ignore[no-untyped-def]
    body = encode(door.event_envelope(an_event()))
    assert door.post(body, **{"Content-Encoding": encoding}).status_code == 200
    assert ErrorEvent.objects.count() == 1


def test_it_skips_unknown_items_and_keeps_what_follows(door: Door) -> None:
    event = an_event()
    body = door.envelope(
        ({"type": "session"}, b"{}"),
        ({"type": "hologram"}, b"\x00\x01binary"),
        ({"type": "event"}, json.dumps(event).encode()),
        header={"event_id": event["event_id"]},
    )
    assert door.post(body).status_code == 200
    assert ErrorEvent.objects.count() == 1


def test_it_counts_what_the_sdk_itself_dropped(door: Door) -> None:
    report = {"discarded_events": [{"reason": "ratelimit_backoff", "category": "error", "quantity": 7}]}
    body = door.envelope(({"type": "client_report"}, json.dumps(report).encode()))
    assert door.post(body).status_code == 200
    dropped = DroppedCount.objects.get()
    assert (dropped.reason, dropped.quantity, dropped.source) == ("ratelimit_backoff", 7, "sdk")


def test_it_answers_an_empty_envelope(door: Door) -> None:
    assert door.post(b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}').json() == {
        "id": "9ec79c33ec9942ab8353589fcb2e04dc"
    }


def test_it_takes_the_key_from_query_and_envelope_header(door: Door) -> None:
    event = an_event()
    body = door.event_envelope(event)
    by_query = door.client.post(
        f"/api/{door.project_id}/envelope/?sentry_key={door.dsn.public_key}", data=body, content_type="text/plain"
    )
    dsn = f"http://{door.dsn.public_key}@127.0.0.1/{door.project_id}"
    in_header = door.envelope(({"type": "event"}, json.dumps(an_event()).encode()), header={"dsn": dsn})
    by_header = door.client.post(f"/api/{door.project_id}/envelope/", data=in_header, content_type="text/plain")
    assert (by_query.status_code, by_header.status_code) == (200, 200)
    assert ErrorEvent.objects.count() == 2


def test_it_refuses_missing_unknown_and_disagreeing_keys(door: Door) -> None:
    body = door.event_envelope(an_event())
    url = f"/api/{door.project_id}/envelope/"
    assert door.client.post(url, data=body, content_type="text/plain").status_code == 401
    unknown = door.post(body, **{"X-Sentry-Auth": "Sentry sentry_key=" + "0" * 32})
    assert unknown.status_code == 403
    assert "does not belong" in unknown.headers["X-Sentry-Error"]
    other = a_dsn_key()
    wrong_project = door.client.post(f"{url}?sentry_key={other.public_key}", data=body, content_type="text/plain")
    assert wrong_project.status_code == 403
    disagree = door.client.post(
        f"{url}?sentry_key={other.public_key}",
        data=body,
        content_type="text/plain",
        headers={"X-Sentry-Auth": f"Sentry sentry_key={door.dsn.public_key}"},
    )
    assert disagree.status_code == 401
    assert ErrorEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b'{}\n{"type":"event","length":10}\n{}', 400),
        (b'{}\n{"type":"event"}\n[1, 2]', 400),
        (b'{}\n{"type":"event"}\n{"event_id": "short"}', 400),
        (b'{}\n{"type":"event"}\n' + b"[" * 100_000, 400),
        (b"{}\n" + b'{"type":"x"}\n{}\n' * 300, 400),
        (b"\xff\xfe{}", 400),
    ],
)
def test_it_refuses_what_it_cannot_read_and_stores_nothing(door: Door, body: bytes, status: int) -> None:
    answer = door.post(body)
    assert answer.status_code == status, answer.content
    assert answer.json()["detail"]
    assert ErrorEvent.objects.count() == 0


def test_it_refuses_broken_compression(door: Door) -> None:
    body = gzip.compress(door.event_envelope(an_event()))
    assert door.post(body[:-20], **{"Content-Encoding": "gzip"}).status_code == 400
    assert door.post(b"not gzip", **{"Content-Encoding": "gzip"}).status_code == 400
    assert door.post(body, **{"Content-Encoding": "lzma"}).status_code == 415


@pytest.mark.parametrize(
    "event",
    [
        {"exception": [{"type": "ValueError", "value": "x"}]},
        {"exception": {"type": "ValueError", "value": "x"}},
        {"exception": {"values": [None, {"type": "ValueError", "value": 5, "stacktrace": {"frames": [None]}}]}},
        {"message": {"formatted": "order 12 failed", "message": "order %s failed"}},
        {"logentry": {"message": "order %s failed", "params": [12]}},
        {"request": {"url": "http://x/y?z=1", "headers": [["Accept", "a"], ["Cookie", "b"]]}},
        {"tags": [["a", "b"], ["c", None]], "timestamp": 1_763_000_000, "level": 5},
        {"extra": {"n": 2**70, "nul": "a\x00b", "surrogate": "\ud800"}, "message": "nul \x00 here"},
        {"user": {"id": 5}, "contexts": {"trace": "none"}, "breadcrumbs": {"values": None}},
        {"release": 4, "environment": None, "transaction": {"a": 1}, "fingerprint": [1, None]},
        {"timestamp": "not a time"},
        {"timestamp": 1e300},
    ],
)
def test_it_takes_events_of_odd_shapes(door: Door, event: dict[str, object]) -> None:
    sent = {key: value for key, value in an_event().items() if key not in event or key == "event_id"}
    answer = door.post(door.event_envelope({**sent, **event}))
    assert answer.status_code == 200, answer.content
    assert ErrorEvent.objects.count() == 1


def test_an_event_over_a_megabyte_is_trimmed_and_not_lost(door: Door) -> None:
    event = an_event(extra={"dump": "x" * 1_300_000}, breadcrumbs={"values": [{"message": "the way there"}]})
    assert door.post_gzipped(door.event_envelope(event)).status_code == 200
    view = error_view(ErrorEvent.objects.get())
    assert (view.exceptions[0].type, view.breadcrumbs[0].text) == ("KeyError", "the way there")
    detail = payload_decompress(ErrorEvent.objects.get().payload)
    assert "1048576" in detail["extra"]["truncated"]


def test_a_large_entry_of_extra_goes_and_its_neighbours_stay(door: Door) -> None:
    door.post(door.event_envelope(an_event(extra={"dump": "x" * 20_000, "order": {"id": 12}, "token": "s3cret"})))
    extra = payload_decompress(ErrorEvent.objects.get().payload)["extra"]
    assert extra == {"dump": "[20002 bytes, over the limit of 16384]", "order": {"id": 12}, "token": "[Filtered]"}


def test_it_answers_browsers_preflight(door: Door) -> None:
    answer = door.client.options(f"/api/{door.project_id}/envelope/")
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "x-sentry-auth" in answer.headers["Access-Control-Allow-Headers"]


def test_it_bounds_what_a_bomb_costs(door: Door) -> None:
    bomb = gzip.compress(b"\x00" * 100_000_000)
    assert door.post(bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    assert (
        door.post(
            zstandard.ZstdCompressor().compress(b"\x00" * 100_000_000), **{"Content-Encoding": "zstd"}
        ).status_code
        == 413
    )
    assert door.post(brotli.compress(b"\x00" * 100_000_000), **{"Content-Encoding": "br"}).status_code == 413


def test_a_component_is_a_name_though_it_looks_like_a_secrets(door: Door) -> None:
    door.post(door.event_envelope(an_event(tags={"component": "shop.auth", "owner": "shop.auth"})))
    found = ErrorEvent.objects.get()
    assert found.component == "shop.auth"
    assert error_view(found).tags == (("component", "shop.auth"), ("owner", "[Filtered]"))
