"""The pure parts of OTLP: whatever bytes come are read or refused; stacks of five languages; the waterfall's tree."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.errors.services.captured import Origin
from incidents.errors.services.otlp import bodies
from incidents.errors.services.otlp.bodies import JSON, PROTOBUF, Signal, body_decode
from incidents.errors.services.otlp.errors import found_capture, log_errors, span_errors
from incidents.errors.services.otlp.reading import logs_read, spans_read
from incidents.errors.services.otlp.spans import span_rows
from incidents.errors.services.otlp.stacks import stack_read
from incidents.errors.services.waterfall import SHOWN, waterfall_build
from readiness.infra.refusals import Malformed, TooLarge
from tests.errors.otlp import a_record, a_span, exception_event, logs, protobuf, traces
from tests.factories import KEYS

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORIGIN = Origin(1, trusted=True)

# --- whatever comes -------------------------------------------------------------------------------------------------


def take(body: bytes, content_type: str, signal: Signal) -> int:
    """The way of a body through everything that is pure; the number of its errors."""
    read = body_decode(body=body, content_type=content_type, signal=signal)
    if signal is Signal.LOGS:
        found = log_errors(logs=logs_read(body=read).logs, received_at=AT)
    else:
        spans = spans_read(body=read, received_at=AT).spans
        found = span_errors(spans=spans, received_at=AT)
        span_rows(spans=spans, project_id=1, failing=(), received_at=AT)
    return len([found_capture(found=one, origin=ORIGIN, keys=KEYS, received_at=AT) for one in found.found])


def refused_or_taken(body: bytes, content_type: str, signal: Signal) -> None:
    with suppress(Malformed, TooLarge):
        take(body, content_type, signal)


WHOLE = {
    Signal.LOGS: logs(a_record(traceId="ab" * 16), a_record(attributes=exception_event()["attributes"])),
    Signal.TRACES: traces(a_span(events=[exception_event()]), a_span(status={"code": 2})),
}
kinds = st.sampled_from([JSON, PROTOBUF])
signals = st.sampled_from(list(Signal))


@given(st.binary(max_size=400), kinds, signals)
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str, signal: Signal) -> None:
    refused_or_taken(body, content_type, signal)


@given(st.data(), kinds, signals)
def test_a_damaged_body_is_read_or_refused(data: st.DataObject, content_type: str, signal: Signal) -> None:
    whole = json.dumps(WHOLE[signal]).encode() if content_type == JSON else protobuf(WHOLE[signal])
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    refused_or_taken(bytes(body[: data.draw(st.integers(1, len(body)))]), content_type, signal)


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200)
@given(st.data(), signals)
def test_json_with_something_else_in_any_place_is_read_or_refused(data: st.DataObject, signal: Signal) -> None:
    body = json.loads(json.dumps(WHOLE[signal]))
    node: Any = body
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(STRANGE)
            break
        node = node[key]
    refused_or_taken(json.dumps(body).encode(), JSON, signal)


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_a_whole_body_has_its_errors(content_type: str, signal: Signal) -> None:
    body = json.dumps(WHOLE[signal]).encode() if content_type == JSON else protobuf(WHOLE[signal])
    assert take(body, content_type, signal) == 2


def test_a_body_of_very_many_messages_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_MESSAGES", 1_000)
    spans = b"\x12\x00" * 200_000  # two bytes a span
    scope = b"\x12" + _varint(len(spans)) + spans
    for body, content_type in ((b"\x0a" + _varint(len(scope)) + scope, PROTOBUF), (b"[" + b"{}," * 200_000, JSON)):
        with pytest.raises(TooLarge):
            body_decode(body=body, content_type=content_type, signal=Signal.TRACES)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


@pytest.mark.parametrize("opening", [b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":', b""])
def test_what_is_nested_without_end_is_refused(opening: bytes) -> None:
    for body in (opening + b'{"arrayValue":{"values":[' * 50_000, opening + b"[" * 500_000):
        with pytest.raises(Malformed):
            body_decode(body=body, content_type=JSON, signal=Signal.TRACES)
    with pytest.raises(Malformed):
        body_decode(body=b"\x0a\x04\x12\x02\x12\x7f" * 3, content_type=PROTOBUF, signal=Signal.TRACES)


# --- stacks ---------------------------------------------------------------------------------------------------------

JAVA = """java.lang.IllegalStateException: order 17 cannot be settled
\tat com.acme.shop.Orders.settle(Orders.java:42)
\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:897)
Caused by: java.util.NoSuchElementException: no stock
\tat com.acme.shop.Stock.take(Stock.java:7)
\t... 2 more
"""
NODE = """TypeError: Cannot read properties of undefined (reading 'total')
    at settle (/srv/shop/src/orders.js:12:9)
    at async Promise.all (index 0)
    at Layer.handle (/srv/shop/node_modules/express/lib/router/layer.js:95:5)
