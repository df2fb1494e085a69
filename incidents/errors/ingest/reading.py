"""Reading a body: decoded, bounded as sent and as decoded.

Most bodies are small. Large ones may take a few hundred times their size while they are read: a few at a time, so that
a process's memory is bounded by what it allows and not by what is sent; and in the time that a plain line needs.
"""

from time import monotonic

from django.conf import settings
from django.http import HttpRequest

from incidents.errors.services.decoding import body_decode
from readiness.infra.refusals import Malformed, TooLarge
from readiness.infra.turns import Places

SMALL_SENT_BYTES = 1024 * 1024
SMALL_BYTES = 2 * 1024 * 1024
MAX_READ_S = 60.0
_PIECE = 256 * 1024
_receiving = Places(8, what="large bodies", wait_s=10)
_handling = Places(4, what="large bodies", wait_s=10)


def raw_read(request: HttpRequest, *, limit: int) -> bytes:
    """The body as sent, at most `limit` and READINESS_MAX_BODY_BYTES of it. Raises TooLarge."""
    ceiling = min(limit, settings.READINESS_MAX_BODY_BYTES)
    length = request.META.get("CONTENT_LENGTH") or ""
    told = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
    if told is not None and told > ceiling:
        raise TooLarge(f"The body has {told} bytes; at most {ceiling} are taken.")
    try:
        raw = request.read(min(ceiling, SMALL_SENT_BYTES) + 1)
        if SMALL_SENT_BYTES < len(raw) <= ceiling:
            _receiving.take(request.META)
            raw = _read_on(request, raw, ceiling)
    except OSError as gone:  # the sender went away
        raise Malformed("The body ended before it was whole; send it again.") from gone
    if len(raw) > ceiling:
        raise TooLarge(f"The body has more than {ceiling} bytes.")
    if told is not None and len(raw) < told:
        raise Malformed(f"Content-Length says {told} bytes and {len(raw)} came; it was cut off on its way.")
    return raw


def _read_on(request: HttpRequest, start: bytes, ceiling: int) -> bytes:
    pieces, size, until = [start], len(start), monotonic() + MAX_READ_S
    while size <= ceiling and (piece := request.read(min(_PIECE, ceiling + 1 - size))):
        pieces.append(piece)
        size += len(piece)
        if monotonic() > until:
            raise Malformed(f"After {MAX_READ_S:.0f} s the body was not whole; send less at a time.")
    return b"".join(pieces)


def large_begin(request: HttpRequest) -> None:
    """From here on the request may cost much memory: one of few at a time. Raises RateLimited."""
    _handling.take(request.META)


def encoding_of(request: HttpRequest) -> str:
    """The request's Content-Encoding, empty when there is none."""
    return str(request.META.get("HTTP_CONTENT_ENCODING", ""))


def body_read(request: HttpRequest, *, limit: int) -> bytes:
    """The decoded body, at most `limit` bytes, and never more read than READINESS_MAX_BODY_BYTES as sent."""
    raw, encoding = raw_read(request, limit=limit), encoding_of(request)
    if limit > SMALL_BYTES:
        try:
            return body_decode(raw=raw, encoding=encoding, limit=SMALL_BYTES)
        except TooLarge:
            large_begin(request)
    return body_decode(raw=raw, encoding=encoding, limit=limit)
