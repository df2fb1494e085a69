"""The pure parts of the Sentry protocol: framing, encodings, trimming, limits in headers, schedules. No database."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors.services.check_ins import job_health
from incidents.errors.services.cron import crontab_read, run_missed
from incidents.errors.services.decoding import body_decode
from incidents.errors.services.framing import MAX_LINES_PASSED, envelope_parse
from incidents.errors.services.normalising import clock_drift, timestamp_parse
from incidents.errors.services.rate_limits import CaptureLimited, Limit, limit_headers, refusal_headers
from incidents.errors.services.trimming import MAX_BAG_BYTES, MAX_ENTRY_BYTES, bag_trim, event_trim
from readiness.infra.refusals import Malformed, RateLimited, TooLarge, Unavailable

EVENT = b'{"message":"kept"}'


def types(body: bytes) -> list[str]:
    return [item.type for item in envelope_parse(body=body)[1]]


# --- framing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        b'{}\n{"no":"payload of its own"}',  # no type
        b'{"type":null}\nx',
        b'{"type":["event"]}\nx',
        b'{"type":"hologram"}\nbinary \x00\xff and so on',
        b'{"type":"hologram","length":3}\na\nb',
        b'{"type":"hologram","length":"3"}\na\nb',
        b'{"type":"hologram","length":3.0}\na\nb',
        b'{"type":"hologram","length":-5}\nabc',
        b'{"type":"hologram","length":null}\nabc',
        b'{"type":"hologram","length":true}\nabc',
        b'{"type":"hologram","length":{"a":1}}\nabc',
        b'{"type":"hologram","length":0}\n',
        b'{"type":"hologram","length":2}\ntoo short a length',
        b'{"type":"hologram","length":999999}\ntoo long a length',
        b'{"type":"hologram","length":1e300}\nabc',
        b'{"type":"hologram"}\nx\n\n\n\n',
        b'{"type":"hologram"}\nx\nno header at all\n[1]\n"?"',
        b'{"type":"hologram"}\r\nx\r',
    ],
)
def test_whatever_comes_before_an_event_it_is_not_lost(before: bytes) -> None:
    _, items = envelope_parse(body=b"{}\n" + before + b'\n{"type":"event"}\n' + EVENT)
    assert [item.payload for item in items if item.type == "event"] == [EVENT]


def test_a_length_in_characters_does_not_cut_an_event() -> None:
    payload = '{"message":"größer ✓"}'
    body = b"{}\n" + json.dumps({"type": "event", "length": len(payload)}).encode() + b"\n" + payload.encode()
    more = body + b'\n{"type":"session"}\n{}'
    for sent in (body, more):
        assert envelope_parse(body=sent)[1][0].payload == payload.encode()
    assert types(more) == ["event", "session"]


def test_a_payload_with_newlines_is_whole_when_its_length_is_told() -> None:
    payload = b'{\n "message":\n "x"\n}'
    body = b'{}\n{"type":"event","length":' + str(len(payload)).encode() + b"}\n" + payload + b"\n"
    assert envelope_parse(body=body)[1][0].payload == payload


@pytest.mark.parametrize("kind", ["event", "feedback", "check_in", "client_report", "user_report"])
def test_what_matters_and_was_cut_off_is_refused(kind: str) -> None:
    with pytest.raises(Malformed, match="cut off"):
        envelope_parse(body=b'{}\n{"type":"' + kind.encode() + b'","length":50}\n{"message":"x"}')


def test_lines_that_are_no_headers_are_passed_over_up_to_a_bound() -> None:
    start = b'{}\n{"type":"x"}\n1'
    assert types(start + b"\n?" * MAX_LINES_PASSED) == ["x"]
    with pytest.raises(Malformed):
        envelope_parse(body=start + b"\n?" * (MAX_LINES_PASSED + 1))
    assert types(start + b"\n" * 5_000_000) == ["x"], "newlines alone cost nothing"


@given(
    payloads=st.lists(st.tuples(st.sampled_from(["event", "x", ""]), st.binary(max_size=60), st.booleans()), max_size=8)
)
def test_it_gives_back_what_was_framed(payloads: list[tuple[str, bytes, bool]]) -> None:
    parts = [b'{"event_id":"1"}']
    expected = []
    for kind, payload, told in payloads:
        sent = payload if told else payload.replace(b"\n", b" ")
        head: dict[str, Any] = {"type": kind} if kind else {}
        parts += [json.dumps({**head, "length": len(sent)} if told else head).encode(), sent]
        expected.append((kind, sent))
    header, items = envelope_parse(body=b"\n".join(parts))
    assert header == {"event_id": "1"}
    assert [(item.type, item.payload) for item in items] == expected


@given(body=st.binary(max_size=300))
def test_no_bytes_break_it(body: bytes) -> None:
    for sent in (body, b"{}\n" + body, b'{}\n{"type":"event"}\n' + body):
        try:
            envelope_parse(body=sent)
        except Malformed:
            continue


# --- encodings ----------------------------------------------------------------------------------------------------


def test_gzip_in_several_members_is_one_body() -> None:
    raw = gzip.compress(b"first ") + gzip.compress(b"second")
    assert body_decode(raw=raw, encoding="gzip", limit=100) == b"first second"
    with pytest.raises(TooLarge):
        body_decode(raw=gzip.compress(b"x" * 60) * 2, encoding="gzip", limit=100)
    with pytest.raises(Malformed):
        body_decode(raw=raw[:-3], encoding="gzip", limit=100)


@given(raw=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "deflate", "br", "zstd", "", "UTF-8"]))
def test_no_compressed_bytes_break_it(raw: bytes, encoding: str) -> None:
    try:
        assert len(body_decode(raw=raw, encoding=encoding, limit=1_000)) <= 1_000
    except (Malformed, TooLarge):
        pass


@given(body=st.binary(max_size=500))
def test_deflate_is_read_with_and_without_its_frame(body: bytes) -> None:
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        packed = zlib.compressobj(wbits=bits)
        raw = packed.compress(body) + packed.flush()
        assert body_decode(raw=raw, encoding="deflate", limit=500) == body


# --- trimming -----------------------------------------------------------------------------------------------------

LIMIT = 100_000


def frames(count: int, **fields: Any) -> dict[str, Any]:
    made = [{"module": "shop", "function": f"f{number}", "lineno": number, **fields} for number in range(count)]
    return {"values": [{"type": "KeyError", "value": "'x'", "stacktrace": {"frames": made}}]}


def trimmed(event: dict[str, Any]) -> dict[str, Any]:
    result = event_trim(payload=json.dumps(event).encode(), limit=LIMIT)
    assert len(result) <= LIMIT
    kept: dict[str, Any] = json.loads(result)
    return kept


def test_an_event_that_fits_is_left_alone() -> None:
    payload = json.dumps({"message": "x", "unknown": 1}).encode()
    assert event_trim(payload=payload, limit=LIMIT) is payload


def test_it_loses_first_what_is_missed_least() -> None:
    event = {"event_id": "a" * 32, "exception": frames(60, context_line="    x = 1"), "extra": {"a": "x" * LIMIT},
             "breadcrumbs": [{"message": "b"}], "contexts": {"trace": {"trace_id": "t"}, "os": {}}}  # fmt: skip
    kept = trimmed(event)
    assert kept["exception"] == event["exception"]
    assert (kept["breadcrumbs"], kept["contexts"]) == (event["breadcrumbs"], event["contexts"])
    assert "left out or cut: extra" in kept["extra"]["truncated"]
    assert f"over the limit of {LIMIT}" in kept["extra"]["truncated"]


def test_it_keeps_the_trace_and_the_ends_of_the_stack_when_all_is_large() -> None:
    stacks = frames(400, context_line="x" * 500, vars={"a": 1})
    event = {"event_id": "a" * 32, "message": "m" * LIMIT, "exception": stacks,
             "extra": {"a": "x" * LIMIT}, "breadcrumbs": [{"message": "x" * LIMIT}], "user": {"id": "u" * LIMIT},
             "contexts": {"trace": {"trace_id": "t"}, "blob": "x" * LIMIT}, "tags": {"a": "b"},
             "request": {"url": "/a", "method": "GET", "headers": {"A": "b"}, "data": "x" * LIMIT}}  # fmt: skip
    kept = trimmed(event)
    stack = kept["exception"]["values"][0]["stacktrace"]["frames"]
    assert [stack[0]["function"], stack[-1]["function"], len(stack)] == ["f0", "f399", 50]
    assert "vars" not in stack[0]
    assert kept["contexts"] == {"trace": {"trace_id": "t"}}
    assert kept["request"] == {"url": "/a", "method": "GET", "headers": {"A": "b"}}
    assert (kept["event_id"], kept["tags"]) == ("a" * 32, {"a": "b"})
    for name in ("extra", "breadcrumbs", "contexts", "request", "exception", "message", "user"):
        assert name in kept["extra"]["truncated"]


@pytest.mark.parametrize(
    "payload", [b"[" * 200_000, b'{"a": ' * 40_000, b"x" * 200_000, b'{"message": NaN' + b" " * LIMIT]
)
def test_what_cannot_be_shortened_is_refused_with_the_limit(payload: bytes) -> None:
    with pytest.raises(TooLarge, match=f"at most {LIMIT}"):
        event_trim(payload=payload, limit=LIMIT)


def test_a_bag_keeps_its_small_entries_and_the_size_of_large_ones() -> None:
    kept = bag_trim(json.dumps({"large": "x" * MAX_ENTRY_BYTES, "small": {"a": [1]}}).encode())
    assert kept == {"large": f"[{MAX_ENTRY_BYTES + 2} bytes, over the limit of {MAX_ENTRY_BYTES}]", "small": {"a": [1]}}
    many = {str(number): "x" * 1_000 for number in range(400)}
    kept = bag_trim(json.dumps(many).encode())
    assert kept is not None
    assert len(json.dumps(kept)) < MAX_BAG_BYTES + 10_000
    assert "more entries" in kept["truncated"]
    assert bag_trim(json.dumps({str(n): "x" * 1_000 for n in range(100)}).encode()) is None


# --- clocks -------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent_at", "timestamp", "expected"),
    [
        ("2026-03-10T12:00:00Z", "2026-03-10T11:59:00Z", "11:59:00"),  # clocks agree
        ("2026-03-10T11:59:30Z", "2026-03-10T11:59:20Z", "11:59:20"),  # half a minute is transit, not drift
        ("2026-03-10T10:00:00Z", "2026-03-10T09:59:00Z", "11:59:00"),  # two hours slow
        ("2026-03-10T15:00:00.123456789Z", "2026-03-10T14:58:00Z", "11:57:59"),  # three hours fast
        ("2026-03-10T15:00:00+03:00", 1773143940, "11:59:00"),  # another zone, the same moment
        ("soon", "2026-03-10T11:59:00Z", "11:59:00"),
        (None, "2026-03-10T11:59:00", "11:59:00"),
        (None, "2026-03-10T12:30:00Z", "12:00:00"),  # nothing comes from the future
    ],
)
def test_it_corrects_the_senders_clock(sent_at: object, timestamp: Any, expected: str) -> None:
    at = timestamp_parse(timestamp, NOW, clock_drift(sent_at, NOW))
    assert f"{at:%H:%M:%S}" == expected


# --- limits in headers --------------------------------------------------------------------------------------------


def test_every_429_says_for_how_long_and_for_what() -> None:
    told = refusal_headers(CaptureLimited("Slow down.", seconds=29.2, reason="Key limit!"))
    assert told == {"Retry-After": "30", "X-Sentry-Rate-Limits": "30:error:project:keylimit"}
    assert refusal_headers(RateLimited("Slow down.")) == {
        "Retry-After": "60", "X-Sentry-Rate-Limits": "60:error:project:limited",
    }  # fmt: skip
    given_seconds = refusal_headers(RateLimited("Slow down.", headers={"Retry-After": "7"}))
    assert given_seconds["X-Sentry-Rate-Limits"] == "7:error:project:limited"


def test_a_503_says_when_to_come_again_and_a_200_only_what_holds() -> None:
    assert refusal_headers(Unavailable("Gone."))["Retry-After"] == "5"
    assert limit_headers([]) == {}
    assert limit_headers([Limit(0.1, "spike"), Limit(10**9, "", category="")]) == {
        "X-Sentry-Rate-Limits": "1:error:project:spike, 3600::project:limited"
    }


# --- schedules ----------------------------------------------------------------------------------------------------


def missed(schedule: str, last: str, now: str, *, timezone: str = "UTC", margin: int = 1) -> str | None:
    due = run_missed(
        schedule=schedule,
        timezone=timezone,
        last_started_at=datetime.fromisoformat(f"{last}+00:00"),
        margin=timedelta(minutes=margin),
        now=datetime.fromisoformat(f"{now}+00:00"),
    )
    return f"{due:%m-%d %H:%M}" if due else None


@pytest.mark.parametrize(
    ("schedule", "last", "now", "expected"),
    [
        ("0 4 * * *", "2026-03-10T04:00:05", "2026-03-10T23:00:00", None),
        ("0 4 * * *", "2026-03-09T04:00:05", "2026-03-10T04:00:59", None),  # within its margin
        ("0 4 * * *", "2026-03-09T04:00:05", "2026-03-10T04:01:30", "03-10 04:00"),
        ("0 4 * * *", "2026-03-10T03:59:30", "2026-03-10T04:05:00", None),  # a clock half a minute fast
        ("* * * * *", "2026-03-10T04:00:01", "2026-03-10T04:01:59", None),
        ("* * * * *", "2026-03-10T04:00:01", "2026-03-10T04:05:00", "03-10 04:04"),
        ("*/15 9-17 * * mon-fri", "2026-03-06T17:45:00", "2026-03-09T08:59:00", None),  # over a weekend
        ("*/15 9-17 * * mon-fri", "2026-03-06T17:45:00", "2026-03-09T09:20:00", "03-09 09:15"),
        ("0 0 13 * 5", "2026-03-06T00:00:00", "2026-03-13T01:00:00", "03-13 00:00"),  # either day field
        ("@monthly", "2026-02-01T00:00:00", "2026-02-28T00:00:00", None),
        ("@monthly", "2026-02-01T00:00:00", "2026-03-02T00:00:00", "03-01 00:00"),
        ("0 0 29 2 *", "2024-02-29T00:00:00", "2026-03-10T00:00:00", None),  # none in a year
        ("every 15 minutes", "2026-03-10T04:00:00", "2026-03-10T04:15:30", None),
        ("every 15 minutes", "2026-03-10T04:00:00", "2026-03-10T04:16:30", "03-10 04:15"),
        ("every 1 day", "2026-03-10T04:00:00", "2026-03-12T00:00:00", "03-11 04:00"),
        ("", "2020-01-01T00:00:00", "2026-03-10T04:00:00", None),
        ("no schedule", "2020-01-01T00:00:00", "2026-03-10T04:00:00", None),
    ],
)
def test_it_knows_when_a_run_was_missed(schedule: str, last: str, now: str, expected: str | None) -> None:
    assert missed(schedule, last, now) == expected


def test_a_schedule_is_kept_in_its_own_time_zone() -> None:
    berlin: dict[str, Any] = {"timezone": "Europe/Berlin"}
    assert missed("0 4 * * *", "2026-03-09T03:00:05", "2026-03-10T03:05:00", **berlin) == "03-10 03:00"
    assert missed("0 4 * * *", "2026-03-09T03:00:05", "2026-03-10T02:05:00", **berlin) is None
    assert missed("0 4 * * *", "2026-03-09T04:00:05", "2026-03-10T04:05:00", timezone="../etc") == "03-10 04:00"


@pytest.mark.parametrize(
    "line", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
             "*/0 * * * *", "*-5 * * * *", "H * * * *", "a b c d e", "* * * * mon#2", "-1 * * * *", "1,,2 * * * *"],
)  # fmt: skip
def test_what_is_no_crontab_line_is_none(line: str) -> None:
    assert crontab_read(line) is None


@given(st.text(alphabet="0123456789*/,- @monday", max_size=30))
def test_no_line_breaks_it(line: str) -> None:
    missed(line, "2026-03-09T04:00:05", "2026-03-10T04:05:00")


@pytest.mark.parametrize(
    ("status", "minutes_ago", "word"),
    [("ok", 5, "OK"), ("error", 5, "Failed"), ("in_progress", 5, "Running"), ("in_progress", 31, "Overrun")],
)
def test_a_job_stands_as_its_last_run_says(status: str, minutes_ago: int, word: str) -> None:
    health = job_health(
        status=status, started_at=NOW - timedelta(minutes=minutes_ago), schedule="", timezone="", margin_minutes=1,
        longest_minutes=30, now=NOW,
    )  # fmt: skip
    assert health.word == word