"""
GO = """goroutine 17 [running]:
runtime/debug.Stack()
\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e
github.com/acme/shop/orders.(*Till).Settle(0xc0000b2000, 0x11)
\t/home/ada/shop/orders/till.go:42 +0x1d
main.main()
\t/home/ada/shop/main.go:9 +0x17
"""
DOTNET = """System.InvalidOperationException: order 17 ---> System.Collections.Generic.KeyNotFoundException: total
   at Acme.Shop.Stock.Take(String sku) in /src/Shop/Stock.cs:line 7
   --- End of inner exception stack trace ---
   at Acme.Shop.Orders.Settle(Int32 id) in /src/Shop/Orders.cs:line 42
   at Microsoft.AspNetCore.Mvc.ControllerBase.Run()
"""
PYTHON = """Traceback (most recent call last):
  File "/srv/shop/stock.py", line 7, in take
    raise KeyError("sku")
KeyError: 'sku'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/venv/lib/python3.11/site-packages/django/core/handlers/base.py", line 197, in _get_response
    response = wrapped(request)
  File "/srv/shop/orders.py", line 12, in settle
    raise SettleError(17) from failure
shop.errors.SettleError: 17
"""


@pytest.mark.parametrize(
    ("text", "language", "raised", "cause", "in_app"),
    [
        (PYTHON, "python", "shop.errors.SettleError", "KeyError", ["settle"]),
        (JAVA, "java", "java.lang.IllegalStateException", "java.util.NoSuchElementException", ["settle"]),
        (NODE, "nodejs", "TypeError", None, ["settle"]),
        (GO, "go", "", None, ["main", "(*Till).Settle"]),
        (DOTNET, "dotnet", "System.InvalidOperationException", "System.Collections.Generic.KeyNotFoundException",
         ["Settle"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("hinted", [True, False])
def test_it_reads_the_stacks_of_five_languages(
    text: str, language: str, raised: str, cause: str | None, in_app: list[str], hinted: bool
) -> None:
    stack = stack_read(text=text, language=language if hinted else "")
    assert stack.language == language
    assert stack.links[-1].type == raised
    assert [link.type for link in stack.links[:-1]] == ([cause] if cause else [])
    assert [frame.function for frame in stack.links[-1].frames if frame.in_app] == in_app
    assert not any("/home/" in (frame.filename or "") for link in stack.links for frame in link.frames)


@given(st.text(max_size=300), st.sampled_from(["", "python", "java", "nodejs", "go", "dotnet", "cobol"]))
def test_any_text_is_a_stack_or_none(text: str, language: str) -> None:
    stack_read(text=text, language=language)


def test_a_long_stack_is_bounded() -> None:
    text = (
        "Traceback (most recent call last):\n" + '  File "/srv/a.py", line 1, in again\n' * 40_000 + "RecursionError\n"
    )
    stack = stack_read(text=text, language="python")
    assert stack.links[-1].type == "RecursionError"
    assert len(stack.links[-1].frames) <= 200


# --- the waterfall --------------------------------------------------------------------------------------------------


@dataclass
class Stored:
    span_id: str
    parent_span_id: str = ""
    started_at: datetime = AT
    duration_us: int = 1_000
    name: str = ""
    component: str = "shop"
    kind: str = "internal"
    status: str = "ok"
    attributes: dict[str, Any] = field(default_factory=dict)


def later(ms: float) -> datetime:
    return AT + timedelta(milliseconds=ms)


def test_nothing_is_an_empty_waterfall() -> None:
    assert waterfall_build(spans=[], span_id="a").total == 0


def test_one_span_fills_it() -> None:
    (line,) = waterfall_build(spans=[Stored("a", duration_us=0)], span_id="a").spans
    assert (line.start_ms, line.depth, line.here, line.name) == (0, 0, True, "internal")


def test_a_deep_chain_is_read_from_outside_in_and_keeps_both_its_ends() -> None:
    spans = [Stored(f"s{n}", f"s{n - 1}" if n else "", later(n), 100_000 - 1_000 * n, f"n{n}") for n in range(60)]
    drawn = waterfall_build(spans=spans[::-1], span_id="s59")
    top, inside = SHOWN // 3, SHOWN - SHOWN // 3
    assert [line.name for line in drawn.spans] == [f"n{n}" for n in (*range(top), *range(60 - inside, 60))]
    assert max(line.depth for line in drawn.spans) == 6
    assert drawn.spans[-1].here
    assert drawn.more == 60 - SHOWN


def test_of_very_many_those_stay_that_failed_and_what_is_above_them() -> None:
    chain = [Stored(f"c{n}", f"c{n - 1}" if n else "", later(n), 1, f"chain {n}") for n in range(5)]
    chain[-1].status = "error"
    others = [Stored(f"o{n}", "c0", later(n), 1_000 + n, f"other {n}") for n in range(400)]
    drawn = waterfall_build(spans=[*others, *chain], span_id=None)
    assert (len(drawn.spans), drawn.total) == (SHOWN, 405)
    names = {line.name for line in drawn.spans}
    assert names >= {f"chain {n}" for n in range(5)} | {"other 399"}
    assert "other 0" not in names


def test_a_service_whose_clock_is_behind_is_drawn_within_its_caller() -> None:
    spans = [
        Stored("web", started_at=later(0), duration_us=100_000, component="web"),
        Stored("own", "web", later(-1), 10_000, component="web"),  # the clock of one machine is left as it is
        Stored("call", "web", later(-4_000), 60_000, component="stock"),
        Stored("query", "call", later(-3_990), 20_000, component="stock"),
        Stored("longer", "web", later(-500), 300_000, component="mail"),
        Stored("back", "query", later(31), 5_000, component="web"),
    ]
    for span in spans:
        span.name = span.span_id
    drawn = waterfall_build(spans=spans, span_id=None)
    starts = {line.name: line.start_ms for line in drawn.spans}
    assert starts == {"web": 1, "own": 0, "call": 21, "query": 31, "longer": 1, "back": 32}
    assert drawn.duration_ms == 301
    assert dict(drawn.clocks_behind) == {"stock": 4_020, "mail": 500}


def test_a_span_whose_parent_is_not_known_stands_outermost() -> None:
    drawn = waterfall_build(spans=[Stored("b", "gone", later(5)), Stored("a", started_at=later(0))], span_id=None)
    assert [line.depth for line in drawn.spans] == [0, 0]
    assert drawn.callers_missing == 1


@pytest.mark.parametrize("ring", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_spans_that_stand_below_themselves_are_all_shown_once(ring: list[str]) -> None:
    spans = [Stored(name, ring[number - 1], name=name) for number, name in enumerate(ring)]
    assert sorted(line.name for line in waterfall_build(spans=spans, span_id=None).spans) == ring


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(-50, 50), st.booleans()), max_size=90))
def test_each_span_is_shown_once_or_counted(drawn: list[tuple[int, int, int, bool]]) -> None:
    spans = {
        f"s{own}": Stored(f"s{own}", f"s{above}", later(at), abs(at) * 10, f"s{own}", status="error" if bad else "ok")
        for own, above, at, bad in drawn
    }
    told = waterfall_build(spans=list(spans.values()), span_id="s1", limit=20)
    names = [line.name for line in told.spans]
    assert len(names) == len(set(names)) <= 20
    assert told.total == len(spans)
    assert all(line.start_ms >= 0 for line in told.spans)
