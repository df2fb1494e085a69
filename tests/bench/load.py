"""A closed loop over HTTP/1.1: `concurrency` connections, each with one request under way at any time.

One thread and epoll; requests are complete bytes before the clock starts, so that the driver costs as little as it can.
Connections are kept when the server keeps them; a new one counts into the latency of its request.

    python -m tests.bench.load --port 8000 --path /config --concurrency 16 --seconds 5 [--header 'Name: value']
"""

import argparse
import itertools
import json
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

_RETRY_S = 0.02
_NO_BODY = {204, 304}


@dataclass(frozen=True)
class Post:
    """One request as it goes over the wire, and the id by which it is counted."""

    ident: str
    wire: bytes


@dataclass
class Outcome:
    """What a load has met; times in seconds.

    `acknowledged`: id → when its 2xx came, since the start, in that order. `unanswered`: requests whose connection was
    lost before an answer. `refused`: connections that nobody took. `complete`: False when time was up first.
    """

    acknowledged: dict[str, float] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    unanswered: int = 0
    refused: int = 0
    seconds: float = 0.0
    complete: bool = True

    def latency_ms(self, share: float) -> float:
        return 1000 * percentile(sorted(self.latencies), share)

    def longest_silence(self) -> float:
        """The longest time between two acknowledgements."""
        moments = [0.0, *self.acknowledged.values()]
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that `share` (0 to 1) of the values do not exceed; 0 without values."""
    if not ordered:
        return 0.0
    rank = -int(-share * len(ordered) // 1)  # the ceiling
    return ordered[min(max(rank, 1), len(ordered)) - 1]


@dataclass(frozen=True)
class Response:
    status: int
    keep_alive: bool


def response_parse(received: bytes, *, ended: bool) -> Response | None:
    """The response, once all of it is there; `ended`: the server has closed. Raises ValueError if it is not HTTP."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    lines = head.split(b"\r\n")
    if not lines[0].startswith(b"HTTP/1."):
        raise ValueError(f"This is not a response of HTTP/1: {lines[0][:80]!r}")
    status = int(lines[0].split(b" ", 2)[1])
    headers = {
        name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines[1:])
    }
    keep_alive = not ended and lines[0].startswith(b"HTTP/1.1") and headers.get(b"connection") != b"close"
    if status in _NO_BODY:
        whole = True
    elif b"content-length" in headers:
        whole = len(body) >= int(headers[b"content-length"])
    elif headers.get(b"transfer-encoding") == b"chunked":
        whole = _chunks_complete(body)
    else:
        whole, keep_alive = ended, False
    return Response(status, keep_alive) if whole else None


def _chunks_complete(body: bytes) -> bool:
    """Whether a chunked body has its last chunk, the empty one, and the blank line behind it."""
    at = 0
    while (end := body.find(b"\r\n", at)) >= 0:
        size = int(body[at:end].partition(b";")[0], 16)
        if size == 0:
            return body.find(b"\r\n", end + 2) >= 0
        at = end + 2 + size + 2
    return False


class _Connection:
    """One of the loop's places: its socket while there is one, and the request that it is at."""

    __slots__ = ("post", "received", "sock", "started", "unsent")

    def __init__(self, post: Post) -> None:
        self.sock: socket.socket | None = None
        self.take(post)

    def take(self, post: Post) -> None:
        self.post, self.unsent, self.received = post, memoryview(post.wire), b""
        self.started = time.perf_counter()


