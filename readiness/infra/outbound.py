"""Calls to addresses that people have typed in: what was resolved and checked is what is connected to.

A name is resolved once; each answer is held against the address rules, and the connection goes to a checked address
itself, with the name kept for Host, SNI and the certificate. A name that answers differently the next time (DNS
rebinding) changes nothing. Loopback, private, link-local (cloud metadata), carrier-grade NAT, unique-local, multicast
and reserved addresses are refused, also inside IPv6 forms that carry an IPv4 address, unless settings.
READINESS_OUTBOUND_ALLOW names their range. Redirects are answers, never followed; proxies of the environment are not
asked. The whole call has one deadline, whoever drips bytes and wherever: at the handshake, while the request is taken,
in the answer. Of the answer 64 KiB are read.
"""

import http.client
import io
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from time import monotonic
from urllib.parse import quote, urlsplit

DEADLINE_S = 10.0
ANSWER_BYTES = 64 * 1024
ADDRESSES_TRIED = 2
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
# What Python holds for public and is not: special-purpose (RFC 6890; a cloud's metadata lies in it), the former 6to4
# relays (RFC 7526), and the address at which Azure's machines reach their host.
_NEVER = tuple(map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
_HOST = re.compile(r"[A-Za-z0-9_.\-:]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, token
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OWN_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding"})
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9][0-9][ \r]")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]


class OutboundRefused(Exception):
    """The call is not made: the URL or its address is not allowed. Says what to do; names the host, never the path."""


class OutboundFailed(Exception):
    """The call was tried and got no answer. Names the host, never the path."""


@dataclass(frozen=True, slots=True)
class OutboundTarget:
    """A checked URL: `host` as it is resolved, `authority` as it is named in Host, `path` with its query."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """`headers` by their names in lower case; `body`: at most 64 KiB of it, and what came before the deadline."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


# --- what may be called -----------------------------------------------------------------------------------------------


def target_parse(url: str) -> OutboundTarget:
    """The parts of an http or https URL. Raises OutboundRefused for any other, for one without a host, and for one that
    carries a user's name or password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        name = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        raise OutboundRefused("This is no URL that could be called; write https://host/path.") from None
    if parts.scheme not in ("http", "https") or not name or not _HOST.fullmatch(name):
        raise OutboundRefused("Only http:// and https:// URLs with a host can be called.")
    if "@" in parts.netloc:
        raise OutboundRefused("The URL carries a user name; it would be shown wherever the URL is. Leave it out.")
    if port == 0:
        raise OutboundRefused("Nothing listens on port 0.")
    secure = parts.scheme == "https"
    shown = f"[{name}]" if ":" in name else name
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    query = f"?{quote(parts.query, safe=_PATH_SAFE + '?')}" if parts.query else ""
    authority = shown if port is None else f"{shown}:{port}"
    return OutboundTarget(secure, name, port or (443 if secure else 80), authority, path + query)


def address_allowed(address: str, *, allow: Sequence[Network] = ()) -> bool:
    """May this address be connected to? `allow`: the ranges that an installation has opened."""
    try:
        outer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    forms = {outer, *_carried(outer)}
    return all(_is_public(one) or any(one in network for network in allow) for one in forms) or any(
        outer in network for network in allow
    )


def _carried(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, compatible, NAT64, 6to4, Teredo."""
    if isinstance(address, IPv4Address):
        return []
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        found.append(low)
    return [one for one in found if one is not None]


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64):
        return True  # judged by the IPv4 address that it carries
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    never = site_local or any(address in network for network in _NEVER)
    return address.is_global and not (address.is_multicast or address.is_reserved or never)


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system's resolver gives them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def addresses_checked(
    target: OutboundTarget, *, allow: Sequence[Network], resolve: Resolver, within_s: float
) -> list[str]:
    """The allowed addresses of the target, resolved once. Raises OutboundRefused when it has none but forbidden ones,
    OutboundFailed when it has none.
    """
    found = _in_time(lambda: resolve(target.host, target.port), target, within_s)
    if not found:
        raise OutboundFailed(f"{target.host} has no address; is the name right?")
    allowed = [address for address in found if address_allowed(address, allow=allow)]
    if not allowed:
        raise OutboundRefused(
            f"{target.host} is at {found[0]}, which is not a public address. If it is yours, name its range in "
            "READINESS_OUTBOUND_ALLOW."
        )
    return allowed


def _in_time(resolve: Callable[[], Sequence[str]], target: OutboundTarget, within_s: float) -> Sequence[str]:
    """Resolvers cannot be told to hurry: one that is too slow is left behind in its thread."""
    answers: list[Sequence[str]] = []

    def ask() -> None:
        try:
            answers.append(resolve())
        except (OSError, UnicodeError):
            answers.append([])

    thread = threading.Thread(target=ask, daemon=True, name="outbound-resolve")
    thread.start()
    thread.join(within_s)
    if not answers:
        raise OutboundFailed(f"{target.host} could not be resolved within {within_s:.0f} s.")
    return answers[0]


