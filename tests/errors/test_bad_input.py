"""Input that once broke a door, or that the issue names: each is answered, stored bounded, and shown."""

import gzip
import json
import zlib
from collections.abc import Callable
from time import perf_counter
from typing import Any

import brotli
import pytest
import zstandard
from django.test import Client

from incidents.errors.adapters import error_view
from incidents.errors.ingest import reading
from incidents.errors.models import CheckIn, DroppedCount, ErrorEvent, Monitor
from incidents.errors.services.decoding import MAX_MEMBERS
from incidents.errors.services.trimming import MAX_NESTING, nesting
from incidents.errors.workflows import raw_input_set
from incidents.triage.models import Incident
from readiness.infra.actor import SYSTEM
from readiness.infra.turns import Places
from tests.errors.conftest import Door, NativeDoor
from tests.errors.otlp import JSON, PROTOBUF, OtlpDoor
from tests.errors.test_native_errors import an_envelope
from tests.factories import a_founder

pytestmark = pytest.mark.usefixtures("breaks_are_seen")
DEPTHS = (90, 300, 450, 700, 850, 900, 930, 945, 955, 960, 965, 970, 975, 980, 985, 990, 995, 1_000, 100_000)


@pytest.fixture
def breaks_are_seen(door: Door, native: NativeDoor, otlp: OtlpDoor, settings: Any) -> None:
    """A failure of the console's own is this test's, with its traceback."""
    settings.READINESS_ERROR_RECORDER = "tests.failures.failure_raise"
    for one in (door, native, otlp):
        one.client = Client()


def event(door: Door, payload: bytes | dict[str, Any]) -> Any:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return door.post(b'{}\n{"type":"event","length":%d}\n%s' % (len(data), data))


def pit(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def shown(door: Door) -> str:
    """Every event can be shown, and so can its incident's page; what the pages say."""
    for stored in ErrorEvent.objects.filter(project_id=door.project_id):
        error_view(stored)
    founder = Client()
    founder.force_login(a_founder())
    pages = [founder.get(f"/incidents/INC-{incident.pk}/") for incident in Incident.objects.all()[:40]]
    assert {page.status_code for page in pages} <= {200}
    return "".join(page.content.decode() for page in pages)


# --- JSON that is valid and strange -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"request": {"headers": [[["no", "string"], "v"], ["Host", "a"]]}},  # a list cannot be a key
        {"tags": [[{"a": 1}, "v"]]},
        {"exception": {"values": [{"type": "A", "stacktrace": {"frames": [{"function": "f", "pre_context": 5}]}}]}},
        {"exception": [{"type": "A", "stacktrace": {"frames": [{"function": "f", "post_context": {"a": 1}}]}}]},
        {"timestamp": "9999-12-31T23:59:59Z"},
        {"timestamp": "0001-01-01T00:00:00+23:59"},
        {"timestamp": 10**30},
        {
            "exception": {
                "values": [{"type": "A", "value": "v", "mechanism": {"exception_id": 10**400, "parent_id": -1}}]
            }
        },
        {"extra": {"a": 10**5_00}},
        {"user": {"id": [[]]}, "contexts": [1], "breadcrumbs": "none", "sdk": 5, "threads": {"values": 1}},
        {"fingerprint": [{"a": [1]}, None, 5]},
    ],
)
def test_an_event_of_an_odd_shape_is_kept(door: Door, fields: dict[str, Any]) -> None:
    assert event(door, {"message": "odd", **fields}).status_code == 200
    assert ErrorEvent.objects.count() == 1
    shown(door)


