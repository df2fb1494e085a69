"""OpenTelemetry's own SDK and exporters against the running console, set up by their environment variables."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from incidents.errors.models import ErrorEvent, Span
from incidents.errors.services.otlp.answers import status_answer
from incidents.errors.services.otlp.bodies import PROTOBUF
from incidents.triage.models import Incident
from readiness.infra.refusals import RateLimited, Refusal, Unavailable
from tests.browser import OpenPage, axe, sign_in
from tests.console import Console

pytestmark = pytest.mark.once

PROGRAM = Path(__file__).parent / "otlp_program.py"


def run(mode: str, *, endpoint: str, key: str, **env: str) -> str:
    """Run the shop once; the id of its trace."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", PROGRAM, mode],
        env={
            "PATH": os.environ["PATH"],
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{key}",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == "", done.stderr
    return done.stdout.strip()


def key_of(console: Console) -> str:
    return str(console.demo["keys"]["errors:write"])


@pytest.mark.parametrize(
    ("mode", "env"),
    [
        ("batch", {}),
        ("batch", {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}),
        ("batch", {"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"}),
        ("simple", {}),
    ],
)
def test_it_makes_one_error_of_a_failure_that_spans_and_logs_tell_of(
    console: Console, mode: str, env: dict[str, str]
) -> None:
    trace_id = run(mode, endpoint=f"{console.url}/otlp", key=key_of(console), **env)
    with console.tables():
        (event,) = ErrorEvent.objects.filter(correlation_id=trace_id)
        assert (event.exception_type, event.release) == ("StockEmpty", "2.0.1")
        assert "no apples left" in event.message
        assert set(Span.objects.filter(trace_id=trace_id).values_list("name", "component")) == {
            ("POST /orders", "shop-web"), ("load basket", "shop-web"), ("POST", "shop-web"),
            ("POST /reserve", "shop-api"), ("SELECT stock", "shop-api"), ("reserve", "shop-api"),
        }  # fmt: skip
        inner = Span.objects.get(trace_id=trace_id, name="reserve")
        assert inner.status == "error"
        assert event.span_id == inner.span_id or mode == "batch", "a log may have come before the span"
        statement = Span.objects.get(trace_id=trace_id, name="SELECT stock").attributes["db.query.text"]
        assert statement == "SELECT amount FROM stock WHERE item = ?"


@contextmanager
def refusing_once(console: Console, refusal: Refusal) -> Iterator[tuple[str, list[int]]]:
    """The console behind a door that refuses each path's first request as the console would; what it answered."""
    answered: list[int] = []
    seen: set[str] = set()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path not in seen:
                seen.add(self.path)
                self._answer(refusal.status, status_answer(refusal=refusal, content_type=PROTOBUF), refusal.headers)
                return
            kept = {name: self.headers[name] for name in ("Content-Type", "Authorization")}
            answer = console.call("POST", self.path, body=body, headers=kept)
            self._answer(answer.status, answer.body, {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            answered.append(status)
            self.send_response(status)
            for name, value in {"Content-Type": PROTOBUF, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/otlp", answered
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("kind", [Unavailable, RateLimited])
def test_its_refusals_are_repeated_by_the_exporters(console: Console, kind: type[Refusal]) -> None:
    refusal = kind("Not now.", headers={"Retry-After": "1"})
    with refusing_once(console, refusal) as (endpoint, answered):
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", PROGRAM, "batch"],
            env={
                "PATH": os.environ["PATH"],
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{key_of(console)}",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert answered.count(refusal.status) == 2, "logs and traces, once each"
    assert answered.count(200) == len(answered) - 2
    with console.tables():
        assert ErrorEvent.objects.filter(correlation_id=done.stdout.strip()).count() == 1


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_the_incident_shows_the_waterfall(width: int, dark: bool, console: Console, open_page: OpenPage) -> None:
    trace_id = run("batch", endpoint=f"{console.url}/otlp", key=key_of(console))
    with console.tables():
        event = ErrorEvent.objects.get(correlation_id=trace_id)
        incident = Incident.objects.get(last_error_id=event.error_id)
    page = sign_in(open_page(console, width=width, dark=dark))
    page.goto(f"/incidents/{incident.public_id}/")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    lines = page.locator(".waterfall > li").all_inner_texts()
    assert [line.split("\n")[0].strip() for line in lines] == [
        "POST /orders", "load basket", "POST", "POST /reserve", "SELECT stock", "reserve",
    ]  # fmt: skip
    assert "6 spans of 2 services" in page.get_by_role("heading", name="Where in the request").inner_text()
    words = page.locator("summary", has_text="The same in words")
    words.focus()
    page.keyboard.press("Enter")
    assert "SELECT stock in shop-api took" in page.get_by_text("SELECT stock in shop-api").inner_text()
    assert axe(page) == []
    if shots := os.environ.get("SHOTS"):
        page.locator("section[aria-labelledby=waterfall]").screenshot(path=f"{shots}/waterfall-{width}-{dark}.png")
        page.screenshot(path=f"{shots}/incident-{width}-{dark}.png", full_page=True)
