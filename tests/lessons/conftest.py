"""Fixtures of the CI client's tests."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.lessons.client_case import BUGGY, MENDED, PROVEN, TEST, Recorder, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.write("budget.py", BUGGY)
    made.broken = made.commit("a bug")
    made.write("budget.py", MENDED)
    made.write("tests/test_budget.py", TEST)
    made.fixed = made.commit("the fix and its test")
    return made


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder([PROVEN])

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.requests.append((self.path, dict(self.headers), json.loads(raw) if raw[:1] == b"{" else None))
            status, headers, body = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815  the library's names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