def test_a_clock_ten_thousand_years_off_is_corrected_to_now(door: Door) -> None:
    body = b'{"sent_at":"0001-01-02T00:00:00Z"}\n{"type":"event"}\n{"message":"x","timestamp":"9999-12-31T00:00:00Z"}'
    assert door.post(body).status_code == 200
    stored = ErrorEvent.objects.get()
    assert abs((stored.timestamp - stored.created_at).total_seconds()) < 1


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5_000, str(2**64), str(-(2**63) - 1)])
@pytest.mark.parametrize("place", ["extra", "contexts", "user", "timestamp", "message", "tags"])
def test_a_number_beyond_every_bound_costs_no_event(door: Door, place: str, number: str) -> None:
    bags = {"extra": '{"n":@,"password":"hunter2"}', "contexts": '{"a":{"n":@}}', "user": '{"id":@}', "tags": '{"n":@}'}
    value = bags.get(place, "@").replace("@", number)
    assert event(door, f'{{"message":"kept","{place}":{value}}}'.encode()).status_code == 200
    assert ErrorEvent.objects.count() == 1
    assert "hunter2" not in str(vars(ErrorEvent.objects.get())) + shown(door)


def test_a_number_beyond_every_bound_in_a_large_bag(door: Door) -> None:
    extra = b'{"n":1e999,"text":"' + b"x" * 20_000 + b'","bad":"\xff"}'
    assert event(door, b'{"message":"kept","extra":' + extra + b"}").status_code == 200
    shown(door)


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udfff x", b"\xff\xfe", b"\xed\xa0\x80", b"\\u0000", b"a\\u0000b"])
@pytest.mark.parametrize(
    "place", [b"message", b"release", b"transaction", b"extra", b"contexts", b"breadcrumbs", b"tags"]
)
def test_what_is_no_text_is_replaced(door: Door, place: bytes, text: bytes) -> None:
    value = b'"%s"' % text
    if place in (b"extra", b"contexts", b"tags"):
        value = b'{"a":"%s","%s":"b"}' % (text, text)
    if place == b"breadcrumbs":
        value = b'[{"message":"%s","data":{"a":"%s"}}]' % (text, text)
    assert event(door, b'{"level":"error","%s":%s}' % (place, value)).status_code == 200
    stored = ErrorEvent.objects.get()
    assert "\x00" not in str(vars(stored)["message"]) + str(error_view(stored))
    shown(door)


def test_a_nul_in_what_comes_beside_events(door: Door) -> None:
    config = {"schedule": {"type": "interval", "value": 1, "unit": "hour"}, "timezone": "UTC\x00"}
    check_in = {"monitor_slug": "night\x00ly", "status": "ok", "environment": "a\x00", "release": "\x00"}
    said = {"event_id": "c" * 32, "comments": "It\x00 broke", "name": "\x00", "email": "\ud800"}
    items = [
        ("check_in", {**check_in, "monitor_config": config}),
        ("user_report", said),
        ("feedback", {"contexts": {"feedback": {"message": "a\x00b"}}}),
    ]
    body = door.envelope(*(({"type": kind}, json.dumps(value).encode()) for kind, value in items))
    assert door.post(body).status_code == 200
    assert (Monitor.objects.get().timezone, CheckIn.objects.count()) == ("UTC", 1)


def test_exceptions_that_are_each_others_parents(door: Door) -> None:
    def link(number: int, parent: int) -> dict[str, Any]:
        told = {"exception_id": number, "parent_id": parent, "is_exception_group": True, "type": "chained"}
        return {"type": f"E{number}", "value": "v", "mechanism": told}

    for links in (
        [(0, 0)],
        [(0, 1), (1, 0)],
        [(0, 2), (1, 0), (2, 1)],
        [(1, 5), (1, 1)],
        [(n, (n + 1) % 60) for n in range(60)],
    ):
        values = [link(number, parent) for number, parent in links]
        assert event(door, {"exception": {"values": values}, "message": str(links)}).status_code == 200
    assert ErrorEvent.objects.count() == 5
    shown(door)


def test_more_raw_input_than_a_line_holds_costs_no_event(door: Door) -> None:
    everything = ["request.data.*", "request.query.*", "request.cookies.*", "frame.vars.*"]
    raw_input_set(project_id=door.project_id, kept_fields=everything, keep_ip=True, actor=SYSTEM)
    sent = {f"field{number}": "x" * 1_900 for number in range(40)}
    sizes = {"request": {"data": sent, "cookies": sent, "query_string": sent, "url": "http://a/"}, "message": "large"}
    assert event(door, sizes).status_code == 200
    assert ErrorEvent.objects.count() == 1
    shown(door)