# --- the call ---------------------------------------------------------------------------------------------------------


def outbound_post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    allow: Sequence[Network] = (),
    deadline_s: float = DEADLINE_S,
    resolve: Resolver = system_resolve,
) -> OutboundAnswer:
    """POST the body; the answer, whatever its status. Raises OutboundRefused, OutboundFailed."""
    until = monotonic() + deadline_s
    target = target_parse(url)
    addresses = addresses_checked(target, allow=allow, resolve=resolve, within_s=deadline_s)
    request = _request(target, body, headers)
    try:
        with _connect(target, addresses, until) as connection:
            connection.settimeout(_left(until))
            connection.sendall(request)
            return _answer(_read(connection, until), target)
    except TimeoutError:
        raise OutboundFailed(f"{target.host} gave no whole answer within {deadline_s:g} s.") from None
    except ssl.SSLCertVerificationError as wrong:
        raise OutboundFailed(f"{target.host} has no certificate to trust: {wrong.verify_message}") from None
    except (OSError, http.client.HTTPException) as broken:
        raise OutboundFailed(f"{target.host} could not be called: {_reason(broken)}.") from None


def _reason(broken: Exception) -> str:
    words = getattr(broken, "strerror", None) or type(broken).__name__
    return str(words)


def _request(target: OutboundTarget, body: bytes, headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise OutboundRefused("A header with a line break, or another character that none may hold, is not sent.")
        if name.lower() in _OWN_HEADERS:
            raise OutboundRefused(f"The header {name} follows from the call; leave it out.")
    named = {"Host": target.authority, "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"POST {target.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connect(target: OutboundTarget, addresses: Sequence[str], until: float) -> socket.socket:
    """Connected to one of the checked addresses, the certificate verified for the name."""
    plain = _connect_plainly(target, _tried(addresses), until)
    if not target.secure:
        return plain
    try:
        context = ssl.create_default_context()
        plain.settimeout(_left(until))  # the handshake as a whole has this time, however many pieces it comes in
        return context.wrap_socket(plain, server_hostname=target.host)
    except BaseException:  # whatever ends it, also a task's time limit: the socket is ours to close
        plain.close()
        raise


def _tried(addresses: Sequence[str]) -> list[str]:
    """The first, and the first of the other family: where one of the two leads nowhere, the other may."""
    others = [address for address in addresses[1:] if (":" in address) != (":" in addresses[0])]
    return [addresses[0], *(others or addresses[1:])][:ADDRESSES_TRIED]


def _connect_plainly(target: OutboundTarget, addresses: Sequence[str], until: float) -> socket.socket:
    """Each address but the last gets half of the time that is left."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, target.port), timeout=_left(until) / 2)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], target.port), timeout=_left(until))


def _read(connection: socket.socket, until: float) -> bytes:
    """The answer's bytes: all, or 64 KiB, or what came in time; raises TimeoutError when not even the head did."""
    read, taken = bytearray(), 0
    while taken < ANSWER_BYTES and not _is_whole(read):
        try:
            connection.settimeout(_left(until))
            some = connection.recv(8192)
        except OSError:  # too late, or the connection broke
            if b"\r\n\r\n" in read:
                break  # the status is known: what was asked has been done or refused
            raise
        if not some:
            break
        read += some
        taken += len(some)
        _interim_drop(read)
    return bytes(read[:ANSWER_BYTES])


def _interim_drop(read: bytearray) -> None:
    """A head of 1xx says that the answer is still to come; it is none itself (RFC 9110, 15.2)."""
    while _INTERIM.match(read) and (end := read.find(b"\r\n\r\n")) >= 0:
        del read[: end + 4]


def _is_whole(read: bytearray) -> bool:
    """The body is there as far as the head announced it; without a length only the end of the connection tells."""
    head, end, body = bytes(read).partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?im)^content-length:[ \t]*(\d{1,12})[ \t]*\r?$", head)
    if length:
        return len(body) >= int(length[1])
    if re.search(rb"(?im)^transfer-encoding:.*chunked", head):
        return body.endswith(b"0\r\n\r\n")
    return head[9:12] in (b"204", b"304")


class _Bytes:
    """What http.client reads its answer from."""

    def __init__(self, read: bytes) -> None:
        self._read = read

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._read)


def _answer(read: bytes, target: OutboundTarget) -> OutboundAnswer:
    if not read:
        raise OutboundFailed(f"{target.host} closed the connection without an answer.")
    response = http.client.HTTPResponse(_Bytes(read), method="POST")  # type: ignore[arg-type]  # it asks for makefile()
    response.begin()
    try:
        body = response.read(ANSWER_BYTES)
    except http.client.IncompleteRead as cut:
        body = cut.partial
    except (ValueError, http.client.HTTPException):  # a wrong chunk: the status stands
        body = b""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return OutboundAnswer(response.status, response.reason[:100], headers, body)
