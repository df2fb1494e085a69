"""Each kind of secret in each place of an error, through the real doors: nowhere in the database, nowhere in a log."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from incidents.errors.models import CheckIn, ErrorEvent, UserReport
from incidents.errors.services.normalising import payload_decompress
from incidents.errors.workflows import console_error_record, scrub_rule_save
from readiness.infra.actor import SYSTEM
from readiness.infra.transactions import Session, TransactionIntent, transactional
from tests.errors.conftest import Door, NativeDoor
from tests.factories import an_event

# (the text that is sent, what must not be found of it). `{n}` keeps the secrets of the places apart.
SECRETS: dict[str, tuple[str, str]] = {
    "password": ("login failed: password=hunt{n}er2x", "hunt{n}er2x"),
    "password repr": ("User(name='joe', password=b'hunt{n}er2x')", "hunt{n}er2x"),
    "bearer": ("sent Bearer abcd{n}efgh.ijkl", "abcd{n}efgh"),
    "basic": ("sent Basic am9lOmh1bn{n}Rlcj==", "am9lOmh1bn{n}"),
    "api key": ('{{"api_key": "k-{n}-0815"}}', "k-{n}-0815"),
    "json web token": ("eyJhbGciOiJI{n}IUzI1.eyJzdWIiOiIxMjM0.abcdef", "eyJhbGciOiJI{n}"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIE{n}abc\n-----END RSA PRIVATE KEY-----", "MIIE{n}"),
    "url": ("postgres://joe:s3cr{n}et@db/x", "s3cr{n}et"),
    "dsn": ("https://abc{n}0123456789abcdef0123456789ab@sentry.example/4", "abc{n}0123456789"),
    "e-mail": ("mail joe.{n}@customer.example now", "joe.{n}@"),
    "token in a query": ("GET /reset?token=tok{n}en99&page=2", "tok{n}en99"),
    "vendor's key": ("used ghp_{n}abcdefghijklmnopqrstuvwxyz01234", "ghp_{n}"),
    "home": ("/home/jane{n}doe/app.py", "jane{n}doe"),
}
# Numbers have no room for a mark of their own.
NUMBERS: dict[str, tuple[str, str]] = {
    "card": ("card 4111 1111 1111 1111", "4111 1111"),
    "card run together": ("card 4012888888881881", "40128888"),
    "iban": ("from DE89 3704 0044 0532 0130 00", "3704 0044"),
    "ssn": ("ssn 078-05-1120", "078-05-1120"),
    "ip": ("from 203.0.113.77", "203.0.113.77"),
    "ip6": ("from 2001:db8::8a2e:370:7334", "8a2e:370"),
}
ALL = SECRETS | NUMBERS

Place = Callable[[str], dict[str, Any]]


def _frame(text: str, **fields: Any) -> dict[str, Any]:
    frame = {
        "module": "shop.pay",
        "function": "charge",
        "filename": "shop/pay.py",
        "lineno": 3,
        "in_app": True,
        **fields,
    }
    exception = {"type": "PayError", "value": "declined", "stacktrace": {"frames": [frame]}}
    return {"exception": {"values": [exception]}}


PLACES: dict[str, Place] = {
    "message": lambda text: {"exception": None, "message": text},
    "log entry": lambda text: {"exception": None, "logentry": {"message": text, "formatted": text}},
    "exception value": lambda text: {"exception": {"values": [{"type": "PayError", "value": text}]}},
    "cause": lambda text: {"exception": {"values": [{"type": "Cause", "value": text}, {"type": "E", "value": "x"}]}},
    "exception type": lambda text: {"exception": {"values": [{"type": text, "value": "x"}]}},
    "exception module": lambda text: {"exception": {"values": [{"type": "E", "value": "x", "module": text}]}},
    "frame module": lambda text: _frame(text, module=text),
    "frame function": lambda text: _frame(text, function=text),
    "frame file": lambda text: _frame(text, module=None, filename=text),
    "source line": lambda text: _frame(text, context_line=text),
    "lines around": lambda text: _frame(text, context_line="x", pre_context=["a", text], post_context=[text]),
    "frame variable": lambda text: _frame(text, vars={"x": text, "y": {"z": [text]}}),
    "thread's stack": lambda text: {
        "exception": None,
        "threads": {
            "values": [{"crashed": True, "stacktrace": {"frames": [{"function": text, "context_line": text}]}}]
        },
    },
    "request url": lambda text: {"request": {"url": f"https://shop/{text}?q={text}#{text}", "method": text}},
    "request url of several lines": lambda text: {"request": {"url": f"a\n{text}\tb"}},
    "request header": lambda text: {"request": {"url": "https://shop/", "headers": {"X-Note": text, "Referer": text}}},
    "header's name": lambda text: {"request": {"url": "https://shop/", "headers": {text: "x"}}},
    "request body": lambda text: {"request": {"url": "https://shop/", "data": {"a": text}}},
    "request form": lambda text: {"request": {"url": "https://shop/", "data": text}},
    "query": lambda text: {"request": {"url": "https://shop/", "query_string": [["a", text]]}},
    "cookies": lambda text: {"request": {"url": "https://shop/", "cookies": {"a": text}}},
    "breadcrumb": lambda text: {"breadcrumbs": {"values": [{"category": text, "message": text}]}},
    "breadcrumb's data": lambda text: {"breadcrumbs": {"values": [{"data": {"a": {"b": [text]}, text: 1}}]}},
    "extra": lambda text: {"extra": {"a": text, "b": {"c": [text]}}},
    "extra's name": lambda text: {"extra": {text: 1}},
    "contexts": lambda text: {"contexts": {"pay": {"a": text}, "trace": {"trace_id": text, "span_id": text}}},
    "tag": lambda text: {"tags": {"a": text, "component": text, "tenant_id": text, "correlation_id": text}},
    "tag's name": lambda text: {"tags": [[text, "x"]]},
    "user": lambda text: {
        "user": {"id": text, "email": text, "username": text, "ip_address": text, "data": {"a": text}}
    },
    "transaction": lambda text: {"exception": None, "transaction": text},
    "release": lambda text: {"release": text},
    "environment": lambda text: {"environment": text},
    "server name": lambda text: {"server_name": text},
    "logger": lambda text: {"logger": text, "exception": None, "message": "x"},
    "fingerprint": lambda text: {"fingerprint": [text, "{{ default }}"]},
    "platform and level": lambda text: {"platform": text, "level": text},
    "sdk": lambda text: {"sdk": {"name": text, "version": text}},
    "modules": lambda text: {"modules": {"a": text}},
}


@transactional(TransactionIntent.READ_ONLY)
def database_dump(session: Session) -> str:
    """Every value of every table, binary ones decompressed where they are payloads."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, bytes | memoryview):
                        data = bytes(value)
                        found.append(data.decode("latin-1"))
                        if column == "payload" and data:
                            found.append(json.dumps(payload_decompress(data), ensure_ascii=False))
                    else:
                        found.append(str(value))
    return "\n".join(found)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def _leaks(found: str, sent: list[tuple[str, str, str]]) -> list[str]:
    plain = found.replace("\\n", "\n").replace('\\"', '"')
    return sorted(f"{kind} in {place}: {secret}" for kind, place, secret in sent if secret in found or secret in plain)


