"""Scrubbing a native envelope: its texts and its context; the input that was sent is only looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from incidents.errors.services.scrub_rules import CaptureRules
from incidents.errors.services.scrubbing.json_texts import texts_change
from readiness.infra.redaction import Seen, scrub, text_forget, text_scrub, value_scrub
from readiness.infra.redaction.patterns import DATA_QUICK

_encoder = msgspec.json.Encoder()


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
        context = texts_change(context, change)
    return Entry(
        {name: text and change(text) for name, text in texts.items()}, [change(link) for link in chain], context
    )
