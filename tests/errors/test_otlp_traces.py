"""POST /otlp/v1/traces: exceptions of spans become errors, once each; a silent failure becomes one too."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from incidents.errors.adapters import error_view
from incidents.errors.models import ErrorEvent, Span
from incidents.triage.models import Incident
from tests.errors.otlp import (
    PROTOBUF,
    SPAN,
    STACK,
    TRACE,
    OtlpDoor,
    a_span,
    attributes,
    exception_event,
    now,
    protobuf,
    traces,
)


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_it_makes_an_error_and_its_incident_of_an_exception(otlp: OtlpDoor, encoding: str) -> None:
    span = a_span(traceId=TRACE, spanId=SPAN, events=[exception_event()], status={"code": 2, "message": "KeyError"})
    body = traces(span)
    answer = otlp.post("traces", body) if encoding == "json" else otlp.post("traces", protobuf(body), PROTOBUF)
    assert answer.status_code == 200
    if encoding == "json":
        assert (answer["Content-Type"], answer.json()) == ("application/json", {})
    else:
        assert answer["Content-Type"] == PROTOBUF
        assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    event = ErrorEvent.objects.get()
    assert (event.correlation_id, event.span_id, event.component) == (TRACE, SPAN, "shop-api")
    assert (event.release, event.environment, event.exception_type) == ("1.4.2", "staging", "KeyError")
    assert event.project_id == otlp.project_id
    incident = Incident.objects.get()
    assert (incident.title, incident.occurrences) == ("KeyError: 'total'", 1)
    view = error_view(event)
    (place,) = [frame for frame in view.exceptions[0].frames if frame.in_app]
    assert (place.function, place.line, place.place) == ("settle", 12, "shop/shop/orders.py")
    assert "site-packages" not in str(view), "who built it, and where, stays away"


def _bubbling(**fields: object) -> list[dict[str, object]]:
    """The same exception on a span and on the two above it, as every SDK records it on its way up."""
    outer = a_span(traceId=TRACE, spanId="01" * 8, name="POST /orders")
    middle = a_span(traceId=TRACE, spanId="02" * 8, parentSpanId="01" * 8, kind=1, name="settle")
    inner = a_span(traceId=TRACE, spanId="03" * 8, parentSpanId="02" * 8, kind=3, name="SELECT", **fields)
    for span in (inner, middle, outer):
        span["events"] = [exception_event()]
        span["status"] = {"code": 2}
    return [inner, middle, outer]


def test_it_counts_an_exception_once_that_passes_through_spans(otlp: OtlpDoor) -> None:
    assert otlp.traces(*_bubbling()).status_code == 200
    assert ErrorEvent.objects.get().span_id == "03" * 8, "it belongs to the span in which it was raised"
    assert Incident.objects.get().occurrences == 1


def test_it_counts_it_once_across_exports(otlp: OtlpDoor) -> None:
    """A SimpleSpanProcessor exports each span as it ends: the inner ones first."""
    for span in _bubbling():
        assert otlp.traces(span).status_code == 200
    assert ErrorEvent.objects.count() == 1
    assert Incident.objects.get().occurrences == 1


def test_it_counts_failures_beside_each_other_apart(otlp: OtlpDoor) -> None:
    root = a_span(traceId=TRACE, spanId="01" * 8)
    tries = [
        a_span(traceId=TRACE, spanId=f"1{number}" * 8, parentSpanId="01" * 8, kind=3, events=[exception_event()])
        for number in range(3)
    ]
    assert otlp.traces(*tries, root).status_code == 200
    assert Incident.objects.get().occurrences == 3


def test_it_knows_a_retried_export(otlp: OtlpDoor) -> None:
    body = traces(*_bubbling(), a_span(status={"code": 2, "message": "boom"}))
    for _ in range(2):
        assert otlp.post("traces", body).json() == {}
    assert sorted(Incident.objects.values_list("occurrences", flat=True)) == [1, 1]
    assert Span.objects.count() == 4


@pytest.mark.parametrize(
    ("kind", "code", "parent", "becomes"),
    [
        (2, 2, "", "POST /orders: answered 502"),
        (5, 2, "0a" * 8, "POST /orders: answered 502"),
        (1, 2, "", "POST /orders: answered 502"),
        (3, 2, "0a" * 8, None),  # a client's call under an entry that may have gone well
        (1, 2, "0a" * 8, None),
        (2, 0, "", None),
        (2, 1, "", None),
    ],
)
def test_it_makes_an_error_of_an_entry_that_failed_without_a_word(
    otlp: OtlpDoor, kind: int, code: int, parent: str, becomes: str | None
) -> None:
    span = a_span(kind=kind, status={"code": code}, parentSpanId=parent)
    span["attributes"] = attributes({"http.response.status_code": 502, "http.request.method": "POST"})
    assert otlp.traces(span).status_code == 200
    assert list(Incident.objects.values_list("title", flat=True)) == ([becomes] if becomes else [])
    assert Span.objects.count() == 1


def test_it_takes_the_deepest_of_entries_that_failed_without_a_word(otlp: OtlpDoor) -> None:
    edge = a_span(traceId=TRACE, spanId="01" * 8, name="GET /", status={"code": 2})
    call = a_span(traceId=TRACE, spanId="02" * 8, parentSpanId="01" * 8, kind=3, status={"code": 2})
    inner = a_span(traceId=TRACE, spanId="03" * 8, parentSpanId="02" * 8, name="GET /stock", status={"code": 2})
    assert otlp.traces(edge, call, inner).status_code == 200
    assert Incident.objects.get().title == "GET /stock: failed"


def test_it_says_nothing_of_a_silent_entry_whose_trace_has_an_error(otlp: OtlpDoor) -> None:
    inner, root = _bubbling()[0], a_span(traceId=TRACE, spanId="01" * 8, status={"code": 2})
    otlp.traces(inner)  # earlier, in another export
    otlp.traces(root)
    assert Incident.objects.get().title == "KeyError: 'total'"


def test_it_takes_layers_from_the_kind_of_the_entry(otlp: OtlpDoor) -> None:
    consumer = a_span(traceId=TRACE, spanId="01" * 8, kind=5, name="orders process")
    inner = a_span(traceId=TRACE, spanId="02" * 8, parentSpanId="01" * 8, kind=1, events=[exception_event()])
    otlp.traces(inner, consumer)
    server = a_span(
        events=[exception_event()], attributes=attributes({"url.path": "/orders", "http.request.method": "POST"})
    )
    otlp.traces(server)
    assert sorted(ErrorEvent.objects.values_list("layer", flat=True)) == ["L2", "L5"]


def test_it_hashes_and_drops_raw_input_and_scrubs_the_rest(otlp: OtlpDoor) -> None:
    secrets = {
        "http.request.body.content": '{"card": "4111 1111 1111 1111"}', "url.query": "coupon=SPRING",
        "url.full": "https://ada:hunter2@shop.example/orders?coupon=SPRING",
        "http.request.header.cookie": ["sid=deadbeef01"],
        "db.query.text": "SELECT * FROM people WHERE mail = 'ada@example.test' AND age > 41",
        "db.query.parameter.mail": "ada@example.test", "enduser.id": "ada-7", "client.address": "203.0.113.9",
        "note": "call ada@example.test, password=hunter2", "api_key": "k-123456", "http.request.method": "POST",
    }  # fmt: skip
    event = exception_event(**{"exception.message": "no account for ada@example.test", "exception.stacktrace": ""})
    assert otlp.traces(a_span(attributes=attributes(secrets), events=[event])).status_code == 200
    stored = ErrorEvent.objects.get()
    everything = f"{error_view(stored)} {stored.message} {stored.context} {list(Span.objects.values())}"
    for secret in (
        "4111 1111",  # four digits alone may stand in a hash
        "SPRING",
        "hunter2",
        "deadbeef",
        "ada@example.test",
        "ada-7",
        "203.0.113",
        "k-123456",
        "> 41",
    ):
        assert secret not in everything, secret
    assert stored.input_hash
    assert stored.context["user_hash"]
    assert Span.objects.get().attributes["db.query.text"] == "SELECT * FROM people WHERE mail = ? AND age > ?"


def test_it_never_calls_an_incident_by_a_stack(otlp: OtlpDoor) -> None:
    only_stack = {"name": "exception", "timeUnixNano": now(), "attributes": exception_event()["attributes"][2:]}
    otlp.traces(a_span(events=[only_stack]))
    assert Incident.objects.get().title == "KeyError: 'total'"


def test_it_groups_what_observers_at_different_heights_saw(otlp: OtlpDoor) -> None:
    """Python's stack grows on its way up: the same failure seen from further out has more frames."""
    short = "\n".join(line for number, line in enumerate(STACK.splitlines()) if number not in (1, 2))
    otlp.traces(a_span(events=[exception_event()]))
    otlp.traces(a_span(events=[exception_event(**{"exception.stacktrace": short})]))
    assert Incident.objects.get().occurrences == 2


def test_it_takes_an_exception_that_was_dealt_with_as_a_warning(otlp: OtlpDoor) -> None:
    otlp.traces(a_span(status={"code": 1}, events=[exception_event()]))
    assert ErrorEvent.objects.get().severity == "WARNING"
