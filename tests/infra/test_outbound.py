"""Calls to typed-in addresses: only what was checked is connected to, and no receiver holds the caller."""

import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

from readiness.infra.outbound import (
    ANSWER_BYTES,
    OutboundAnswer,
    OutboundFailed,
    OutboundRefused,
    address_allowed,
    outbound_post,
    target_parse,
)

LOOPBACK = [ip_network("127.0.0.0/8")]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def a_receiver(serve: Callable[[socket.socket, bytes], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on a free port of 127.0.0.1; `serve` answers each connection, of which it has the request's head."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(peer,), daemon=True).start()

    def one(peer: socket.socket) -> None:
        try:
            connection = context.wrap_socket(peer, server_side=True) if context else peer
            with connection:
                read = b""
                while b"\r\n\r\n" not in read and (some := connection.recv(8192)):
                    read += some
                serve(connection, read)
        except OSError:
            peer.close()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # else its thread goes on accepting
        listener.close()


def answering(answer: bytes, seen: list[bytes] | None = None) -> Callable[[socket.socket, bytes], None]:
    def serve(connection: socket.socket, head: bytes) -> None:
        if seen is not None:
            seen.append(head)
        connection.sendall(answer)

    return serve


def post(url: str, *, deadline_s: float = 5, **fields: object) -> OutboundAnswer:
    return outbound_post(url, body=b"{}", headers={}, deadline_s=deadline_s, **fields)  # type: ignore[arg-type]


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "192.0.0.192", "192.88.99.1", "168.63.129.16", "::ffff:168.63.129.16", "::ffff:0.0.0.0",
        "64:ff9b:1::a00:1", "localhost", "",
    ],
)  # fmt: skip
def test_it_refuses_what_is_not_public(address: str) -> None:
    assert not address_allowed(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_it_allows_public_addresses(address: str) -> None:
    assert address_allowed(address)


def test_it_allows_the_ranges_that_are_named_and_no_others() -> None:
    allow = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert address_allowed("10.9.8.7", allow=allow)
    assert address_allowed("::ffff:10.9.8.7", allow=allow)
    assert address_allowed("fd00::5", allow=allow)
    assert not address_allowed("192.168.0.1", allow=allow)


@pytest.mark.parametrize(
    "url",
    ["ftp://x.test/", "file:///etc/passwd", "https://", "//x.test", "https://a b/", "http://[::1", "https://u:p@x.test/",
     "https://x.test:0/", "https://x.test:99999/", "javascript:alert(1)", "http://x%0d%0a.test/"],
)  # fmt: skip
def test_it_refuses_what_is_no_web_address(url: str) -> None:
    with pytest.raises(OutboundRefused):
        target_parse(url)


def test_it_takes_a_url_apart() -> None:
    target = target_parse("https://Bücher.test:8443/a b?c=d e&f#g")
    assert (target.host, target.port, target.secure) == ("xn--bcher-kva.test", 8443, True)
    assert target.path == "/a%20b?c=d%20e&f"


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "0", "[::]", "[::ffff:127.0.0.1]", "[::1]",
     "１２７.0.0.1", "127。0。0。1", "localhost.", "LOCALHOST"],
)  # fmt: skip
def test_it_refuses_loopback_however_it_is_written(host: str) -> None:
    """The system's own resolver reads these: what it makes of them is what is judged."""
    with pytest.raises((OutboundRefused, OutboundFailed), match=r"not a public address|has no address"):
        post(f"http://{host}:9/")


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X": "\0"}, {"X": "snow ☃"}, {"X: a\r\nY": "b"}, {"X Y": "b"}, {"": "b"},
     {"host": "other.test"}, {"Content-Length": "0"}, {"transfer-encoding": "chunked"}],
)  # fmt: skip
def test_it_sends_no_header_that_would_be_another(headers: dict[str, str]) -> None:
    seen: list[bytes] = []
    with a_receiver(answering(OK, seen)) as port, pytest.raises(OutboundRefused, match="header"):
        outbound_post(f"http://127.0.0.1:{port}/", body=b"{}", headers=headers, allow=LOOPBACK)
    assert seen == []


# --- calls ------------------------------------------------------------------------------------------------------------


