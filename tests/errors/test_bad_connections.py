"""Senders that stall, vanish, hurry or lie about lengths, against the console as it runs: bare sockets."""

import gzip
import http.client
import json
import os
import socket
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import pytest
import zstandard

from incidents.errors.models import ErrorEvent
from tests.console import Console
from tests.servers import wait_until

pytestmark = pytest.mark.once

SLOW_SENDERS = 200  # more than the threads of both web processes were once
MOST_SECONDS = 20.0  # on a machine that does much else
MOST_GROWTH_MB = 700  # of all web processes together; a few large bodies are handled at once


class Wire:
    """What a program with this console's DSN writes to a socket."""

    def __init__(self, console: Console) -> None:
        self.console = console
        dsn = urlsplit(console.dsn)
        self.path, self.key = f"/api{dsn.path}/envelope/", str(dsn.username)

    def head(self, *lines: str, length: int | None = None, path: str | None = None) -> bytes:
        told = [f"Content-Length: {length}"] if length is not None else []
        auth = f"X-Sentry-Auth: Sentry sentry_version=7, sentry_key={self.key}"
        return "\r\n".join(
            [f"POST {path or self.path} HTTP/1.1", "Host: console", auth, *told, *lines, "", ""]
        ).encode()

    def event(self, message: str = "sent by hand") -> tuple[str, bytes]:
        event_id = uuid.uuid4().hex
        payload = json.dumps({"event_id": event_id, "message": message}).encode()
        return event_id, b'{}\n{"type":"event","length":%d}\n%s' % (len(payload), payload)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.console.port), timeout=MOST_SECONDS) as connection:
            yield connection

    def answer(self, connection: socket.socket) -> tuple[int, bytes]:
        """(status, body) of one answer; status 0 where the connection was closed without one."""
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            return response.status, response.read()
        except (http.client.HTTPException, ConnectionError):
            return 0, b""

    def is_well(self) -> None:
        """Another client's event is taken, promptly; and nobody of ours failed meanwhile."""
        event_id, body = self.event("from another client")
        begun = time.monotonic()
        with self.connection() as connection:
            connection.sendall(self.head(length=len(body)) + body)
            assert self.answer(connection) == (200, json.dumps({"id": event_id}, separators=(",", ":")).encode())
        assert time.monotonic() - begun < MOST_SECONDS
        assert self.is_stored(event_id)

    def is_stored(self, event_id: str) -> bool:
        with self.console.tables():
            assert not ErrorEvent.objects.filter(project_id=0, component=self.path).exists()
            return ErrorEvent.objects.filter(error_id=f"err_{event_id}").exists()


@pytest.fixture
def wire(console: Console) -> Wire:
    return Wire(console)


