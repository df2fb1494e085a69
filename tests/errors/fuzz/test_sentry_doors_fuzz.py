"""Envelopes, store bodies, security reports, what comes beside events: whatever is sent, the answer is one of ours."""

import gzip
import json
import zlib
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from tests.errors.fuzz.conftest import Doors
from tests.errors.fuzz.sending import changed, damaged, deep, dumps, fuzz, header_texts, headers, leaves, values

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
FRAME = {
    "module": "shop.orders", "function": "settle", "filename": "shop/orders.py", "abs_path": "/srv/shop/orders.py",
    "lineno": 12, "in_app": True, "context_line": "return totals[order]", "pre_context": ["a"], "post_context": ["b"],
    "vars": {"order": "12"},
}  # fmt: skip
EVENT: dict[str, Any] = {
    "event_id": ID, "timestamp": "2026-03-01T12:00:00Z", "level": "error", "platform": "python", "logger": "shop",
    "transaction": "/pay", "release": "shop@1", "environment": "production", "server_name": "a", "dist": "1",
    "exception": {"values": [
        {"type": "KeyError", "value": "'total'", "module": "builtins", "stacktrace": {"frames": [FRAME, FRAME]},
         "mechanism": {"type": "chained", "handled": False, "exception_id": 1, "parent_id": 0,
                       "is_exception_group": True}},
        {"type": "Group", "value": "two", "stacktrace": {"frames": [FRAME]},
         "mechanism": {"type": "generic", "handled": True, "exception_id": 0, "is_exception_group": True}}]},
    "breadcrumbs": {"values": [{"timestamp": 1772366400.5, "type": "http", "category": "httplib", "level": "info",
                                "message": "GET", "data": {"url": "https://a.example/?token=1", "status_code": 200}}]},
    "request": {"url": "https://shop.example/pay?a=b", "method": "POST", "query_string": [["a", "b"]],
                "headers": [["Cookie", "session=abc"], ["Host", "shop.example"]], "cookies": {"a": "b"},
                "data": {"card": "4111111111111111"}, "env": {"REMOTE_ADDR": "10.0.0.1"}},
    "tags": {"a": "b", "run_id": "r1", "decision_id": "d1"}, "fingerprint": ["{{ default }}", "mine"],
    "extra": {"a": {"b": [1, 2]}}, "user": {"id": 1, "email": "a@example.test", "ip_address": "{{auto}}"},
    "contexts": {"trace": {"trace_id": ID, "span_id": "b7ad6b7169203331"}, "os": {"name": "Linux"}},
    "sdk": {"name": "sentry.python", "version": "2.0.0"}, "modules": {"django": "5.2"},
}  # fmt: skip
THREADS: dict[str, Any] = {
    "event_id": ID, "timestamp": 1772366400,
    "logentry": {"message": "%s broke", "params": ["it"], "formatted": "it broke"},
    "threads": {"values": [{"id": 1, "crashed": True, "current": True, "stacktrace": {"frames": [FRAME]}}]},
    "tags": [["a", "b"], ["error_class", "domain.budget_exceeded"], ["layer", "L4"]], "message": "it broke",
}  # fmt: skip
OLD = {"event_id": ID, "sentry.interfaces.Exception": [{"type": "A", "value": "b"}], "stacktrace": {"frames": [FRAME]},
       "message": {"message": "old", "formatted": "old"}, "sentry.interfaces.Http": {"url": "http://a/"}}  # fmt: skip
REPORT = {
    "timestamp": 1772366400,
    "discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 3}],
}
CHECK_IN = {"check_in_id": ID, "monitor_slug": "nightly", "status": "ok", "duration": 12.5, "environment": "production",
            "release": "shop@1", "monitor_config": {"schedule": {"type": "crontab", "value": "0 4 * * *"},
            "timezone": "UTC", "checkin_margin": 5, "max_runtime": 30},
            "contexts": {"trace": {"trace_id": ID}}}  # fmt: skip
EVERY = {"monitor_slug": "often", "status": "in_progress",
         "monitor_config": {"schedule": {"type": "interval", "value": 2, "unit": "hour"}}}  # fmt: skip
USER_REPORT = {"event_id": ID, "name": "Ada", "email": "ada@example.test", "comments": "It broke when I paid."}
FEEDBACK = {"event_id": ID, "release": "shop@1", "environment": "production", "user": {"id": "7"},
            "contexts": {"feedback": {"message": "It broke.", "contact_email": "ada@example.test", "name": "Ada",
            "url": "https://shop.example/pay?a=b", "associated_event_id": ID}, "trace": {"trace_id": ID}}}  # fmt: skip