def test_it_calls_loopback_only_where_the_setting_allows_it() -> None:
    with a_receiver(answering(OK)) as port:
        with pytest.raises(OutboundRefused, match="READINESS_OUTBOUND_ALLOW"):
            post(f"http://127.0.0.1:{port}/")
        with pytest.raises(OutboundRefused):
            post(f"http://localhost:{port}/")
        assert post(f"http://127.0.0.1:{port}/", allow=LOOPBACK).body == b"ok"


def test_it_resolves_a_name_once_and_connects_to_what_it_checked() -> None:
    """The first answer is public (well, allowed), the second would be another: there is no second."""
    seen: list[bytes] = []
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with a_receiver(answering(OK, seen)) as port:
        allow = [ip_network("127.0.0.1/32")]
        assert post(f"http://rebind.example.test:{port}/x", allow=allow, resolve=rebinding).status == 200
    assert asked == ["rebind.example.test"]
    assert f"Host: rebind.example.test:{port}\r\n".encode() in seen[0]


def test_a_name_that_turns_private_is_refused_before_anything_is_sent() -> None:
    seen: list[bytes] = []
    with a_receiver(answering(OK, seen)) as port, pytest.raises(OutboundRefused, match=r"evil\.example\.test"):
        post(f"http://evil.example.test:{port}/", resolve=lambda host, port: ["127.0.0.1"])
    assert seen == []


def test_it_follows_no_redirect() -> None:
    seen: list[bytes] = []
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"
    with a_receiver(answering(redirect, seen)) as port:
        answer = post(f"http://127.0.0.1:{port}/", allow=LOOPBACK)
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/latest")
    assert len(seen) == 1


def test_it_asks_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with a_receiver(answering(OK)) as port:
        assert post(f"http://127.0.0.1:{port}/", allow=LOOPBACK).status == 200


def test_it_waits_no_longer_for_who_drips_bytes() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket, head: bytes) -> None:
        while not stop.wait(0.05):
            connection.sendall(b"H")

    with a_receiver(drip) as port:
        began = time.monotonic()
        with pytest.raises(OutboundFailed, match=r"no whole answer within 0\.4 s"):
            post(f"http://127.0.0.1:{port}/", allow=LOOPBACK, deadline_s=0.4)
        assert time.monotonic() - began < 2
    stop.set()


