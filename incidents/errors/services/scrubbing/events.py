"""Scrubbing a Sentry event in place.

What is kept of an event is encoded once, a line for each part, and looked at as a whole: sources and texts for
secrets in prose, free-form data for names of secrets too. Only the parts in which something could be are taken apart.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from incidents.errors.services.grouping import exceptions_kept, frames_kept, thread_kept
from incidents.errors.services.scrub_rules import CaptureRules
from incidents.errors.services.scrubbing.frames import (
    frame_change,
    frame_texts,
    holds_key_block,
    stack_encode,
)
from incidents.errors.services.scrubbing.head import Head, head_back, head_of
from incidents.errors.services.scrubbing.json_texts import (
    Change,
    decoded,
    line_cut,
    lines_hit,
    texts_change,
    texts_of,
    without_nul,
    written_plainly,
)
from incidents.errors.services.scrubbing.kept import Cleaned
from incidents.errors.services.scrubbing.raw_input import headers_filter, request_drop, variables_drop
from incidents.errors.services.sentry_events import SentryEvent
from incidents.errors.services.trimming import MAX_ENTRY_BYTES, MAX_NESTING, is_nested_deeply
from readiness.infra.redaction import FILTERED, Rules, Seen, text_forget, text_scrub, value_scrub
from readiness.infra.redaction.patterns import DATA_QUICK, ENCODED_QUICK

MAX_TAG = 200
MAX_TAGS = 50
MAX_BREADCRUMBS = 100
_TOO_DEEP = b'{"truncated":"nested more than %d levels deep"}' % MAX_NESTING
_encoder = msgspec.json.Encoder()
_decode = msgspec.json.decode
_RAW_KEPT = ("data", "query", "cookies")
_CRUMB_PROSE = frozenset({"message", "category", "type", "level", "timestamp", "event_id"})


def event_scrub(
    *, event: SentryEvent, trace: tuple[str | None, str | None], rules: CaptureRules, known: Iterable[str] = ()
) -> Cleaned:
    """Scrub the event in place; what is kept of it. `trace`: its trace and span id, as they stand in its contexts;
    `known`: secrets that the request itself carried.
    """
    return _Scrubbing(event, rules, Seen(known)).run(trace)


class _Scrubbing:
    """The parts of one event: texts (`head`), exceptions and stacks are prose; `lines` are free-form data."""

    def __init__(self, event: SentryEvent, rules: CaptureRules, seen: Seen) -> None:
        self.event, self.capture_rules, self.rules, self.seen = event, rules, rules.rules, seen
        self.chain = exceptions_kept(event)
        told = [exception.stacktrace for exception in self.chain]
        self.stacks = [frames_kept(stacktrace) for stacktrace in told]
        if event.threads is not None and not any(self.stacks) and (thread := thread_kept(event)) is not None:
            told.append(thread.stacktrace)
            self.stacks.append(frames_kept(thread.stacktrace))
        self.told = told
        self.kept = Cleaned()
        self.raw_kept: list[dict[str, Any]] = []
        self.sent = b"{}", b"{}"

    def run(self, trace: tuple[str | None, str | None]) -> Cleaned:
        kept = self.kept
        self._raw_input()
        head = head_of(self.event, self.chain, trace)
        blobs = [stack_encode(frames) for frames in self.stacks]
        lines = self._lines()
        prose = b"".join([_encoder.encode_lines([head]), *blobs])
        data = b"\n".join(lines)
        if b"\\u0000" in prose:
            self._prose(head, blobs, without_nul, prose=None)
            prose = b"".join([_encoder.encode_lines([head]), *blobs])
        if b"\\u" in data or b"\\/" in data or data.count(b"\n") >= len(lines):
            lines = [written_plainly(line) for line in lines]
            data = b"\n".join(lines)
        own = self._own_rules_match(head, lines)
        if own or ENCODED_QUICK.search(prose):
            self._prose(head, blobs, self._text, prose=None if own else prose)
        if own or self.rules.key is not None or DATA_QUICK.search(data):
            self._data(lines, everything=own or self.rules.key is not None)
        if self.seen:
            self._forget(head, blobs, lines)
        head_back(head, self.event, self.chain, kept)
        kept.stacks = [b"[%s]" % blob[:-1].replace(b"\n", b",") for blob in blobs]
        self._lines_back(lines)
        return kept

    # --- parts -------------------------------------------------------------------------------------------------------

    def _raw_input(self) -> None:
        request, rules, seen, kept = self.event.request, self.capture_rules, self.seen, self.kept
        frames = [frame for stack in self.told if stack is not None for frame in stack.frames or ()]
        variables_drop(frames, rules, seen, kept)
        if request is not None:
            self.raw_kept = request_drop(request, rules, seen, kept)
            kept.headers = headers_filter(request, seen)

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
            lines = [line_cut(line) if len(line) > MAX_ENTRY_BYTES else line for line in lines]
        data = b"".join(lines)
        if data.count(b"[") + data.count(b"{") > MAX_NESTING:
            lines = [_TOO_DEEP if is_nested_deeply(line) else line for line in lines]
        return lines

    # --- scrubbing ---------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> str:
        return text_scrub(text, self.rules, self.seen)

    def _lines_back(self, lines: list[bytes]) -> None:
        kept = self.kept
        *kept.breadcrumbs, raw_kept, headers, tags, kept.extra, kept.contexts = lines
        if raw_kept != b"[]":
            found = _decode(raw_kept)  # cut to size, it is a note and no list
            kept.raw_kept = dict(zip(_RAW_KEPT, found, strict=True)) if isinstance(found, list) else {"data": found}
        if headers is not self.sent[0]:
            kept.headers = _decode(headers)
        if tags is not self.sent[1]:
            kept.tags = _decode(tags)
        if any(len(name) > MAX_TAG or len(value) > MAX_TAG for name, value in kept.tags.items()):
            kept.tags = {name[:MAX_TAG]: value[:MAX_TAG] for name, value in kept.tags.items()}

    def _own_rules_match(self, head: Head, lines: list[bytes]) -> bool:
        """Whether the project's own value rules match anything; asked of all texts at once."""
        if self.capture_rules.quick is None:
            return False
        texts = list(filter(None, head))
        for frames in self.stacks:
            for frame in frames:
                texts += frame_texts(frame)
        for line in lines:
            texts += texts_of(decoded(line))
        return bool(self.capture_rules.quick.search("\n".join(texts).encode("utf-8", "replace")))

    def _prose(self, head: Head, blobs: list[bytes], change: Change, *, prose: bytes | None) -> None:
        """Change the texts in the lines of `prose` in which something could be; in all of them without it."""
        hit = None if prose is None else lines_hit(ENCODED_QUICK, prose)
        if hit is None or 0 in hit:
            head[:] = [text and change(text) for text in head]
        line = 1
        for place, frames in enumerate(self.stacks):
            touched = [frame for number, frame in enumerate(frames, line) if hit is None or number in hit]
            line += len(frames)
            for frame in touched:
                if holds_key_block(frame):
                    frame.context_line, frame.pre_context, frame.post_context = FILTERED, None, None
                frame_change(frame, change)
            if touched:
                blobs[place] = stack_encode(frames)

    def _data(self, lines: list[bytes], *, everything: bool) -> None:
        hit = range(len(lines)) if everything else lines_hit(DATA_QUICK, b"\n".join(lines))
        crumbs = len(lines) - 5
        for place in hit:
            value = decoded(lines[place])
            changed = (
                _crumb(value, self.rules, self.seen) if place < crumbs else value_scrub(value, self.rules, self.seen)
            )
            lines[place] = _encoder.encode(changed)

    def _forget(self, head: Head, blobs: list[bytes], lines: list[bytes]) -> None:
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
                lines[place] = _encoder.encode(texts_change(decoded(line), change))


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