def test_no_secret_of_an_event_lands_anywhere(door: Door, logged: pytest.LogCaptureFixture) -> None:
    sent: list[tuple[str, str, str]] = []
    for number, (place, put) in enumerate(PLACES.items(), 100):
        for kind, (text, secret) in ALL.items():
            answer = door.post(door.event_envelope(an_event(**put(text.format(n=number)))))
            assert answer.status_code == 200, (kind, place, answer.content)
            sent.append((kind, place, secret.format(n=number)))
    dump = database_dump()
    assert not _leaks(dump + logged.text, sent)
    assert ErrorEvent.objects.count() == len(sent)  # none of them was only counted


def test_no_secret_of_a_native_envelope_lands_anywhere(native: NativeDoor, logged: pytest.LogCaptureFixture) -> None:
    sent: list[tuple[str, str, str]] = []
    texts = ("component", "message", "correlation_id", "span_id", "decision_id", "run_id", "agent_id", "tenant_id",
             "exception_type", "release", "environment")  # fmt: skip
    entries = []
    for number, (kind, (text, secret)) in enumerate(ALL.items(), 100):
        for place in (*texts, "exception_chain", "context", "context's name", "input", "layer", "severity"):
            value = text.format(n=number)
            entry = {
                "layer": "L4",
                "error_class": "system.bug",
                "severity": "ERROR",
                "component": "pay",
                "message": "x",
            }
            if place == "exception_chain":
                entry |= {"exception_chain": [value]}  # type: ignore[dict-item]
            elif place.startswith("context"):
                entry |= {"context": {value: 1} if place.endswith("name") else {"a": {"b": [value]}}}  # type: ignore[dict-item]
            else:
                entry |= {place: value if place != "input" else {"a": value}}  # type: ignore[dict-item]
            entries.append(entry)
            sent.append((kind, place, secret.format(n=number)))
    answer = native.post(entries, **{"Idempotency-Key": "kept-answers-too"})
    assert answer.status_code == 200
    assert not _leaks(database_dump() + logged.text, sent)


NAMES = [
    "password",
    "the_secret",
    "api_key",
    "apiKey",
    "otp",
    "two-factor",
    "MYSQL_PWD",
    "oauth_token",
    "Authorization",
]


