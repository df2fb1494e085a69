"""The Sentry protocol's doors over HTTP: keys in every place, CORS, methods, /store/, limits in headers."""

import base64
import json
import zlib
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from incidents.errors.adapters import error_view
from incidents.errors.ingest.answers import sentry_door
from incidents.errors.models import DroppedCount, ErrorEvent
from tests.errors.conftest import Door
from tests.factories import an_event

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
}
DOORS = ("envelope", "store", "security")


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:'.encode()).decode()}"


def post(door: Door, path: str, body: Any, content_type: str = "text/plain", **headers: str) -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return door.client.post(f"/api/{door.project_id}/{path}", data=data, content_type=content_type, headers=headers)


# --- keys ---------------------------------------------------------------------------------------------------------


def test_it_takes_the_key_from_each_place_and_from_several_that_agree(door: Door) -> None:
    key = door.dsn.public_key
    sentry, dsn = f"Sentry sentry_key={key}, sentry_version=7", f"https://{key}:old-secret@h/prefix/{door.project_id}"
    places: list[tuple[str, dict[str, str], dict[str, Any]]] = [
        ("", {"X-Sentry-Auth": sentry}, {}),
        ("", {"Authorization": sentry}, {}),
        ("", {"Authorization": sentry.replace(key, key.upper())}, {}),
        ("", {"Authorization": basic(key)}, {}),
        (f"?sentry_version=7&sentry_key={key}", {}, {}),
        ("", {}, {"dsn": dsn}),
        (f"?sentry_key={key}", {"X-Sentry-Auth": sentry, "Authorization": basic(key)}, {"dsn": dsn}),
    ]
    for number, (query, headers, header) in enumerate(places, 1):
        body = door.envelope(({"type": "event"}, json.dumps(an_event()).encode()), header=header)
        assert post(door, f"envelope/{query}", body, **headers).status_code == 200, (query, headers, header)
        assert ErrorEvent.objects.count() == number


def test_a_proxys_own_password_says_nothing(door: Door) -> None:
    body = door.event_envelope(an_event())
    answer = door.post(body, Authorization=basic("admin"))
    assert answer.status_code == 200
    assert post(door, "envelope/", body, Authorization=basic("admin")).status_code == 401
    assert post(door, "envelope/", body, Authorization="Basic %%%").status_code == 401


@pytest.mark.parametrize("where", ["header", "query", "dsn"])
def test_a_key_that_disagrees_is_refused_wherever_it_stands(door: Door, where: str) -> None:
    other = "f" * 32
    header = {"dsn": f"http://{other}@h/1"} if where == "dsn" else {}
    body = door.envelope(({"type": "event"}, json.dumps(an_event()).encode()), header=header)
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={door.dsn.public_key}"}
    if where == "header":
        auth["Authorization"] = basic(other)
    query = f"?sentry_key={other}" if where == "query" else ""
    answer = post(door, f"envelope/{query}", body, **auth)
    assert (answer.status_code, "disagree" in answer.json()["detail"]) == (401, True)
    assert ErrorEvent.objects.count() == 0


# --- CORS and methods ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*(f"{name}/" for name in DOORS), *DOORS])
def test_browsers_may_ask_first_and_read_every_answer(door: Door, path: str) -> None:
    asked = door.client.options(f"/api/{door.project_id}/{path}", headers={"Origin": "https://shop.example"})
    assert asked.status_code == 204
    assert {name: asked.headers[name] for name in asked.headers if name.startswith("Access-Control")} == {
        **CORS,
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "x-sentry-auth, x-requested-with, origin, referer, accept, content-type, "
        "authentication, authorization, content-encoding, sentry-trace, baggage",
        "Access-Control-Max-Age": "3600",
    }
    refused = door.client.post(f"/api/{door.project_id}/{path}", data=b"{}", content_type="text/plain")
    assert (refused.status_code, refused.headers["X-Sentry-Error"]) == (401, refused.json()["detail"])
    wrong = door.client.get(f"/api/{door.project_id}/{path}")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST, OPTIONS")
    unnamed = door.client.post(f"/api/shop/{path}", data=b"x", content_type="text/plain")
    assert (unnamed.status_code, "ends in a number" in unnamed.json()["detail"]) == (400, True)
    for answer in (refused, wrong, unnamed):
        assert {name: answer.headers[name] for name in CORS} == CORS
    assert {name: door.post(b"{}").headers[name] for name in CORS} == CORS


