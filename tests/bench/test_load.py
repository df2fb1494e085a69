"""The closed loop: what it counts, and how it reads answers."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench.load import Outcome, Post, Response, load_run, percentile, request_bytes, response_parse
from tests.console import free_port


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 5.0), (0.51, 6.0), (0.95, 10.0), (0.99, 10.0), (1.0, 10.0)]
)
def test_it_takes_percentiles_by_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 11)], share) == expected


def test_it_has_a_percentile_of_one_value_and_of_none() -> None:
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Response(200, keep_alive=True)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", Response(200, keep_alive=False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Response(200, keep_alive=False)),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", Response(304, keep_alive=True)),
        (b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n", Response(429, keep_alive=True)),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\r\n0\r\n0\r\n\r\n",
            Response(200, keep_alive=True),
        ),
    ],
)
def test_it_reads_a_whole_answer_and_no_part_of_one(received: bytes, expected: Response) -> None:
    assert response_parse(received, ended=False) == expected
    assert [response_parse(received[:end], ended=False) for end in range(len(received))] == [None] * len(received)


def test_it_takes_an_answer_without_a_length_when_the_server_closes() -> None:
    received = b"HTTP/1.1 200 OK\r\n\r\nsome"
    assert response_parse(received, ended=False) is None
    assert response_parse(received, ended=True) == Response(200, keep_alive=False)


def test_it_refuses_what_is_no_http() -> None:
    with pytest.raises(ValueError, match="not a response"):
        response_parse(b"SSH-2.0-server\r\n\r\n", ended=False)


def test_it_finds_the_longest_silence_the_first_wait_included() -> None:
    assert Outcome(acknowledged={"a": 0.5, "b": 0.75, "c": 2.0}).longest_silence() == 1.25
    assert Outcome(acknowledged={"a": 3.0}).longest_silence() == 3.0
    assert Outcome().longest_silence() == 0.0


class _Taker(BaseHTTPRequestHandler):
    """Answers by the body: `close` closes the connection afterwards, `drop` gives no answer, a number is the status."""

    protocol_version = "HTTP/1.1"
    taken: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(body)
        word = body.split()[0]
        self.close_connection = word in (b"close", b"drop")
        if word == b"drop":
            return
        self.send_response(int(word) if word.isdigit() else 200)
        self.send_header("Content-Length", "2")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


Send = Callable[[list[str]], tuple[Outcome, list[bytes]]]


@pytest.fixture
def send() -> Iterator[Send]:
    """Send these bodies, three at a time, to a real server; what the loop met, and what the server got."""

    class Taker(_Taker):
        taken = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    port = server.server_address[1]

    def run(bodies: list[str]) -> tuple[Outcome, list[bytes]]:
        posts = [Post(body, request_bytes("POST", port, "/", {}, body.encode())) for body in bodies]
        return load_run(port=port, posts=posts, concurrency=3, max_seconds=20), Taker.taken

    yield run
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_sends_every_post_once(send: Send) -> None:
    bodies = [f"keep {number}" for number in range(50)]
    outcome, taken = send(bodies)
    assert sorted(taken) == sorted(body.encode() for body in bodies)
    assert outcome.acknowledged.keys() == set(bodies)
    assert len(outcome.latencies) == 50
    assert outcome.complete


def test_it_goes_on_over_closed_and_lost_connections(send: Send) -> None:
    bodies = [f"{word} {number}" for number in range(10) for word in ("close", "drop", "keep", "429")]
    outcome, taken = send(bodies)
    assert len(taken) == 40
    assert outcome.acknowledged.keys() == {body for body in bodies if body.startswith(("close", "keep"))}
    assert outcome.unanswered == 10
    assert outcome.statuses == {200: 20, 429: 10}


def test_it_stops_when_time_is_up_and_nobody_listens() -> None:
    port = free_port()
    post = Post("a", request_bytes("POST", port, "/", {}))
    outcome = load_run(port=port, posts=[post], concurrency=1, max_seconds=0.05)
    assert not outcome.complete
    assert outcome.refused
    assert not outcome.acknowledged
