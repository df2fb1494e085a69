"""Real receivers on free ports of 127.0.0.1: an HTTP server that answers what it is told, and a small SMTP server."""

import email
import email.message
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """What came, whole."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """`answers`: what the next requests get (status, headers); 200 when none are left."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@contextmanager
def a_hook() -> Iterator[Hook]:
    """An HTTP server that keeps what it is sent."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hook.requests.append(Request(self.path, dict(self.headers.items()), body))
            status, headers = hook.answers.pop(0) if hook.answers else (200, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook/s3cret"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailServer:
    """`mails`: (recipients, message), as they came over the wire. `refuses`: the answer to MAIL FROM, if not 250."""

    port: int = 0
    mails: list[tuple[list[str], email.message.EmailMessage]] = field(default_factory=list)
    refuses: str = ""


@contextmanager
def a_mail_server() -> Iterator[MailServer]:
    """As much of RFC 5321 as smtplib speaks to it."""
    kept = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recipients: list[str] = []
            self.say("220 test")
            while line := self.rfile.readline():
                verb = line.decode().strip()
                if verb.upper().startswith("RCPT TO:"):
                    recipients.append(verb[8:].split()[0].strip("<>"))
                if verb.upper().startswith("MAIL") and kept.refuses:
                    self.say(kept.refuses)
                elif verb.upper() == "DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    raw = b"".join(one[1:] if one.startswith(b"..") else one for one in lines)
                    parsed = email.message_from_bytes(raw, policy=email.policy.default)
                    kept.mails.append((recipients, parsed))
                    recipients = []
                    self.say("250 kept")
                elif verb.upper() == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