@pytest.mark.parametrize(
    "content_type", ["", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_any_content_type_means_an_envelope(door: Door, content_type: str) -> None:
    key = door.dsn.public_key
    body = door.event_envelope(an_event(message="a=1&b=2"))
    assert post(door, f"envelope/?sentry_key={key}", body, content_type).status_code == 200
    assert ErrorEvent.objects.count() == 1


# --- the old store endpoint ---------------------------------------------------------------------------------------


def store(door: Door, body: bytes, **headers: str) -> Any:
    return post(door, f"store/?sentry_key={door.dsn.public_key}", body, "application/octet-stream", **headers)


def test_store_takes_plain_json_and_base64_over_zlib(door: Door) -> None:
    first, second = an_event(), an_event()
    assert store(door, json.dumps(first).encode()).json() == {"id": first["event_id"]}
    packed = base64.b64encode(zlib.compress(json.dumps(second).encode()))
    assert store(door, packed).json() == {"id": second["event_id"]}
    deflated = zlib.compress(json.dumps(an_event()).encode())
    assert store(door, deflated, **{"Content-Encoding": "deflate"}).status_code == 200
    assert ErrorEvent.objects.count() == 3


def test_store_understands_the_names_of_its_time(door: Door) -> None:
    old = {
        "event_id": "a" * 32,
        "sentry.interfaces.Message": {"message": "order %s failed", "params": ["12"]},
        "sentry.interfaces.Http": {"url": "http://shop/cart?token=s3cret", "method": "GET"},
        "stacktrace": {"frames": [{"module": "shop.cart", "function": "add", "filename": "cart.py", "in_app": True}]},
    }
    assert store(door, json.dumps(old).encode()).status_code == 200
    event = ErrorEvent.objects.get()
    assert (event.message, error_view(event).request) == ("order %s failed", "GET http://shop/cart")
    other_words = {**old, "event_id": "b" * 32, "sentry.interfaces.Message": {"message": "quite another text"}}
    store(door, json.dumps(other_words).encode())
    assert len(set(ErrorEvent.objects.values_list("fingerprint", flat=True))) == 1, "grouped by the bare stack trace"


@pytest.mark.parametrize("body", [b"", b"%%%", b"[1]", base64.b64encode(b"no zlib"), b"{"])
def test_store_refuses_what_is_no_event(door: Door, body: bytes) -> None:
    answer = store(door, body)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (400, "*")
    assert ErrorEvent.objects.count() == 0


def test_store_bounds_what_a_bomb_costs(door: Door) -> None:
    assert store(door, base64.b64encode(zlib.compress(b"\x00" * 60_000_000))).status_code == 413


# --- ids ----------------------------------------------------------------------------------------------------------


def test_an_event_without_an_id_gets_one_and_is_told(door: Door) -> None:
    event = {name: value for name, value in an_event().items() if name != "event_id"}
    by_envelope = door.post(door.envelope(({"type": "event"}, json.dumps(event).encode()))).json()["id"]
    by_store = store(door, json.dumps(event).encode()).json()["id"]
    assert {f"err_{by_envelope}", f"err_{by_store}"} == set(ErrorEvent.objects.values_list("error_id", flat=True))
    assert by_envelope != by_store


def test_an_id_may_have_dashes_and_the_envelopes_beats_the_payloads(door: Door) -> None:
    event = an_event(event_id="ABCDEF00-0000-4000-8000-00000000000A")
    body = door.envelope(({"type": "event"}, json.dumps(event).encode()))
    assert door.post(body).json() == {"id": "abcdef0000004000800000000000000a"}
    header = {"event_id": "1" * 32}
    assert door.post(door.envelope(({"type": "event"}, json.dumps(event).encode()), header=header)).json() == {
        "id": "1" * 32
    }
    assert ErrorEvent.objects.count() == 2


@pytest.mark.parametrize(("sent", "answered"), [("9" * 32, "9" * 32), ("x" * 5_000, None), (7, None), (None, None)])
def test_an_envelope_without_events_is_answered_with_its_id_if_it_is_one(
    door: Door, sent: object, answered: str | None
) -> None:
    body = door.envelope(({"type": "session"}, b"{}"), ({"type": "replay_video"}, b"\x00"), header={"event_id": sent})
    answer = door.post(body)
    assert (answer.status_code, answer.json()) == (200, {"id": answered})


# --- limits -------------------------------------------------------------------------------------------------------


def test_a_full_key_is_told_when_to_come_again_and_for_what(door: Door, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 1
    assert door.post(door.event_envelope(an_event())).status_code == 200
    refused = door.post(door.event_envelope(an_event()))
    assert refused.status_code == 429
    seconds = int(refused.headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert refused.headers["X-Sentry-Rate-Limits"] == f"{seconds}:error:project:key_limit"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    report = {"discarded_events": [{"reason": "ratelimit_backoff", "category": "error", "quantity": 4}]}
    assert door.post(door.envelope(({"type": "client_report"}, json.dumps(report).encode()))).status_code == 200
    assert DroppedCount.objects.get(source="sdk").quantity == 4, "what the SDK says of it is taken all the same"


def test_a_body_that_is_too_large_is_told_the_limit(door: Door, settings: Any) -> None:
    settings.READINESS_MAX_BODY_BYTES = 1_000
    answer = door.post(door.event_envelope(an_event(message="m" * 2_000)))
    assert (answer.status_code, "1000" in answer.json()["detail"]) == (413, True)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_database_that_is_gone_is_a_503_that_says_when_to_come_again(rf: RequestFactory) -> None:
    @sentry_door
    def gone(request: HttpRequest) -> HttpResponse:
        raise OperationalError("the server closed the connection")

    answer = gone(rf.post("/api/1/envelope/"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "the server closed" not in answer.content.decode()