HEADER = {"event_id": ID, "sent_at": "2026-03-01T12:00:00.000Z",
          "sdk": {"name": "sentry.python"}, "trace": {"trace_id": ID, "public_key": "0" * 32}}  # fmt: skip
CSP = {"csp-report": {"document-uri": "https://shop.example/pay", "violated-directive": "script-src",
       "disposition": "enforce", "effective-directive": "script-src-elem", "line-number": 7,
       "blocked-uri": "https://evil.example/a.js", "source-file": "https://shop.example/app.js",
       "referrer": "", "original-policy": "default-src 'self'"}}  # fmt: skip
REPORTING = [{"type": "csp-violation", "age": 10, "url": "https://shop.example/", "user_agent": "x",
              "body": {"documentURL": "https://shop.example/", "blockedURL": "inline",
                       "effectiveDirective": "style-src-elem", "disposition": "report", "sample": "a"}}]  # fmt: skip
EXPECT_CT = {"expect-ct-report": {"date-time": "2026-03-01T12:00:00Z", "hostname": "shop.example", "port": 443,
             "effective-expiration-date": "2026-03-01T12:00:00Z", "scts": [], "failure-mode": "enforce"}}  # fmt: skip
STAPLE = {"expect-staple-report": {"hostname": "shop.example", "port": 443, "response-status": "MISSING"}}
PINS = {"known-pins": ["a"], "hostname": "shop.example", "noted-hostname": "shop.example", "port": 443}

events = changed(EVENT, EVENT, THREADS, OLD)
items = st.one_of(
    st.tuples(st.just("event"), events),
    st.tuples(st.just("event"), events),
    st.tuples(st.just("client_report"), changed(REPORT)),
    st.tuples(st.just("check_in"), changed(CHECK_IN, EVERY)),
    st.tuples(st.just("user_report"), changed(USER_REPORT)),
    st.tuples(st.just("feedback"), changed(FEEDBACK)),
    st.tuples(st.sampled_from(["session", "attachment", "hologram", "transaction", "log"]), values),
)
lengths = st.one_of(
    st.sampled_from(["right", "right", "right", "none"]), st.integers(-3, 3), leaves.map(lambda leaf: [leaf])
)


@st.composite
def framed(draw: st.DrawFn, *, header: Any) -> bytes:
    """An envelope: its header, its items' headers, their lengths and newlines each right or wrong."""
    newline = draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"]))
    plain = draw(st.booleans()) or draw(st.booleans())
    parts = [dumps(draw(header), plain=plain)]
    for kind, content in draw(st.lists(items, max_size=4)):
        binary = kind == "attachment" and draw(st.booleans())
        payload = draw(st.binary(max_size=60)) if binary else dumps(content, plain=plain)
        told = draw(lengths)
        head: Any = {"type": kind}
        if told == "right":
            head["length"] = len(payload)
        elif isinstance(told, int):
            head["length"] = len(payload) + told
        elif isinstance(told, list):
            head["length"] = told[0]
        parts += [dumps(draw(changed(head, most=1)) if draw(st.integers(0, 9)) == 0 else head), payload]
    return newline.join(parts) + draw(st.sampled_from([b"", b"\n", b"\n\n"]))


@fuzz(160)
@given(data=st.data())
def test_envelopes(doors: Doors, data: st.DataObject) -> None:
    header = st.one_of(st.just({}), st.just({"event_id": ID}), changed(HEADER, most=2))
    answer = doors.sentry(data.draw(framed(header=header)))
    event_id = answer.json().get("id")
    assert event_id is None or len(event_id) == 32
    doors.all_readable()


@fuzz(110)
@given(event=events, times=st.integers(1, 2), told=st.booleans(), packed=st.booleans())
def test_an_acknowledged_event_is_in_the_table(doors: Doors, event: Any, times: int, told: bool, packed: bool) -> None:
    payload = dumps(event)
    head = {"type": "event", "length": len(payload)} if told else {"type": "event"}
    body = b"{}\n" + b"\n".join([json.dumps(head).encode(), payload] * times)
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    answer = doors.sentry(gzip.compress(body) if packed else body, headers=encoding)
    if answer.status_code == 200:
        # under the id that it came with, or one derived from its content when another event had that id before
        event_id = f"err_{answer.json()['id']}"
        assert doors.is_kept(event_id)
    doors.all_readable()


