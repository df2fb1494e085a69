"""Scrubbing a Sentry event in place, before anything is derived from it: what comes after never meets a secret.

What is kept of an event is encoded once, a line for each part, and looked at as a whole: sources and texts for
secrets in prose, free-form data for names of secrets too. Only the parts in which something could be are taken apart.
Raw input (request bodies, query, cookies, variables) is dropped; what was secret in it must not stand elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain as flattened
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from incidents.errors.services.grouping import exceptions_kept, frames_kept, thread_kept
from incidents.errors.services.scrub_rules import (
    CaptureRules,
    cookies_kept,
    data_kept,
    named_kept,
)
from incidents.errors.services.sentry_events import NOTHING, Frame, Request, SentryEvent
from incidents.errors.services.trimming import MAX_ENTRY_BYTES, bag_trim
from readiness.infra.redaction import (
    FILTERED,
    Rules,
    Seen,
    cookie_is_secret,
    header_is_secret,
    scrub,
    text_forget,
    text_scrub,
    value_scrub,
)
from readiness.infra.redaction.patterns import DATA_QUICK, ENCODED_QUICK, PAIR_QUICK

MAX_TEXT = 8_192
MAX_TAG = 200
MAX_TAGS = 50
MAX_HEADERS = 60
MAX_BREADCRUMBS = 100
MAX_LINE = 500
_FRAME_BYTES = 1_200  # a stack whose frames are larger than this on average has its source lines cut
_encoder = msgspec.json.Encoder()
_decode = msgspec.json.decode
_EMPTY = (b"", b"null", b"{}", b"[]", b'""')
_LEAST = 4
_RAW_KEPT = ("data", "query", "cookies")
_CRUMB_PROSE = frozenset({"message", "category", "type", "level", "timestamp", "event_id"})
Change = Callable[[str], str]


@dataclass(slots=True)
class Cleaned:
    """What is kept of a scrubbed event beside the event itself; each `bytes` is JSON.

    `stacks`: of each exception (and of the thread that tells, if no exception has frames), an array of frames.
    `variables`, `raw_input`: what is to be hashed and dropped; `raw_kept`: what of it the project keeps, by `data`,
    `query` and `cookies`.
    """

    stacks: list[bytes] = field(default_factory=list)
    breadcrumbs: list[bytes] = field(default_factory=list)
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw_kept: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    extra: bytes = b"null"
    contexts: bytes = b"null"
    trace_id: str = ""
    span_id: str = ""
    sdk: str = ""
    variables: bytes = b""
    raw_input: bytes = b""


def event_scrub(
    *, event: SentryEvent, trace: tuple[str | None, str | None], rules: CaptureRules, known: Iterable[str] = ()
) -> Cleaned:
    """Scrub the event in place; what is kept of it. `trace`: its trace and span id, as they stand in its contexts;
    `known`: secrets that the request itself carried.
    """
    return _Scrubbing(event, rules, Seen(known)).run(trace)


@dataclass(slots=True)
class Entry:
    """The texts and the context of a native envelope."""

    texts: dict[str, str | None]
    chain: list[str]
    context: dict[str, Any]


def entry_scrub(*, entry: Entry, sent_input: Any, rules: CaptureRules, known: Iterable[str] = ()) -> Entry:
    """A native envelope's texts and context, scrubbed; `sent_input` is dropped, and what is secret in it is kept
    nowhere.
    """
    seen, own = Seen(known), rules.rules
    if sent_input is not None and DATA_QUICK.search(_encoder.encode(sent_input)):
        value_scrub(sent_input, seen=seen)
    context = scrub(entry.context, own, seen)
    texts = {name: text and text_scrub(text, own, seen) for name, text in entry.texts.items()}
    chain = [text_scrub(link, own, seen) for link in entry.chain]
    forms = seen.forms() if seen else []

    def change(text: str) -> str:
        return text_forget(text, forms).replace("\x00", "")

    if forms or b"\\u0000" in _encoder.encode(context):
        context = _texts_change(context, change)
    return Entry(
        {name: text and change(text) for name, text in texts.items()}, [change(link) for link in chain], context
    )


class _Scrubbing:
    """The parts of one event: texts (`head`), exceptions and stacks are prose; `lines` are free-form data."""

    def __init__(self, event: SentryEvent, rules: CaptureRules, seen: Seen) -> None:
        self.event, self.capture_rules, self.rules, self.seen = event, rules, rules.rules, seen
        self.chain = exceptions_kept(event)
        self.stacks = [frames_kept(exception.stacktrace) for exception in self.chain]
        if event.threads is not None and not any(self.stacks) and (thread := thread_kept(event)) is not None:
            self.stacks.append(frames_kept(thread.stacktrace))
        self.kept = Cleaned()
        self.raw_kept: list[dict[str, Any]] = []
        self.sent = b"{}", b"{}"

    def run(self, trace: tuple[str | None, str | None]) -> Cleaned:
        kept = self.kept
        self._raw_input()
        self._headers()
        head = self._head(trace)
        blobs = [_stack_encode(frames) for frames in self.stacks]
        lines = self._lines()
        prose = b"".join([_encoder.encode_lines([head]), *blobs])
        data = b"\n".join(lines)
        if b"\\u0000" in prose:
            self._prose(head, blobs, _without_nul, prose=None)
            prose = b"".join([_encoder.encode_lines([head]), *blobs])
        if b"\\u" in data or b"\\/" in data or data.count(b"\n") >= len(lines):
            lines = [_written_plainly(line) for line in lines]
            data = b"\n".join(lines)
        own = self._own_rules_match(head, lines)
        if own or ENCODED_QUICK.search(prose):
            self._prose(head, blobs, self._text, prose=None if own else prose)
        if own or self.rules.key is not None or DATA_QUICK.search(data):
            self._data(lines, everything=own or self.rules.key is not None)
        if self.seen:
            self._forget(head, blobs, lines)
        self._head_back(head)
        kept.stacks = [b"[%s]" % blob[:-1].replace(b"\n", b",") for blob in blobs]
        self._lines_back(lines)
        return kept

    # --- raw input: hashed and dropped, but for what the project keeps -----------------------------------------------

    def _raw_input(self) -> None:
        request, kept = self.event.request, self.capture_rules.kept
        parts: list[bytes] = []
        for exception in self.chain:
            for frame in (exception.stacktrace.frames or ()) if exception.stacktrace else ():
                if frame is not None and (raw := frame.vars) is not NOTHING:
                    parts.append(bytes(raw))
                    frame.vars = self._variables(parts[-1]) if kept.vars else NOTHING
        if parts := [data for data in parts if len(data) > _LEAST or data not in _EMPTY]:
            self.kept.variables = b"\x1f".join(parts) + b"\x1f"
            self._look_back(parts, self.kept.variables)
        if request is None:
            return
        sent = [bytes(raw) for raw in (request.data, request.query_string, request.cookies)]
        if parts := [data for data in sent if data not in _EMPTY]:
            self.kept.raw_input = b"\x1f".join(parts) + b"\x1f"
            self._look_back(parts, self.kept.raw_input)
        if sent[2] not in _EMPTY:
            self._cookies(_decoded(sent[2]))
        if "?" in (request.url or "") and PAIR_QUICK.search(request.url.encode("utf-8", "replace")):  # type: ignore[union-attr]
            text_scrub(str(request.url), seen=self.seen)
        if kept:
            self.raw_kept = [
                data_kept(_decoded(sent[0]), kept.data),
                named_kept(_decoded(sent[1]), kept.query),
                cookies_kept(_decoded(sent[2]), kept.cookies),
            ]

    def _variables(self, data: bytes) -> Raw:
        """The variables that the project keeps; they are scrubbed as data here, and as prose with their frame."""
        found = named_kept(_decoded(data), self.capture_rules.kept.vars)
        return Raw(_encoder.encode(value_scrub(found, self.rules, self.seen))) if found else NOTHING

    def _look_back(self, parts: list[bytes], joined: bytes) -> None:
        """Note the secrets in what is dropped: they must not stand in what is kept."""
        if PAIR_QUICK.search(joined):
            for data in parts:
                if PAIR_QUICK.search(data):
                    value_scrub(_decoded(data), seen=self.seen)

    def _cookies(self, cookies: Any) -> None:
        if isinstance(cookies, dict):
            pairs = [(str(name), value) for name, value in cookies.items()]
        elif isinstance(cookies, list):
            pairs = [(str(entry[0]), entry[1]) for entry in cookies if isinstance(entry, list) and len(entry) == 2]
        else:
            pairs = _cookie_pairs(str(cookies))
        for name, value in pairs:
            if cookie_is_secret(name) or _is_random(value):
                self.seen.add(value)

    def _headers(self) -> None:
        headers: dict[str, str] = {}
        for name, value in list(((self.event.request and self.event.request.headers) or {}).items())[:MAX_HEADERS]:
            if name.lower() in ("cookie", "set-cookie"):
                self._cookies(value or "")
            elif value and header_is_secret(name):
                self.seen.add(value)
                headers[name[:200]] = FILTERED
            else:
                headers[name[:200]] = (value or "")[: 2 * MAX_LINE]
        self.kept.headers = headers

    # --- parts -------------------------------------------------------------------------------------------------------

    def _head(self, trace: tuple[str | None, str | None]) -> list[str | None]:
        """Every text of the event that is kept or counts for its group, but for those of frames."""
        event, entry, request, sdk = self.event, self.event.logentry, self.event.request, self.event.sdk
        limit = 2 * MAX_TEXT
        said = [entry.message, entry.formatted] if entry else [None, None]
        head = [
            event.transaction, event.logger, event.release, event.environment, event.platform, event.level,
            event.message, *said, trace[0], trace[1], f"{sdk.name}/{sdk.version}" if sdk else "",
            request.method if request else "", _address(request) if request else "",
            *flattened.from_iterable((e.type, e.value, e.module) for e in self.chain), *(event.fingerprint or ()),
        ]  # fmt: skip
        return [text if text is None or len(text) <= limit else text[:limit] for text in head]

    def _head_back(self, head: list[str | None]) -> None:
        event, entry, kept = self.event, self.event.logentry, self.kept
        texts = iter(head)
        event.transaction, event.logger, event.release, event.environment = (next(texts) for _ in range(4))
        event.platform, event.level, event.message = (next(texts) for _ in range(3))
        said = next(texts), next(texts)
        if entry is not None:
            entry.message, entry.formatted = said
        kept.trace_id, kept.span_id, kept.sdk, kept.method, kept.url = (next(texts) or "" for _ in range(5))
        for exception in self.chain:
            exception.type, exception.value, exception.module = next(texts), next(texts), next(texts)
        if event.fingerprint:
            event.fingerprint = [text or "" for text in texts]

    def _lines(self) -> list[bytes]:
        """Free-form data, a line each: breadcrumbs, raw input that is kept, headers, tags, extra, contexts."""
        event = self.event
        crumbs = (event.breadcrumbs.values or [] if event.breadcrumbs else [])[-MAX_BREADCRUMBS:]
        tags = {k[: 2 * MAX_TAG]: (v or "")[: 2 * MAX_TAG] for k, v in list((event.tags or {}).items())[:MAX_TAGS]}
        self.kept.tags = tags
        self.sent = headers, named = _encoder.encode(self.kept.headers), _encoder.encode(tags)
        lines = [bytes(crumb) for crumb in crumbs]
        lines += (_encoder.encode(self.raw_kept), headers, named)
        lines += (bytes(event.extra) or b"null", bytes(event.contexts) or b"null")
        if max(map(len, lines)) > MAX_ENTRY_BYTES:
            lines = [_cut(line) if len(line) > MAX_ENTRY_BYTES else line for line in lines]
        return lines

    # --- scrubbing ---------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> str:
        return text_scrub(text, self.rules, self.seen)

    def _lines_back(self, lines: list[bytes]) -> None:
        kept = self.kept
        *kept.breadcrumbs, raw_kept, headers, tags, kept.extra, kept.contexts = lines
        kept.raw_kept = {} if raw_kept == b"[]" else dict(zip(_RAW_KEPT, _decode(raw_kept), strict=True))
        if headers is not self.sent[0]:
            kept.headers = _decode(headers)
        if tags is not self.sent[1]:
            kept.tags = _decode(tags)
        if any(len(name) > MAX_TAG or len(value) > MAX_TAG for name, value in kept.tags.items()):
            kept.tags = {name[:MAX_TAG]: value[:MAX_TAG] for name, value in kept.tags.items()}

    def _own_rules_match(self, head: list[str | None], lines: list[bytes]) -> bool:
        """Whether the project's own value rules match anything; asked of all texts at once."""
        if self.capture_rules.quick is None:
            return False
        texts = list(filter(None, head))
        for frames in self.stacks:
            for frame in frames:
                texts += _frame_texts(frame)
        for line in lines:
            texts += _texts(_decoded(line))
        return bool(self.capture_rules.quick.search("\n".join(texts).encode("utf-8", "replace")))

    def _prose(self, head: list[str | None], blobs: list[bytes], change: Change, *, prose: bytes | None) -> None:
        """Change the texts in the lines of `prose` in which something could be; in all of them without it."""
        hit = None if prose is None else _lines_hit(ENCODED_QUICK, prose)
        if hit is None or 0 in hit:
            head[:] = [text and change(text) for text in head]
        line = 1
        for place, frames in enumerate(self.stacks):
            touched = [frame for number, frame in enumerate(frames, line) if hit is None or number in hit]
            line += len(frames)
            for frame in touched:
                if _holds_key_block(frame):
                    frame.context_line, frame.pre_context, frame.post_context = FILTERED, None, None
                _frame_change(frame, change)
            if touched:
                blobs[place] = _stack_encode(frames)

    def _data(self, lines: list[bytes], *, everything: bool) -> None:
        hit = range(len(lines)) if everything else _lines_hit(DATA_QUICK, b"\n".join(lines))
        crumbs = len(lines) - 5
        for place in hit:
            value = _decoded(lines[place])
            changed = (
                _crumb(value, self.rules, self.seen) if place < crumbs else value_scrub(value, self.rules, self.seen)
            )
            lines[place] = _encoder.encode(changed)

    def _forget(self, head: list[str | None], blobs: list[bytes], lines: list[bytes]) -> None:
        """Take out, everywhere, what was taken out somewhere."""
        forms = self.seen.forms()
        spelt = [_encoder.encode(form)[1:-1] for form in forms]

        def change(text: str) -> str:
            return text_forget(text, forms)

        prose = b"".join([_encoder.encode_lines([head]), *blobs])
        if any(form in prose for form in spelt):
            self._prose(head, blobs, change, prose=None)
        for place, line in enumerate(lines):
            if any(form in line for form in spelt):
                lines[place] = _encoder.encode(_texts_change(_decoded(line), change))


