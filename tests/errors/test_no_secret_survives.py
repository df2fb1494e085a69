"""Generated errors through every door: no secret of theirs is in any table, queue, log or answer."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from incidents.errors.models import ErrorEvent
from incidents.errors.services.normalising import payload_decompress
from readiness.infra.redaction.numbers import luhn
from tests.errors.conftest import Door, NativeDoor
from tests.errors.otlp import STACK, OtlpDoor, a_record, a_span, exception_event, value
from tests.errors.test_secrets_and_places import PLACES, database_dump, logged
from tests.factories import an_event

__all__ = ["logged"]  # a fixture

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
Secret = tuple[str, str]  # (the text that is sent, what must not be found of it)
LETTERS, DIGITS, BASE64 = "abcdefghjkmnpqrstuvwxyz", "0123456789", "ABCDEFGHJKLMNPabcdefghjkmnp23456789+/"
# Relay's names of secrets, and as programs write them.
NAMES = (
    "password", "passwd", "secret", "api_key", "api-key", "apikey", "auth", "credentials", "mysql_pwd", "privatekey",
    "private_key", "token", "otp", "two_factor", "user_password", "X-Api-Key", "AWS_SECRET_ACCESS_KEY", "db.password",
    "oauthToken", "Authorization", "client-secret", "sessionid", "csrftoken",
)  # fmt: skip


def _of(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most)


@st.composite
def cards(draw: st.DrawFn) -> Secret:
    plain = draw(st.sampled_from(("4", "51", "37", "6011"))) + draw(_of(DIGITS, 11, 11))
    plain += next(digit for digit in DIGITS if luhn(plain + digit))
    between = draw(st.sampled_from(("", " ", "-")))
    shown = between.join(plain[at : at + 4] for at in range(0, len(plain), 4)) if len(plain) == 16 else plain
    return shown, shown


@st.composite
def mails(draw: st.DrawFn) -> Secret:
    local = draw(_of(LETTERS, 8, 12)) + draw(st.sampled_from(("", ".x", "+shop")))
    return f"{local}@{draw(_of(LETTERS, 3, 8))}.example", local


@st.composite
def bearers(draw: st.DrawFn) -> Secret:
    token = draw(_of(LETTERS + DIGITS, 16, 40))
    return draw(
        st.sampled_from(("Bearer ", "bearer ", "Authorization: Bearer ", "Authorization: Token "))
    ) + token, token


@st.composite
def keyed(draw: st.DrawFn) -> Secret:
    found = draw(_of(LETTERS + DIGITS, 9, 20)) + "7q"
    name, sign = draw(st.sampled_from(NAMES)), draw(st.sampled_from(("=", ": ", "='", '": "')))
    return f"{name}{sign}{found}" + ("'" if sign == "='" else ""), found


@st.composite
def pems(draw: st.DrawFn) -> Secret:
    kind = draw(st.sampled_from(("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY")))
    line = "MIIE" + draw(_of(BASE64, 40, 60))
    return f"-----BEGIN {kind}-----\n{line}\n{line}\n-----END {kind}-----", line


@st.composite
def urls(draw: st.DrawFn) -> Secret:
    password = draw(_of(LETTERS + DIGITS, 9, 16)) + "8k"
    scheme = draw(st.sampled_from(("postgres", "https", "redis", "amqp")))
    return f"{scheme}://svc:{password}@db.internal:5432/shop", password


IPS = (
    st.ip_addresses(v=4)
    .map(str)
    .filter(lambda ip: ip.split(".")[0] not in ("0", "127", "255"))
    .map(lambda ip: (ip, ip))
)
SECRETS = st.one_of(cards(), mails(), bearers(), keyed(), pems(), urls(), IPS)
AROUND = st.sampled_from((("", ""), ("it said ", " again"), ("(", ")"), ("a\n", "\nb"), ('{"x": "', '"}'), ("<", ">")))


@st.composite
def said(draw: st.DrawFn) -> Secret:
    (text, secret), (before, after) = draw(SECRETS), draw(AROUND)
    return before + text + after, secret


@st.composite
def sentry_events(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """An event with a secret in some places, and a value under a secret name that recurs in its message."""
    fields, secrets = {}, []
    for place in draw(st.lists(st.sampled_from(sorted(PLACES)), min_size=1, max_size=4, unique=True)):
        text, secret = draw(said())
        fields |= PLACES[place](text)
        secrets.append(secret)
    name, recurring = draw(st.sampled_from(NAMES)), draw(_of(LETTERS, 5, 12)) + "7q"
    headers = {**((fields.get("request") or {}).get("headers") or {}), name: recurring}
    request = {"url": "https://shop/", **(fields.get("request") or {}), "headers": headers}
    recurs = {"breadcrumbs": {"values": [{"message": f"saw {recurring}"}]}, "transaction": f"/x/{recurring}/"}
    found = an_event(**{**recurs, **fields, "request": request})
    # A place that another took over is not sent.
    sent = repr(found)
    return found, [secret for secret in secrets if repr(secret)[1:-1] in sent] + [recurring]


NATIVE = ("component", "message", "correlation_id", "span_id", "decision_id", "run_id", "agent_id", "tenant_id",
          "exception_type", "release", "environment")  # fmt: skip


@st.composite
def native_entries(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    entry: dict[str, Any] = {"layer": "L4", "error_class": "system.bug", "severity": "ERROR", "component": "pay",
                             "message": "x"}  # fmt: skip
    secrets = []
    for place in draw(
        st.lists(st.sampled_from((*NATIVE, "chain", "context", "input")), min_size=1, max_size=4, unique=True)
    ):
        text, secret = draw(said())
        secrets.append(secret)
        put: dict[str, dict[str, Any]] = {
            "chain": {"exception_chain": ["E: x", text]},
            "context": {"context": {"a": {"b": [text], text: 1}}},
        }
        entry |= put.get(place, {place: {"a": text} if place == "input" else text})
    name, recurring = draw(st.sampled_from(NAMES)), draw(_of(LETTERS, 5, 12)) + "7q"
    entry["context"] = {**entry.get("context", {}), "deep": {name: recurring}, "again": f"saw {recurring}"}
    return entry, [*secrets, recurring]


@st.composite
def otlp_bodies(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """(log records, spans, secrets)"""
    (a, first), (b, second), (c, third), (d, fourth) = (draw(said()) for _ in range(4))
    name, recurring = draw(st.sampled_from(NAMES)), draw(_of(LETTERS, 5, 12)) + "7q"
    record = a_record(
        body=value(a), attributes=[{"key": "note", "value": value([b])}, {"key": name, "value": value(recurring)}]
    )
    event = exception_event(**{"exception.message": c, "exception.stacktrace": f"{STACK}ValueError: {c}\n"})
    span = a_span(
        name=f"POST {d}",
        events=[event],
        attributes=[{"key": "http.url", "value": value(d)}],
        status={"code": 2, "message": d},
    )
    return [record], [span], [first, second, third, fourth, recurring]


def _left(secrets: list[str], found: str) -> list[str]:
    plain = found.replace("\\n", "\n").replace('\\"', '"')
    return [secret for secret in secrets if secret in found or secret in plain]


def _stored(count: int) -> str:
    """The newest stored errors, every column and the detail."""
    from_now = ErrorEvent.objects.order_by("-created_at")[:count]
    return "\n".join(
        repr({name: getattr(row, name) for name in _NAMES})
        + json.dumps(payload_decompress(row.payload), ensure_ascii=False)
        for row in from_now
    )


_NAMES = [column.attname for column in ErrorEvent._meta.concrete_fields if column.attname != "payload"]
thoroughly = settings(  # the same examples each time; FUZZ_EXAMPLES=2000 looks for others
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _driven(strategy: st.SearchStrategy[Any], send: Callable[[Any], tuple[str, list[str]]]) -> list[str]:
    """Send what is drawn, looking at its answer and at what is stored of it at once; every secret that was sent."""
    sent: list[str] = []

    @thoroughly
    @given(drawn=strategy)
    def drive(drawn: Any) -> None:
        answer, secrets = send(drawn)
        sent.extend(secrets)
        note(answer)
        assert not _left(secrets, answer)

    drive()
    return sent


@pytest.fixture
def nowhere(logged: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[list[str]], None]:
    ours = database_dump()  # a drawn word may be one of our own

    def look(sent: list[str]) -> None:
        out, err = capfd.readouterr()
        assert len(sent) >= 40
        # Short ones, such as 1.2.3.4, may stand in a number of our own.
        assert not _left(
            [secret for secret in sent if len(secret) >= 9 and secret not in ours],
            database_dump() + logged.text + out + err,
        )

    return look


def test_no_secret_of_a_sentry_event_survives(door: Door, nowhere: Callable[[list[str]], None]) -> None:
    def send(drawn: tuple[dict[str, Any], list[str]]) -> tuple[str, list[str]]:
        event, secrets = drawn
        answer = door.post(door.event_envelope(an_event(**{**event, "event_id": an_event()["event_id"]})))
        assert answer.status_code == 200
        return answer.content.decode() + _stored(1), secrets

    nowhere(_driven(sentry_events(), send))


def test_no_secret_of_a_native_envelope_survives(native: NativeDoor, nowhere: Callable[[list[str]], None]) -> None:
    def send(drawn: tuple[dict[str, Any], list[str]]) -> tuple[str, list[str]]:
        entry, secrets = drawn
        answer = native.post(entry)
        assert answer.status_code in (201, 422)
        return answer.content.decode() + _stored(1), secrets

    nowhere(_driven(native_entries(), send))


def test_no_secret_of_an_exporter_survives(otlp: OtlpDoor, nowhere: Callable[[list[str]], None]) -> None:
    def send(drawn: tuple[list[Any], list[Any], list[str]]) -> tuple[str, list[str]]:
        records, spans, secrets = drawn
        answers = [otlp.logs(*records), otlp.traces(*spans)]
        assert [answer.status_code for answer in answers] == [200, 200]
        return "".join(answer.content.decode() for answer in answers) + _stored(2), secrets

    nowhere(_driven(otlp_bodies(), send))
