"""An event's head: every text of it that is kept or counts for its group, but for those of frames."""

from collections.abc import Sequence
from itertools import chain as flattened
from urllib.parse import urlsplit

from incidents.errors.services.scrubbing.kept import Cleaned
from incidents.errors.services.sentry_events import Request, SentryEvent, SentryException

MAX_TEXT = 8_192
Head = list[str | None]


def head_of(event: SentryEvent, chain: Sequence[SentryException], trace: tuple[str | None, str | None]) -> Head:
    """The texts, in the order in which `head_back` takes them."""
    entry, request, sdk = event.logentry, event.request, event.sdk
    limit = 2 * MAX_TEXT
    said = [entry.message, entry.formatted] if entry else [None, None]
    head = [
        event.transaction, event.logger, event.release, event.environment, event.platform, event.level,
        event.message, *said, trace[0], trace[1], *((sdk.name, sdk.version) if sdk else (None, None)),
        request.method if request else "", _address(request) if request else "",
        *flattened.from_iterable((e.type, e.value, e.module) for e in chain), *(event.fingerprint or ()),
    ]  # fmt: skip
    return [text if text is None or len(text) <= limit else text[:limit] for text in head]


def head_back(head: Head, event: SentryEvent, chain: Sequence[SentryException], kept: Cleaned) -> None:
    """Put the texts, scrubbed by now, where they came from."""
    texts = iter(head)
    event.transaction, event.logger, event.release, event.environment = (next(texts) for _ in range(4))
    event.platform, event.level, event.message = (next(texts) for _ in range(3))
    said = next(texts), next(texts)
    if event.logentry is not None:
        event.logentry.message, event.logentry.formatted = said
    kept.trace_id, kept.span_id = (next(texts) or "" for _ in range(2))
    kept.sdk = "/".join(text for text in (next(texts), next(texts)) if text)  # together they could read as one token
    kept.method, kept.url = (next(texts) or "" for _ in range(2))
    for exception in chain:
        exception.type, exception.value, exception.module = next(texts), next(texts), next(texts)
    if event.fingerprint:
        event.fingerprint = [text or "" for text in texts]


def _address(request: Request) -> str:
    """The URL without its query, its fragment and whoever is named in it."""
    address = (request.url or "")[:2_000]
    if any(sign in address for sign in "\t\r\n"):  # urlsplit would join what they keep apart, and hide a secret so
        address = " ".join(address.split())
    try:
        url = urlsplit(address)
    except ValueError:  # `http://[broken`
        return "[no valid URL]"
    host = url.netloc.rsplit("@", 1)[-1]
    if not host:  # the scheme stays: without its `Authorization:` a token would look like a word
        return f"{url.scheme}:{url.path}" if url.scheme else url.path
    return f"{url.scheme}://{host}{url.path}"
