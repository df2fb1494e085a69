"""Scrubbing: no secret and no personal datum reaches a table. Pure; linear-time patterns only (google-re2).

Two steps, because almost every event is clean: one scan over a part's encoded JSON (about 2.5 µs a KB) says whether
anything in it could match; only then its texts are looked at one by one. The floor of the rules is Sentry Relay's,
applied to exception texts and frames too, which Relay exempts and people were bitten by. Where Relay takes a whole
value for a word in it (`auth`, `password`), so do we in structured data; in prose the secret goes and the sentence
stays.
"""

from readiness.infra.redaction.patterns import FILTERED
from readiness.infra.redaction.recurring import Seen, text_forget
from readiness.infra.redaction.rules import FLOOR, Rules
from readiness.infra.redaction.texts import ADDRESS, text_scrub
from readiness.infra.redaction.values import (
    cookie_is_secret,
    header_is_secret,
    is_suspect,
    key_is_secret,
    scrub,
    value_scrub,
)

__all__ = [
    "ADDRESS",
    "FILTERED",
    "FLOOR",
    "Rules",
    "Seen",
    "cookie_is_secret",
    "header_is_secret",
    "is_suspect",
    "key_is_secret",
    "scrub",
    "text_forget",
    "text_scrub",
    "value_scrub",
]