@fuzz(60)
@given(data=st.data(), header=headers)
def test_damaged_envelopes_under_odd_headers(doors: Doors, data: st.DataObject, header: dict[str, str]) -> None:
    packers = [lambda body: body, gzip.compress, zlib.compress]
    body = data.draw(damaged(data.draw(framed(header=st.just(HEADER)))))
    body = data.draw(st.sampled_from(packers))(body)
    doors.sentry(data.draw(damaged(body, most=1)), headers=header)
    doors.all_readable()


@fuzz(80)
@given(
    event=changed(OLD, EVENT, THREADS), packing=st.sampled_from(["plain", "plain", "old", "damaged"]), data=st.data()
)
def test_store_bodies_of_a_project_that_keeps_raw_input(
    doors: Doors, keeping: None, event: Any, packing: str, data: st.DataObject
) -> None:
    body = dumps(event)
    if packing == "old":
        body = b64encode(zlib.compress(body))
    if packing == "damaged":
        body = data.draw(damaged(body))
    answer = doors.sentry(body, "store")
    if answer.status_code == 200:
        assert doors.is_kept(f"err_{answer.json()['id']}")
    doors.all_readable()


@fuzz(80)
@given(report=changed(CSP, REPORTING, EXPECT_CT, STAPLE, PINS), header=headers, query=header_texts, bad=st.booleans(),
       data=st.data())  # fmt: skip
def test_security_reports(
    doors: Doors, report: Any, header: dict[str, str], query: str, bad: bool, data: st.DataObject
) -> None:
    body = data.draw(damaged(dumps(report))) if bad else dumps(report)
    said = f"?sentry_release={quote(query[:2_000])}&sentry_environment=%00%ff{quote(query[:200])}"
    header.pop("Content-Encoding", None)
    answer = doors.sentry(body, "security", headers=header, query=said)
    if answer.status_code == 200 and answer.json()["id"]:
        assert doors.is_kept(f"err_{answer.json()['id']}")
    doors.all_readable()


_KEYS = ["", "0" * 32, "G" * 32, "%00", "\x00", "ü", "a" * 31, "a" * 33, "mine", "MINE", "other"]


@fuzz(90)
@given(
    places=st.fixed_dictionaries(
        {},
        optional={name: st.sampled_from(_KEYS) for name in ("sentry", "authorization", "basic", "query", "dsn")},
    ),
    project=st.sampled_from(["mine", "0", "1" * 30, "-1", "%00", "a", "٣", "9223372036854775808", "1.0", "mine/..;"]),
    header=headers,
)
def test_keys_in_all_places(doors: Doors, places: dict[str, str], project: str, header: dict[str, str]) -> None:
    mine = doors.door.dsn.public_key
    key = {name: {"mine": mine, "MINE": mine.upper()}.get(value, value) for name, value in places.items()}
    sent = dict(header)
    sent.pop("Content-Encoding", None)
    if "sentry" in key:
        sent["X-Sentry-Auth"] = f"Sentry sentry_key={key['sentry']}"
    if "authorization" in key:
        sent["Authorization"] = f"Sentry sentry_version=7, sentry_key={key['authorization']}"
    elif "basic" in key:
        sent["Authorization"] = "Basic " + b64encode(f"{key['basic']}:".encode()).decode()
    query = f"?sentry_key={key['query'].replace(chr(0), '%00')}&sentry_version=7" if "query" in key else ""
    dsn = {"dsn": f"http://{key['dsn']}@shop.example/1"} if "dsn" in key else {}
    body = b"\n".join([json.dumps(dsn).encode(), b'{"type":"event"}', dumps(EVENT)])
    path = f"/api/{str(doors.door.project_id) if project == 'mine' else project}/envelope/{query}"
    answer = doors.send(path, body, content_type="text/plain", headers=sent)
    known = {key[name].lower() for name in key if key[name]} == {mine}
    if project == "mine" and known:
        assert answer.status_code == 200
    doors.all_readable()


def test_every_page_opens_on_what_was_stored(doors: Doors) -> None:
    for depth in (10, 100, 400, 700, 900):
        for place in ("extra", "contexts", "tags", "user", "request", "breadcrumbs", "exception"):
            event: dict[str, Any] = {
                "message": f"{place} {depth}",
                place: {"values": [{"a": deep(depth), "data": deep(depth)}], "a": deep(depth)},
            }
            doors.sentry(b'{}\n{"type":"event"}\n' + dumps(event))
    for odd in ("@raw:1e999@", "@raw:NaN@", "\ud800", "\x00", 10**30):
        event = {"message": repr(odd), "extra": {"a": odd}, "contexts": {"b": odd}, "breadcrumbs": [{"data": odd}]}
        doors.sentry(b'{}\n{"type":"event"}\n' + dumps(event))
    doors.all_readable()
    doors.pages_open()