# --- nesting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", [b"extra", b"contexts", b"user", b"breadcrumbs", b"event_id", b"request", b"exception", b"tags"]
)
def test_an_event_nested_at_any_depth(door: Door, place: bytes) -> None:
    """Just under where a parser gives up, whatever walks through the value afterwards would."""
    for depth in DEPTHS:
        nested = b"[" * depth + b"]" * depth
        value = {b"breadcrumbs": b'[{"data":%s,"message":"password=x"}]', b"event_id": b"%s"}.get(
            place, b'{"token":"t","b":%s}'
        )
        for inner in (nested, pit(depth)):
            answer = event(door, b'{"level":"error","%s":%s}' % (place, value % inner))
            assert answer.status_code in (200, 400), (place, depth)
            if depth <= 90 and place != b"event_id":
                assert answer.status_code == 200
    for stored in ErrorEvent.objects.all():
        assert nesting(zstandard.ZstdDecompressor().decompress(bytes(stored.payload))) <= MAX_NESTING + 5
    shown(door)


@pytest.mark.parametrize(
    "field", ["context", "input", "layer", "message", "error_id", "timestamp", "exception_chain", "unknown"]
)
def test_a_native_envelope_nested_at_any_depth(native: NativeDoor, field: str) -> None:
    for depth in DEPTHS:
        sent = json.dumps(an_envelope(**{field: "@"})).encode().replace(b'"@"', pit(depth))
        answer = native.post(sent)
        assert answer.status_code in (201, 400, 422), (field, depth)
        assert answer.headers["Content-Type"] in ("application/json", "application/problem+json")


def test_bodies_that_are_only_brackets(door: Door, native: NativeDoor, otlp: OtlpDoor) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000):
        assert door.post(body).status_code == 400
        assert event(door, body).status_code == 400
        assert native.post(body).status_code == 400
        assert native.post(body + b"\n" + body, "application/x-ndjson").status_code == 400
        assert otlp.post("logs", body, JSON).status_code == 400
        assert otlp.post("traces", body, JSON).status_code == 400
        assert otlp.post("logs", body, PROTOBUF).status_code == 400
        for path in ("store", "security"):
            answer = door.client.post(
                f"/api/{door.project_id}/{path}/?sentry_key={door.dsn.public_key}", body, "application/json"
            )
            assert answer.status_code == 400
    for kind in (b"client_report", b"check_in", b"user_report", b"feedback"):
        assert door.post(b'{}\n{"type":"%s"}\n%s' % (kind, b"[" * 100_000)).status_code == 200


# --- sizes and encodings ----------------------------------------------------------------------------------------------

_CHUNK = 1024 * 1024


def _packed(encoding: str, start: bytes) -> bytes:
    """100 MB of spaces behind `start`, compressed."""
    makers: dict[str, Callable[[], Any]] = {
        "gzip": lambda: zlib.compressobj(9, wbits=31), "deflate": lambda: zlib.compressobj(9),
        "br": lambda: brotli.Compressor(quality=5), "zstd": lambda: zstandard.ZstdCompressor(level=3).compressobj(),
    }  # fmt: skip
    packer = makers[encoding]()
    feed = packer.process if encoding == "br" else packer.compress
    parts = [feed(start), *(feed(b" " * _CHUNK) for _ in range(100))]
    parts.append(packer.finish() if encoding == "br" else packer.flush())
    return b"".join(parts)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_refused_at_every_door(door: Door, native: NativeDoor, otlp: OtlpDoor, encoding: str) -> None:
    bomb, header = _packed(encoding, b"{"), {"Content-Encoding": encoding}
    assert len(bomb) < _CHUNK
    begun = perf_counter()
    assert door.post(bomb, **header).status_code == 413
    assert native.post(bomb, **header).status_code == 413
    for kind in (JSON, PROTOBUF):
        assert otlp.post("logs", bomb, kind, **header).status_code == 413
    assert perf_counter() - begun < 30