# --- pieces -----------------------------------------------------------------------------------------------------------


def _stack_encode(frames: list[Frame]) -> bytes:
    """A line for each frame; its source lines are cut where a stack has large ones."""
    for frame in frames:
        if frame.pre_context is not None and len(frame.pre_context) > 5:
            frame.pre_context = frame.pre_context[-5:]
        if frame.post_context is not None and len(frame.post_context) > 5:
            frame.post_context = frame.post_context[:5]
    blob = _encoder.encode_lines(frames)
    if len(blob) > _FRAME_BYTES * len(frames) > 0:
        for frame in frames:
            _frame_change(frame, lambda text: text[: 2 * MAX_LINE])
        blob = _encoder.encode_lines(frames)
    return blob


def _frame_texts(frame: Frame) -> Iterator[str]:
    yield from filter(None, (frame.module, frame.function, frame.filename, frame.context_line))
    yield from filter(None, frame.pre_context or ())
    yield from filter(None, frame.post_context or ())
    if frame.vars is not NOTHING:
        yield from _texts(_decoded(bytes(frame.vars)))


def _frame_change(frame: Frame, change: Change) -> None:
    frame.module = frame.module and change(frame.module)
    frame.function = frame.function and change(frame.function)
    frame.filename = frame.filename and change(frame.filename)
    frame.context_line = frame.context_line and change(frame.context_line)
    frame.pre_context = frame.pre_context and [line and change(line) for line in frame.pre_context]
    frame.post_context = frame.post_context and [line and change(line) for line in frame.post_context]
    if frame.vars is not NOTHING:
        frame.vars = Raw(_encoder.encode(_texts_change(_decoded(bytes(frame.vars)), change)))


