"""One JSON object a line, each with the correlation and the tenant, none with a secret (218)."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from readiness.infra.correlation import correlation_scope, tenant_note
from readiness.infra.redaction import FILTERED

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ALWAYS = {"ts", "level", "logger", "event", "rid", "tenantId"}
plain, structured = logging.getLogger("tests.plain"), structlog.get_logger("tests.structured")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the console's own handler writes, while the test runs."""
    [handler] = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    stream = StringIO()
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)


def test_it_writes_the_same_fields_from_both_loggers(lines: Lines) -> None:
    with correlation_scope("test", HEADER, tenant="acme"):
        plain.warning("%d left", 3)
        structured.warning("shelf empty", shelf=7)
    one, other = lines()
    assert one.keys() >= ALWAYS
    assert other.keys() >= ALWAYS
    assert one["rid"] == other["rid"] == "0af7651916cd43dd8448eb211c80319c"
    assert one["tenantId"] == other["tenantId"] == "acme"
    assert (one["event"], one["level"], one["logger"]) == ("3 left", "warning", "tests.plain")
    assert (other["event"], other["shelf"]) == ("shelf empty", 7)
    assert one["ts"].endswith("Z")


def test_it_says_null_where_there_is_no_correlation(lines: Lines) -> None:
    plain.warning("started")
    structured.warning("started")
    assert [(line["rid"], line["tenantId"]) for line in lines()] == [(None, None)] * 2


def test_the_tenant_is_known_until_the_scope_ends(lines: Lines) -> None:
    with correlation_scope("request"):
        plain.warning("before the key")
        tenant_note("acme")
        with correlation_scope("inside"):
            plain.warning("inside")
        plain.warning("after the key")
    plain.warning("after the request")
    assert [line["tenantId"] for line in lines()] == [None, "acme", "acme", None]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("login with password=hunter2secret failed", "login with password=[Filtered] failed"),
        ("GET https://ada:topsecret@example.test/ answered 500", "https://ada:[Filtered]@example.test/"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: [Filtered]"),
        ("mail to ada@example.test bounced", "mail to [Filtered] bounced"),
    ],
)
def test_it_writes_no_secret_of_a_text(lines: Lines, text: str, kept: str) -> None:
    plain.warning(text)
    plain.warning("%s", text)
    structured.warning(text)
    assert all(kept in line["event"] for line in lines())


class Client:
    """An object whose own words give a secret away."""

    def __repr__(self) -> str:
        return "Client(api_key='4eC39HqLyjWDarjtT1zdp7dc')"


def test_it_writes_no_secret_of_a_value(lines: Lines) -> None:
    structured.warning(
        "called", token="abc123", headers={"Cookie": "sid=1", "accept": "*/*"}, client=Client(), tried=[{"pwd": "x"}]
    )
    [line] = lines()
    assert line["token"] == FILTERED
    assert line["headers"] == {"Cookie": FILTERED, "accept": "*/*"}
    assert "4eC39" not in json.dumps(line)
    assert line["tried"] == [{"pwd": FILTERED}]


def test_it_writes_no_secret_of_a_traceback(lines: Lines) -> None:
    try:
        raise ValueError("refused: secret=s3cr3tvalue")
    except ValueError:
        plain.exception("failed")
        structured.exception("failed")
    for line in lines():
        assert "ValueError: refused: secret=[Filtered]" in line["exception"]


def test_a_line_break_in_a_text_makes_no_second_line(lines: Lines) -> None:
    plain.warning('first\n{"event": "forged", "rid": "0"}')
    [line] = lines()
    assert line["rid"] is None
