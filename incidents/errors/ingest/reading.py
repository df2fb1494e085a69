"""Reading a body: decoded, bounded as sent and as decoded."""

from django.conf import settings
from django.http import HttpRequest

from incidents.errors.services.decoding import body_decode
from readiness.infra.refusals import TooLarge


def raw_read(request: HttpRequest, *, limit: int) -> bytes:
    """The body as sent, at most `limit` and READINESS_MAX_BODY_BYTES of it. Raises TooLarge."""
    ceiling = min(limit, settings.READINESS_MAX_BODY_BYTES)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > ceiling:
        raise TooLarge(f"The body has {length} bytes; at most {ceiling} are taken.")
    raw = request.read(ceiling + 1)
    if len(raw) > ceiling:
        raise TooLarge(f"The body has more than {ceiling} bytes.")
    return raw


def encoding_of(request: HttpRequest) -> str:
    """The request's Content-Encoding, empty when there is none."""
    return str(request.META.get("HTTP_CONTENT_ENCODING", ""))


def body_read(request: HttpRequest, *, limit: int) -> bytes:
    """The decoded body, at most `limit` bytes, and never more read than READINESS_MAX_BODY_BYTES as sent."""
    return body_decode(raw=raw_read(request, limit=limit), encoding=encoding_of(request), limit=limit)