def _holds_key_block(frame: Frame) -> bool:
    """A PEM block over several source lines: each of them alone looks like nothing."""
    lines = (frame.context_line, *(frame.pre_context or ()), *(frame.post_context or ()))
    return any(line and ("-----BEGIN " in line or "-----END " in line) for line in lines)


def _crumb(crumb: Any, rules: Rules, seen: Seen) -> Any:
    """A breadcrumb's own fields are prose, what it carries is data."""
    if not isinstance(crumb, dict):
        return value_scrub(crumb, rules, seen)
    kept: dict[str, Any] = {}
    for name, value in crumb.items():
        if name in _CRUMB_PROSE and isinstance(value, str):
            kept[name] = text_scrub(value, rules, seen)
        else:
            kept.update(value_scrub({name: value}, rules, seen))
    return kept


def _lines_hit(pattern: Any, blob: bytes) -> list[int]:
    """The numbers of the lines in which the pattern matches, in order."""
    hit: list[int] = []
    at = line = counted = 0
    while (match := pattern.search(blob, at)) is not None:
        start = match.start()
        # A match may begin with the line's edge itself: it belongs to the line in which it goes on.
        start += blob[start : start + 1] == b"\n"
        line += blob.count(b"\n", counted, start)
        counted = start
        hit.append(line)
        at = blob.find(b"\n", start)
        if at < 0:
            break
    return hit


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _texts_change(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(name)): _texts_change(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_texts_change(item, change) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**7:
        changed = change(str(value))
        return value if changed == str(value) else changed
    return value


def _decoded(data: bytes) -> Any:
    try:
        return _decode(data) if data else None
    except (msgspec.DecodeError, RecursionError):
        return data.decode("utf-8", "replace")


def _without_nul(text: str) -> str:
    return text.replace("\x00", "")


def _written_plainly(line: bytes) -> bytes:
    """The JSON as we write it: nothing spelt out that need not be (`\\u0070`, `\\/`), on one line, without NUL."""
    if b"\\u" not in line and b"\\/" not in line and b"\n" not in line:
        return line
    return _encoder.encode(_texts_change(_decoded(line), _without_nul))


def _cut(line: bytes) -> bytes:
    cut = bag_trim(line)
    return line if cut is None else _encoder.encode(cut)


def _address(request: Request) -> str:
    """The URL without its query, its fragment and whoever is named in it."""
    try:
        url = urlsplit((request.url or "")[:2_000])
    except ValueError:  # `http://[broken`
        return "[no valid URL]"
    host = url.netloc.rsplit("@", 1)[-1]
    return f"{url.scheme}://{host}{url.path}" if host else url.path


def _cookie_pairs(header: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in header.split(";"))
    return [(name.strip(), value.strip()) for name, _, value in pairs if value]


def _is_random(value: Any) -> bool:
    """A cookie that is no setting: long, of letters and digits."""
    text = value if isinstance(value, str) else ""
    return len(text) >= 16 and any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
