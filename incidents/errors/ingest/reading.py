"""Reading a body: decoded, bounded as sent and as decoded."""

from django.conf import settings
from django.http import HttpRequest

from incidents.errors.services.decoding import body_decode
from readiness.infra.refusals import TooLarge


def body_read(request: HttpRequest, *, limit: int) -> bytes:
    """The decoded body, at most `limit` bytes, and never more read than READINESS_MAX_BODY_BYTES as sent."""
    ceiling = min(limit, settings.READINESS_MAX_BODY_BYTES)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > ceiling:
        raise TooLarge(f"The body has {length} bytes; at most {ceiling} are taken.")
    raw = request.read(ceiling + 1)
    if len(raw) > ceiling:
        raise TooLarge(f"The body has more than {ceiling} bytes.")
    return body_decode(raw=raw, encoding=request.META.get("HTTP_CONTENT_ENCODING", ""), limit=limit)