def reset(connection: socket.socket) -> None:
    """End it with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_body_that_ends_before_its_length_is_refused(wire: Wire) -> None:
    """Plain JSON that happens to be whole where it was cut must not be taken for all that was sent."""
    event_id, body = wire.event()
    with wire.connection() as connection:
        connection.sendall(wire.head(length=len(body) + 100) + body)
        connection.shutdown(socket.SHUT_WR)
        status, said = wire.answer(connection)
    assert status in (0, 400)
    assert status == 0 or "cut off" in json.loads(said)["detail"]
    assert not wire.is_stored(event_id)
    wire.is_well()


def test_connections_reset_at_any_point_leave_nothing_behind(wire: Wire) -> None:
    event_id, body = wire.event()
    whole = wire.head(length=len(body)) + body
    for end in range(1, len(whole), 23):
        with wire.connection() as connection:
            connection.sendall(whole[:end])
            reset(connection)
    wire.is_well()
    assert not wire.is_stored(event_id)


def test_a_reset_while_a_large_body_comes(wire: Wire) -> None:
    for _ in range(20):  # more than there are places for large bodies: each must be given back
        with wire.connection() as connection:
            connection.sendall(wire.head(length=8_000_000) + b"{}\n" + b"x" * 1_500_000)
            reset(connection)
    body = gzip.compress(b'{}\n{"type":"x"}\n' + os.urandom(1_500_000).replace(b"\n", b""))
    with wire.connection() as connection:
        connection.sendall(wire.head("Content-Encoding: gzip", length=len(body)) + body)
        assert wire.answer(connection)[0] == 200
    wire.is_well()


def test_slow_bodies_keep_nobody_from_being_answered(wire: Wire) -> None:
    event_id, body = wire.event("slowly")
    with ExitStack() as stack:
        senders = [stack.enter_context(wire.connection()) for _ in range(SLOW_SENDERS)]
        for sender in senders:
            sender.sendall(wire.head(length=len(body)))
        for byte in range(3):  # dripping
            for sender in senders:
                sender.sendall(body[byte : byte + 1])
            wire.is_well()
            assert wire.console.call("GET", "/readyz", timeout_s=MOST_SECONDS).status == 200
        senders[0].sendall(body[3:])
        assert wire.answer(senders[0])[0] == 200
    assert wire.is_stored(event_id)


def test_slow_headers_keep_nobody_from_being_answered(wire: Wire) -> None:
    with ExitStack() as stack:
        senders = [stack.enter_context(wire.connection()) for _ in range(SLOW_SENDERS)]
        head = wire.head(length=10)
        for byte in range(5):
            for sender in senders:
                sender.sendall(head[byte : byte + 1])
        wire.is_well()


def test_a_client_that_never_reads_its_answers(wire: Wire) -> None:
    _, body = wire.event("never read")
    request = wire.head(length=len(body)) + body
    with wire.connection() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        deaf.settimeout(1)
        try:
            for _ in range(300):
                deaf.sendall(request)
        except TimeoutError:
            pass  # it is held back: the console has stopped reading what it cannot answer
        wire.is_well()


def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    sent = [wire.event(f"pipelined {number}") for number in range(6)]
    with wire.connection() as connection:
        connection.sendall(b"".join(wire.head(length=len(body)) + body for _, body in sent))
        received = b""
        while received.count(b'{"id":') < len(sent):
            piece = connection.recv(65_536)
            assert piece
            received += piece
    places = [received.index(event_id.encode()) for event_id, _ in sent]
    assert places == sorted(places)


def test_a_body_behind_a_continue(wire: Wire) -> None:
    event_id, body = wire.event()
    with wire.connection() as connection:
        connection.sendall(wire.head("Expect: 100-continue", length=len(body)))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert wire.answer(connection)[0] == 200
    assert wire.is_stored(event_id)


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n{}\r\n", b"-5\r\n{}\r\n", b"ffffffffffffffffff\r\n{}", b"3\r\n{}\r\n0\r\n\r\n", b"\r\n\r\n", b"1" * 9_000,
     b"2;a=b\r\n{}\r\n;\r\n", b"2\r\n{}XX0\r\n\r\n"],
)  # fmt: skip
def test_chunks_of_a_wrong_size_are_no_whole_body(wire: Wire, chunks: bytes) -> None:
    with wire.connection() as connection:
        connection.sendall(wire.head("Transfer-Encoding: chunked") + chunks)
        connection.shutdown(socket.SHUT_WR)
        status, _ = wire.answer(connection)
    assert status < 500
    wire.is_well()


@pytest.mark.parametrize(
    "lines",
    [("Content-Length: 5", "Content-Length: 7"), ("Content-Length: 5", "Transfer-Encoding: chunked"),
     ("Content-Length: +5",), ("Transfer-Encoding: gzip, chunked",), ("X-Odd: " + "a" * 100_000,), ("X-Odd: \xff\x80",),
     (*[f"X-{number}: a" for number in range(500)],), ("No colon",), ("Sentry-Trace: \xff", "Traceparent: \u00e9")],
)  # fmt: skip
def test_headers_that_are_wrong_or_many(wire: Wire, lines: tuple[str, ...]) -> None:
    with wire.connection() as connection:
        try:
            connection.sendall(
                wire.head().rstrip(b"\r\n") + "\r\n".join(["", *lines, "", ""]).encode("latin-1") + b"{}\n{}\n"
            )
            connection.shutdown(socket.SHUT_WR)
            status, _ = wire.answer(connection)
        except OSError:
            status = 0  # closed before all was sent
    assert status < 500
    wire.is_well()


def test_a_body_without_an_end_is_cut_at_the_limit(wire: Wire) -> None:
    """Chunk after chunk, 40 MB: refused once it is over what is taken, not held."""
    with wire.connection() as connection:
        try:
            connection.sendall(wire.head("Transfer-Encoding: chunked"))
            for _ in range(640):
                connection.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
            status, _ = wire.answer(connection)
        except OSError:
            status = 413  # refused and closed while we were still sending
    assert status == 413
    wire.is_well()


# --- memory -----------------------------------------------------------------------------------------------------------


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _web_memory_mb(console: Console) -> float:
    """Resident memory of the web server's processes (from /proc: Linux)."""
    assert console.process is not None
    pages = 0
    for pid in _descendants(console.process.pid):
        if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _hostile() -> list[tuple[str, bytes]]:
    """(content encoding, body): 100 MB in few bytes, and JSON that costs many times its size as objects."""
    spaces, lists = b"{}\n" + b" " * 100_000_000, b'{"a":[' + b"[]," * 6_000_000 + b"[]]}"
    return [
        ("gzip", gzip.compress(spaces, 1)),
        ("deflate", zlib.compress(spaces, 1)),
        ("br", brotli.compress(spaces, quality=1)),
        ("zstd", zstandard.ZstdCompressor(level=1).compress(spaces)),
        ("gzip", gzip.compress(lists, 1)),
        ("gzip", gzip.compress(b'{}\n{"type":"event"}\n' + lists, 1)),
        ("gzip", gzip.compress(b'{}\n{"type":"client_report"}\n' + lists, 1)),
        ("gzip", gzip.compress(b'{"stacktrace":{},' + lists[1:], 1)),
    ]


def test_bombs_by_the_dozen_leave_memory_bounded(wire: Wire) -> None:
    wire.is_well()
    before, hostile = _web_memory_mb(wire.console), _hostile()
    highest, done, statuses = [before], threading.Event(), set()

    def send(encoding: str, body: bytes, path: str) -> None:
        with wire.connection() as connection:
            connection.settimeout(120)
            connection.sendall(wire.head(f"Content-Encoding: {encoding}", length=len(body), path=path) + body)
            statuses.add(wire.answer(connection)[0])

    paths = (wire.path, wire.path.replace("envelope", "store"))
    senders = [
        threading.Thread(target=send, args=(encoding, body, path))
        for encoding, body in hostile for path in paths for _ in range(3)
    ]  # fmt: skip
    for sender in senders:
        sender.start()

    def is_over() -> bool:
        highest.append(_web_memory_mb(wire.console))
        return not any(sender.is_alive() for sender in senders)

    wait_until(is_over, what="the answers to the bombs", within_s=180)
    done.set()
    assert max(statuses) < 500
    assert 0 not in statuses
    assert max(highest) - before < MOST_GROWTH_MB, [round(size) for size in highest]
    wire.is_well()