def test_no_value_under_a_secret_name_lands_anywhere_nor_where_it_recurs(
    door: Door, logged: pytest.LogCaptureFixture
) -> None:
    """A secret that is told by its name alone stands in the message, a variable, a breadcrumb and a source line too."""
    sent: list[tuple[str, str, str]] = []
    under: dict[str, Callable[[str, str], dict[str, Any]]] = {
        "headers": lambda name, value: {"request": {"headers": {name: value}}},
        "body": lambda name, value: {"request": {"data": {"login": {name: value}}}},
        "form": lambda name, value: {"request": {"data": f"a=1&{name}={value}&b=2"}},
        "query": lambda name, value: {"request": {"query_string": f"a=1&{name}={value}"}},
        "url": lambda name, value: {"request": {"url": f"https://shop/x?{name}={value}"}},
        "extra": lambda name, value: {"extra": {"deep": [{name: value}]}},
        "contexts": lambda name, value: {"contexts": {"pay": {name: value}}},
        "tags": lambda name, value: {"tags": {name: value}},
        "breadcrumb": lambda name, value: {"breadcrumbs": {"values": [{"data": {name: value}}]}},
        "variables": lambda name, value: _frame("", vars={"kwargs": {name: f"'{value}'"}}),
    }
    for number, (place, put) in enumerate(under.items(), 100):
        for index, name in enumerate(NAMES):
            secret = f"zq{number}x{index}Plain"
            fields = put(name, secret)
            recurs = _frame("", context_line=f"    call({secret!r})", function=f"f_{secret}", vars={"z": secret})
            exception = fields.get("exception", recurs["exception"])
            exception["values"][0] |= {"value": f"it said {secret} and failed"}
            crumbs = fields.get("breadcrumbs", {"values": []})
            crumbs["values"].append({"message": f"saw {secret}", "data": {"plain": secret}})
            answer = door.post(
                door.event_envelope(an_event(**{**fields, "exception": exception, "breadcrumbs": crumbs,
                                                "transaction": f"/x/{secret}/", "fingerprint": [secret]}))
            )  # fmt: skip
            assert answer.status_code == 200
            sent.append((name, place, secret))
    assert not _leaks(database_dump() + logged.text, sent)


def test_a_short_password_of_a_header_is_known_and_words_are_not(door: Door) -> None:
    request = {"headers": {"Authorization": "Basic am9lOmh1bnRlcjI=", "X-Auth-Mode": "strict"}}  # joe:hunter2
    exception = {"values": [{"type": "E", "value": "login with hunter2 in strict mode"}]}
    door.post(door.event_envelope(an_event(request=request, exception=exception)))
    dump = database_dump()
    assert "hunter2" not in dump
    assert "in strict mode" in dump


def test_variables_of_a_threads_frames_are_raw_input_too(door: Door) -> None:
    frame = {"module": "shop.pay", "function": "charge", "in_app": True, "vars": {"basket": "RAW-BASKET"}}
    threads = {"values": [{"current": True, "stacktrace": {"frames": [frame]}}]}
    door.post(door.event_envelope(an_event(message="x", exception=None, threads=threads)))
    assert "RAW-BASKET" not in database_dump()


def test_cookies_and_credentials_are_known_in_all_their_forms(door: Door) -> None:
    request = {
        "headers": {"Authorization": "Basic am9lOnN3b3JkZmlzaDk5", "Cookie": "sessionid=sess-abc/123==; theme=dark"}
    }
    value = "swordfish99 sess-abc/123== sess-abc%2F123%3D%3D am9lOnN3b3JkZmlzaDk5 theme dark"
    exception = {"values": [{"type": "E", "value": value}]}
    door.post(door.event_envelope(an_event(request=request, exception=exception)))
    dump = database_dump()
    for secret in ("swordfish99", "sess-abc", "am9lOnN3"):
        assert secret not in dump
    assert "theme dark" in dump


def test_the_requests_own_key_is_not_stored_with_the_error(door: Door, native: NativeDoor) -> None:
    door.post(door.event_envelope(an_event(message=f"init with {door.dsn.public_key}", exception=None)))
    native.post({"layer": "L4", "error_class": "system.bug", "severity": "ERROR", "component": "c",
                 "message": f"posting with {native.key}", "context": {"used": native.key}})  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT message, context FROM infra_error_events")
        rows = repr(cursor.fetchall())
    assert door.dsn.public_key not in rows
    assert native.key not in rows
    assert rows.count("[Filtered]") == 3


def test_an_error_of_the_console_itself_keeps_no_secret(door: Door, logged: pytest.LogCaptureFixture) -> None:

    console_error_record(
        ValueError("cannot reach postgres://joe:s3cr3tpw@db/x"),
        component="web",
        layer="L2",
        context={"url": "/x?token=tok123456", "password": "hunter22"},
    )
    dump = database_dump()
    for secret in ("s3cr3tpw", "tok123456", "hunter22"):
        assert secret not in dump


def test_users_words_and_check_ins_are_under_the_rules_too(door: Door) -> None:
    scrub_rule_save(
        rule_id=None, project_id=door.project_id, name="n", target="value", pattern=r"cust-\d+", sample="", active=True,
        actor=SYSTEM,
    )  # fmt: skip
    said = {"event_id": "a" * 32, "comments": "I am cust-123 and it broke"}
    check_in = {"check_in_id": "b" * 32, "monitor_slug": "bill cust-123", "status": "ok"}
    items = [
        ({"type": kind}, json.dumps(sent).encode()) for kind, sent in (("user_report", said), ("check_in", check_in))
    ]
    assert door.post(door.envelope(*items)).status_code == 200
    assert UserReport.objects.get().comments == "I am [Filtered] and it broke"
    assert CheckIn.objects.get().monitor == "bill [Filtered]"
