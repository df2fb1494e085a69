"""Scrubbing: no secret and no personal datum reaches a table. Pure; linear-time patterns only (google-re2).

Two steps, because almost every event is clean: one scan over a part's encoded JSON (about 2 µs per KB) says whether
anything in it could match; only then its strings are walked and replaced one by one. The floor of the rules is Sentry
Relay's (keys: password, secret, token …; values: bearer tokens, cards, e-mail addresses, private keys, URL
credentials), applied to exception texts and frames too, which Relay exempts and people were bitten by.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import re2

FILTERED = "[Filtered]"
_MAX_DEPTH = 20

_TELLTALE_WORDS = (
    r"passwd|passwort|password|passphrase|secret|api[_-]?key|apikey|auth(?:orization|entication|[_-]?token)?|credentials?"
    r"|mysql_pwd|pwd|private[_-]?key|access[_-]?key|token|session[_-]?id|sessionid|csrf\w*|xsrf\w*"
    r"|jwt|bearer|otp|two[_-]?factor|cookie"
)
_OPTIONS = re2.Options()
_OPTIONS.case_sensitive = False
_OPTIONS.max_mem = 64 << 20

# A key of a mapping whose value is a secret whatever it looks like. Whole words: `author` and `authored_by` stay.
_KEY = re2.compile(rf"(?:^|[^a-z])(?:\w*(?:password|passwd|secret|token)\w*|{_TELLTALE_WORDS})(?:$|[^a-z])", _OPTIONS)

# Values that are secret wherever they stand. Groups: 1 = `key=` in front of a pair's value (kept), 2 = the scheme and
# user of a URL with credentials (kept); everything else of a match goes.
_VALUE_PATTERN = (
    # password=…, token: …, "api_key": "…" inside a text
    rf"((?:\b|_)(?:\w*(?:password|passwd|secret|token)|{_TELLTALE_WORDS})[\"']?\s{{0,3}}[=:]\s{{0,3}})"
    r"(?:(?:bearer|basic|token)\s+)?(?:\\?\"[^\"\\]+\\?\"|\\?'[^'\\]+\\?'|[^\s,;&\"'\\)\]}]+)"
    r"|(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"]*:)[^\s/@\"]+@"  # scheme://user:secret@
    r"|\bbearer\s+[a-z0-9._~+/=-]{8,}"
    r"|\beyJ[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}(?:\.[a-z0-9_-]*)?"  # a JSON web token
    r"|-----BEGIN [A-Z ]{0,40}(?:PRIVATE KEY|CERTIFICATE)-----[\s\S]*?(?:-----END [A-Z ]{0,40}-----|$)"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[a-z0-9]{20,}\b|\b[sr]k_(?:live|test)_[a-z0-9]{10,}\b"
    r"|\brk_[a-z0-9_-]{32,}\b|\bxox[abprs]-[a-z0-9-]{10,}\b"
    r"|\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}\b"  # an e-mail address
    r"|\b[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){3,7}(?: ?[a-z0-9]{1,3})?\b"  # an IBAN
    r"|\b\d{3}-\d{2}-\d{4}\b"  # a social security number
    r"|\b[2-6]\d(?:[ -]?\d){11,17}\b"  # a payment card (all schemes start 2 to 6); checked by its Luhn digit
)
_VALUE = re2.compile(_VALUE_PATTERN, _OPTIONS)
# The quick look over encoded JSON: wider than the patterns above (it must never miss what they catch), and without
# captures or long repetitions, so that re2 runs it as one automaton.
_QUICK = re2.Options()
_QUICK.case_sensitive = False
_QUICK.never_capture = True
_QUICK_WORDS = (
    r"passw|passphrase|secret|api[_-]?key|auth|credential|pwd|private[_-]?key|access[_-]?key|token|session[_-]?id"
    r"|csrf|xsrf|jwt|bearer|otp|two[_-]?factor|cookie"
)
_SUSPECT = re2.compile(
    rf"(?:{_QUICK_WORDS})\w*(?:[^a-z\"][^\"]*)?\"\s?:|(?:{_QUICK_WORDS})\w*\\?[\"']?\s*[=:]|bearer\s"
    r"|://[^\s:/@\"]*:[^\s/@\"]+@|\beyJ[a-z0-9_-]{8}|-----BEGIN "
    r"|\bAKIA|\bASIA|\bgh[pousr]_|\b[sr]k_(?:live|test)_|\brk_[a-z0-9_-]{10}|\bxox[abprs]-"
    r"|[a-z0-9._%+-]@[a-z0-9-]+\.[a-z]|\b[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){3}|\b\d{3}-\d{2}-\d{4}\b"
    r"|\b[2-6]\d(?:[ -]?\d){11}",
    _QUICK,
)


def _luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _iban(text: str) -> bool:
    plain = text.replace(" ", "").upper()
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _replace(match: Any) -> str:
    text: str = match.group(0)
    if match.group(1) is not None:
        return str(match.group(1)) + FILTERED
    if match.group(2) is not None:
        return f"{match.group(2)}{FILTERED}@"
    if text[0].isdigit() and text[-1].isdigit() and "." not in text and "@" not in text:
        digits = "".join(char for char in text if char.isdigit())
        return FILTERED if len(digits) == 9 or _luhn(digits) else text
    if "@" not in text and "://" not in text and text[:2].isalpha() and text[2:4].isdigit() and len(text) < 45:
        return FILTERED if _iban(text) else text
    return FILTERED


# What every pattern above needs at the least; most short strings have none of it and cost a microsecond.
_POSSIBLE = re.compile(r"[=:@]|\d[ -]?\d[ -]?\d|\d\d|bearer|eyj|begin|akia|asia|gh[pousr]_|[rs]k_|xox", re.IGNORECASE)


def text_scrub(text: str) -> str:
    """The text without secrets: pairs keep their key (`password=[Filtered]`), URLs their scheme and user."""
    return str(_VALUE.sub(_replace, text)) if _POSSIBLE.search(text) else text


def key_is_secret(key: str) -> bool:
    """Whether a mapping's value goes because of its key's name."""
    return bool(_KEY.search(key))


def _walk(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return text_scrub(value)
    if depth > _MAX_DEPTH:
        return FILTERED
    if isinstance(value, Mapping):
        return {
            text_scrub(str(key)): FILTERED
            if item not in (None, "", [], {}) and key_is_secret(str(key))
            else _walk(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walk(item, depth + 1) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value > 10**12:
        text = str(value)
        return FILTERED if 13 <= len(text) <= 19 and _luhn(text) else value
    return value


def is_suspect(encoded: bytes) -> bool:
    """Whether anything in the encoded JSON could be a secret; False is certain, True only says: walk it."""
    return bool(_SUSPECT.search(encoded))


def scrub(value: Any) -> Any:
    """A copy of a JSON-like value (dict, list, str, number, None) without secrets; the value itself when clean."""
    if not is_suspect(msgspec.json.encode(value)):
        return value
    return _walk(value, 0)