def test_a_known_status_counts_though_the_body_never_ends() -> None:
    stop = threading.Event()

    def hang(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        stop.wait(5)

    with a_receiver(hang) as port:
        answer = post(f"http://127.0.0.1:{port}/", allow=LOOPBACK, deadline_s=0.4)
    stop.set()
    assert (answer.status, answer.body) == (200, b"half")


def test_a_known_status_counts_though_the_connection_is_reset_behind_it() -> None:
    def reset(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with a_receiver(reset) as port:
        assert post(f"http://127.0.0.1:{port}/", allow=LOOPBACK).status == 200


def test_an_interim_answer_is_none() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    with a_receiver(answering(interim + OK)) as port:
        assert post(f"http://127.0.0.1:{port}/", allow=LOOPBACK).status == 200
    with a_receiver(answering(interim)) as port, pytest.raises(OutboundFailed, match="without an answer"):
        post(f"http://127.0.0.1:{port}/", allow=LOOPBACK)


def test_it_tries_the_other_family_when_the_first_leads_nowhere() -> None:
    """Two addresses are tried: not two of the family that this machine may have no way to."""
    found = ["::1", "::2", "127.0.0.1"]
    with a_receiver(answering(OK)) as port:
        allow = [*LOOPBACK, ip_network("::/64")]
        assert post(f"http://both.example.test:{port}/", allow=allow, resolve=lambda host, port: found).status == 200


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n"])
def test_it_reads_no_more_than_it_needs(head: bytes) -> None:
    def flood(connection: socket.socket, request: bytes) -> None:
        connection.sendall(head)
        for _ in range(1_000):
            connection.sendall(b"x" * 65_536)

    with a_receiver(flood) as port:
        answer = post(f"http://127.0.0.1:{port}/", allow=LOOPBACK)
    assert answer.status == 200
    assert 0 < len(answer.body) <= ANSWER_BYTES


def test_it_reads_chunks_and_tells_of_nonsense_and_silence() -> None:
    chunked = b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n"
    with a_receiver(answering(chunked)) as port:
        assert post(f"http://127.0.0.1:{port}/", allow=LOOPBACK).body == b"no!"
    with a_receiver(answering(b"SSH-2.0-OpenSSH\r\n")) as port, pytest.raises(OutboundFailed):
        post(f"http://127.0.0.1:{port}/", allow=LOOPBACK)
    with a_receiver(answering(b"")) as port, pytest.raises(OutboundFailed, match="without an answer"):
        post(f"http://127.0.0.1:{port}/", allow=LOOPBACK)
    with pytest.raises(OutboundFailed, match="could not be called"):
        post(f"http://127.0.0.1:{port}/", allow=LOOPBACK)


def test_it_tells_when_a_name_has_no_address_or_resolves_too_slowly() -> None:
    with pytest.raises(OutboundFailed, match="has no address"):
        post("https://nowhere.example.test/", resolve=lambda host, port: [])
    never = threading.Event()
    with pytest.raises(OutboundFailed, match="could not be resolved"):
        post("https://slow.example.test/", deadline_s=0.2, resolve=lambda host, port: ["x"] if never.wait(5) else [])
    never.set()


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate of its own making for hook.example.test, and that certificate's file."""
    place = tmp_path_factory.mktemp("tls")
    key, certificate = place / "key.pem", place / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=hook.example.test",
         "-addext", "subjectAltName=DNS:hook.example.test"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_it_trusts_a_certificate_for_its_own_name_only(
    certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = certificate
    with a_receiver(answering(OK), context) as port:
        with pytest.raises(OutboundFailed, match="no certificate to trust"):
            post(f"https://hook.example.test:{port}/", allow=LOOPBACK, resolve=here)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert post(f"https://hook.example.test:{port}/", allow=LOOPBACK, resolve=here).status == 200
        with pytest.raises(OutboundFailed, match="no certificate to trust"):
            post(f"https://other.example.test:{port}/", allow=LOOPBACK, resolve=here)


@contextmanager
def a_raw_receiver(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A server on a free port of 127.0.0.1 that has one connection as it is, and an event that says when to let go."""
    listener, done = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def run() -> None:
        try:
            peer, _ = listener.accept()
            with peer:
                serve(peer, done)
        except OSError:
            pass  # the caller hung up, as it should

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        done.set()
        listener.close()
        thread.join(5)


def test_a_handshake_that_comes_byte_by_byte_is_cut_off_at_the_deadline(
    certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server's part of the handshake, sent a byte at a time: each byte is in time, the whole never is."""
    context, file = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    def dribble(peer: socket.socket, done: threading.Event) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        while not outgoing.pending:
            incoming.write(peer.recv(8192))
            with suppress(ssl.SSLWantReadError):
                server.do_handshake()
        for byte in outgoing.read():
            if done.wait(0.02):
                return
            peer.sendall(bytes([byte]))

    with a_raw_receiver(dribble) as port:
        began = time.monotonic()
        with pytest.raises(OutboundFailed, match=r"no whole answer within 0\.5 s"):
            post(f"https://hook.example.test:{port}/", allow=LOOPBACK, resolve=here, deadline_s=0.5)
        assert time.monotonic() - began < 2


def test_a_request_that_is_taken_in_sips_is_cut_off_at_the_deadline(
    certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that reads a little now and then: every piece goes off in time, the whole does not."""
    context, file = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    def sip(peer: socket.socket, done: threading.Event) -> None:
        with context.wrap_socket(peer, server_side=True) as secured:
            while not done.wait(0.05) and secured.recv(16_384):
                secured.recv(16_384)

    with a_raw_receiver(sip) as port:
        url, began = f"https://hook.example.test:{port}/", time.monotonic()
        with pytest.raises(OutboundFailed, match=r"no whole answer within 0\.5 s"):
            outbound_post(url, body=b"x" * 12_000_000, headers={}, allow=LOOPBACK, resolve=here, deadline_s=0.5)
        assert time.monotonic() - began < 2