def test_a_bomb_in_a_bomb_is_no_encoding_of_ours(door: Door) -> None:
    body = gzip.compress(gzip.compress(b"{}"))
    assert door.post(body, **{"Content-Encoding": "gzip, gzip"}).status_code == 415
    assert door.post(body, **{"Content-Encoding": "gzip"}).status_code == 400


def test_a_million_empty_members_cost_no_copy_each(door: Door) -> None:
    """Each member costs a copy of all that follow: 20 MB of empty ones would take hours."""
    answer = door.post(gzip.compress(b"") * 200_000, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert f"more than {MAX_MEMBERS} members" in answer.json()["detail"]


def test_an_event_too_large_to_shorten_counts_once(door: Door) -> None:
    answer = event(door, b'{"message":' + b"[" * 600 + b"]" * 600 + b',"extra":"' + b"x" * 1_200_000 + b'"')
    assert answer.status_code == 413
    assert "could not be shortened" in answer.json()["detail"]


def test_a_header_of_megabytes_is_not_made_objects_of(door: Door) -> None:
    assert door.post(b'{"a":[' + b"[]," * 300_000 + b"[]]}").status_code == 400
    later = b'{}\n{"type":"x"}\n1\n{"a":[' + b"[]," * 300_000 + b'[]]}\n{"type":"event"}\n{"message":"kept"}'
    assert door.post(later).status_code == 200
    assert ErrorEvent.objects.get().message == "kept"


def test_a_report_of_megabytes_reports_nothing(door: Door) -> None:
    report = b'{"discarded_events":[' + b"[]," * 500_000 + b"[]]}"
    assert door.post(b'{}\n{"type":"client_report"}\n' + report).status_code == 200
    assert not DroppedCount.objects.exists()


def test_large_bodies_are_read_a_few_at_a_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds all places taken is told when to come again; a small body needs none; a place is given back."""
    places = Places(1, what="large bodies", wait_s=0.01)
    monkeypatch.setattr(reading, "_handling", places)
    large, header = gzip.compress(b'{}\n{"type":"x"}\n' + b" " * 5_000_000), {"Content-Encoding": "gzip"}
    assert door.post(large, **header).status_code == 200
    places.take({})  # somebody else's
    refused = door.post(large, **header)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (429, "*")
    assert event(door, {"message": "small"}).status_code == 200


def test_large_bodies_are_received_a_few_at_a_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(1, what="large bodies", wait_s=0.01)
    monkeypatch.setattr(reading, "_receiving", places)
    large = b'{}\n{"type":"x"}\n' + b" " * 1_500_000
    assert [door.post(large).status_code for _ in range(3)] == [200] * 3
    places.take({})
    assert door.post(large).status_code == 429


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", ["²", "9" * 5_000, "-1", "1e3", "0x10", " "])
def test_a_length_that_is_no_number(door: Door, length: str) -> None:
    answer = door.client.post(
        f"/api/{door.project_id}/envelope/?sentry_key={door.dsn.public_key}",
        data=b"{}", content_type="text/plain", CONTENT_LENGTH=length,
    )  # fmt: skip
    assert answer.status_code < 500


def test_a_query_of_thousands_of_fields_is_refused_in_the_protocols_shape(door: Door) -> None:
    query = "&".join(f"a{number}=1" for number in range(3_000))
    answer = door.client.post(f"/api/{door.project_id}/envelope/?{query}", data=b"{}", content_type="text/plain")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (400, "*")
    assert answer.json()["detail"]


def test_the_reason_fits_a_header_whatever_was_sent(door: Door) -> None:
    answer = door.post(b"{}", **{"Content-Encoding": "x\r\nSet-Cookie: a=b\x0b\x7fü"})
    assert answer.status_code == 415
    assert answer.headers["X-Sentry-Error"].isprintable()


@pytest.mark.parametrize("project", ["0", "1" * 30, "9223372036854775808", "%00", "٣", "-1"])
def test_a_project_that_cannot_be(door: Door, project: str) -> None:
    assert door.client.post(f"/api/{project}/envelope/?sentry_key={'0' * 32}", b"{}", "text/plain").status_code in (
        400,
        403,
        404,
    )