class _Loop:
    def __init__(self, port: int, posts: Iterable[Post], on_acknowledged: Callable[[int], object]) -> None:
        self.outcome = Outcome()
        self._port, self._posts, self._on_acknowledged = port, iter(posts), on_acknowledged
        self._epoll = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._waiting: list[_Connection] = []  # nobody listens at this moment

    def run(self, concurrency: int, max_seconds: float) -> Outcome:
        self._begun = time.perf_counter()
        try:
            for post in itertools.islice(self._posts, concurrency):
                self._send(_Connection(post))
            while self._open or self._waiting:
                if time.perf_counter() - self._begun > max_seconds:
                    self.outcome.complete = False
                    break
                self._turn()
        finally:
            self.outcome.seconds = time.perf_counter() - self._begun
            for connection in list(self._open.values()):
                self._close(connection)
            self._epoll.close()
        return self.outcome

    def _turn(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            self._send(connection)
        for descriptor, event in self._epoll.poll(_RETRY_S if self._waiting else 0.5):
            connection = self._open[descriptor]
            if event & select.EPOLLOUT:
                self._epoll.modify(descriptor, select.EPOLLIN)
                self._send(connection)
            if event & ~select.EPOLLOUT:
                self._receive(connection)

    def _send(self, connection: _Connection) -> None:
        if connection.sock is None and not self._connect(connection):
            self._waiting.append(connection)
            return
        assert connection.sock is not None
        try:
            while connection.unsent:
                connection.unsent = connection.unsent[connection.sock.send(connection.unsent) :]
        except BlockingIOError:
            self._epoll.modify(connection.sock, select.EPOLLIN | select.EPOLLOUT)
        except OSError:
            pass  # the reading side says so too

    def _connect(self, connection: _Connection) -> bool:
        sock = socket.socket()
        try:
            sock.connect(("127.0.0.1", self._port))
        except OSError:
            sock.close()
            self.outcome.refused += 1
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._epoll.register(sock, select.EPOLLIN)
        self._open[sock.fileno()] = connection
        connection.sock = sock
        return True

    def _receive(self, connection: _Connection) -> None:
        assert connection.sock is not None
        try:
            data = connection.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        connection.received += data
        response = response_parse(connection.received, ended=not data)
        if response is None and data:
            return
        if response is None:
            self.outcome.unanswered += 1
        else:
            self._count(connection, response)
        if response is None or not response.keep_alive:
            self._close(connection)
        post = next(self._posts, None)
        if post is not None:
            connection.take(post)
            self._send(connection)
        elif connection.sock is not None:
            self._close(connection)

    def _count(self, connection: _Connection, response: Response) -> None:
        now = time.perf_counter()
        self.outcome.latencies.append(now - connection.started)
        self.outcome.statuses[response.status] += 1
        if 200 <= response.status < 300:
            self.outcome.acknowledged[connection.post.ident] = now - self._begun
            self._on_acknowledged(len(self.outcome.acknowledged))

    def _close(self, connection: _Connection) -> None:
        assert connection.sock is not None
        del self._open[connection.sock.fileno()]
        connection.sock.close()  # which takes it out of epoll
        connection.sock = None


def load_run(
    *,
    port: int,
    posts: Iterable[Post],
    concurrency: int,
    max_seconds: float = 120.0,
    on_acknowledged: Callable[[int], object] = lambda count: None,
) -> Outcome:
    """Send every post once, `concurrency` at a time; `on_acknowledged` hears the number of 2xx so far.

    While nobody listens on the port it tries again every 20 ms. It ends early, `complete=False`, after `max_seconds`.
    """
    return _Loop(port, posts, on_acknowledged).run(concurrency, max_seconds)


def request_bytes(method: str, port: int, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """An HTTP/1.1 request as it goes over the wire."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--header", action="append", default=[])
    given = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in given.header)
    post = Post("", request_bytes("GET", given.port, given.path, headers))
    outcome = load_run(
        port=given.port, posts=itertools.repeat(post), concurrency=given.concurrency, max_seconds=given.seconds
    )
    figures = {
        "per_second": len(outcome.latencies) / outcome.seconds,
        "p50_ms": outcome.latency_ms(0.5),
        "p99_ms": outcome.latency_ms(0.99),
        "statuses": outcome.statuses,
        "failed": outcome.unanswered + outcome.refused,
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
