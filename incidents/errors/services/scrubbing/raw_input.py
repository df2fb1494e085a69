"""Raw input: hashed, then dropped, but for what the project keeps. What was secret in it must not stand elsewhere."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from incidents.errors.services.kept_fields import cookies_kept, data_kept, named_kept
from incidents.errors.services.scrub_rules import CaptureRules
from incidents.errors.services.scrubbing.json_texts import decoded
from incidents.errors.services.scrubbing.kept import Cleaned
from incidents.errors.services.sentry_events import NOTHING, Frame, Request
from readiness.infra.redaction import (
    FILTERED,
    Seen,
    cookie_is_secret,
    header_is_secret,
    text_scrub,
    value_scrub,
)
from readiness.infra.redaction.patterns import PAIR_QUICK

MAX_HEADERS = 60
MAX_HEADER = 1_000
_EMPTY = (b"", b"null", b"{}", b"[]", b'""')
_LEAST = 4
_encoder = msgspec.json.Encoder()


def variables_drop(frames: Iterable[Frame | None], rules: CaptureRules, seen: Seen, kept: Cleaned) -> None:
    """Take the variables out of the frames, but for those that the project keeps."""
    parts: list[bytes] = []
    for frame in frames:
        if frame is not None and (raw := frame.vars) is not NOTHING:
            parts.append(bytes(raw))
            frame.vars = _variables_kept(parts[-1], rules, seen) if rules.kept.vars else NOTHING
    if parts := [data for data in parts if len(data) > _LEAST or data not in _EMPTY]:
        kept.variables = b"\x1f".join(parts) + b"\x1f"
        _look_back(parts, kept.variables, seen)


def request_drop(request: Request, rules: CaptureRules, seen: Seen, kept: Cleaned) -> list[dict[str, Any]]:
    """Note what is dropped of the request; what of it the project keeps: of its data, its query, its cookies."""
    sent = [bytes(raw) for raw in (request.data, request.query_string, request.cookies)]
    if parts := [data for data in sent if data not in _EMPTY]:
        kept.raw_input = b"\x1f".join(parts) + b"\x1f"
        _look_back(parts, kept.raw_input, seen)
    if sent[2] not in _EMPTY:
        _cookies_look(decoded(sent[2]), seen)
    if request.url and "?" in request.url and PAIR_QUICK.search(request.url.encode("utf-8", "replace")):
        text_scrub(request.url, seen=seen)
    if not rules.kept:
        return []
    return [
        data_kept(decoded(sent[0]), rules.kept.data),
        named_kept(decoded(sent[1]), rules.kept.query),
        cookies_kept(decoded(sent[2]), rules.kept.cookies),
    ]


def headers_filter(request: Request | None, seen: Seen) -> dict[str, str]:
    """The request's headers without cookies, and without the values of those whose name says that they are secret."""
    headers: dict[str, str] = {}
    for name, value in list(((request and request.headers) or {}).items())[:MAX_HEADERS]:
        if name.lower() in ("cookie", "set-cookie"):
            _cookies_look(value or "", seen)
        elif value and header_is_secret(name):
            seen.add(value)
            headers[name[:200]] = FILTERED
        else:
            headers[name[:200]] = (value or "")[:MAX_HEADER]
    return headers


def _variables_kept(data: bytes, rules: CaptureRules, seen: Seen) -> Raw:
    """The variables that the project keeps; they are scrubbed as data here, and as prose with their frame."""
    found = named_kept(decoded(data), rules.kept.vars)
    return Raw(_encoder.encode(value_scrub(found, rules.rules, seen))) if found else NOTHING


def _look_back(parts: list[bytes], joined: bytes, seen: Seen) -> None:
    """Note the secrets in what is dropped: they must not stand in what is kept."""
    if PAIR_QUICK.search(joined):
        for data in parts:
            if PAIR_QUICK.search(data):
                value_scrub(decoded(data), seen=seen)


def _cookies_look(cookies: Any, seen: Seen) -> None:
    if isinstance(cookies, dict):
        pairs = [(str(name), value) for name, value in cookies.items()]
    elif isinstance(cookies, list):
        pairs = [(str(entry[0]), entry[1]) for entry in cookies if isinstance(entry, list) and len(entry) == 2]
    else:
        pairs = _cookie_pairs(str(cookies))
    for name, value in pairs:
        if cookie_is_secret(name) or _is_random(value):
            seen.add(value)


def _cookie_pairs(header: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in header.split(";"))
    return [(name.strip(), value.strip()) for name, _, value in pairs if value]


def _is_random(value: Any) -> bool:
    """A cookie that is no setting: long, of letters and digits."""
    text = value if isinstance(value, str) else ""
    return len(text) >= 16 and any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
