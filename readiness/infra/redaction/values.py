"""Secrets in JSON-like values: by the name they stand under, by what they speak of, by what they look like."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from readiness.infra.redaction.numbers import card_is
from readiness.infra.redaction.patterns import (
    COOKIES,
    DATA_QUICK,
    FILTERED,
    HEADER,
    KEY,
    OPTION,
    VERSION_KEY,
    WHOLE,
)
from readiness.infra.redaction.recurring import Seen
from readiness.infra.redaction.rules import FLOOR, Rules
from readiness.infra.redaction.texts import text_scrub

_MAX_DEPTH = 20
_EMPTY: tuple[Any, ...] = (None, "", [], {}, FILTERED)
# A character spelt out, as in `p\u0061ssword` or `j\u00f6rg@…`: only the decoded text tells. (No pattern of a value.)
_SPELT = re.compile(rb"\\u(?!00[01])")


@lru_cache(maxsize=4096)
def key_is_secret(key: str) -> bool:
    """Whether a mapping's value goes because of its key's name."""
    return bool(KEY.search(_encodable(key)))


@lru_cache(maxsize=4096)
def header_is_secret(name: str) -> bool:
    """Whether a header's value goes because of its name."""
    return key_is_secret(name) or bool(HEADER.search(_encodable(name)))


def cookie_is_secret(name: str) -> bool:
    """Whether a cookie's value goes even where a project keeps cookies."""
    return name.lower() in COOKIES or key_is_secret(name)


@lru_cache(maxsize=4096)
def _names_version(key: str) -> bool:
    return bool(VERSION_KEY.search(_encodable(key)))


def _encodable(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def is_suspect(encoded: bytes) -> bool:
    """Whether anything in the encoded JSON could be a secret; False is certain, True only says: look at its values."""
    return bool(DATA_QUICK.search(encoded)) or _SPELT.search(encoded) is not None


def scrub(value: Any, rules: Rules = FLOOR, seen: Seen | None = None) -> Any:
    """A copy of a JSON-like value (dict, list, str, number, None) without secrets; the value itself when clean."""
    if rules.key is None and rules.value is None and not is_suspect(msgspec.json.encode(value)):
        return value
    return value_scrub(value, rules, seen)


def value_scrub(value: Any, rules: Rules = FLOOR, seen: Seen | None = None, *, depth: int = 0) -> Any:
    """As `scrub`, without the quick look."""
    if isinstance(value, str):
        if WHOLE.search(_encodable(value)):
            text_scrub(value, rules, seen)  # for what it sees
            return FILTERED
        return text_scrub(value, rules, seen)
    if depth > _MAX_DEPTH:
        return FILTERED
    if isinstance(value, Mapping):
        return _mapping(value, rules, seen, depth)
    if isinstance(value, list | tuple):
        return _list(value, rules, seen, depth)
    if isinstance(value, int) and not isinstance(value, bool) and value > 10**12 and card_is(str(value)):
        return FILTERED
    return value


def _mapping(value: Mapping[Any, Any], rules: Rules, seen: Seen | None, depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = str(key)
        kept[text_scrub(name, rules, seen)] = _named(name, item, rules, seen, depth)
    return kept


def _named(name: str, item: Any, rules: Rules, seen: Seen | None, depth: int) -> Any:
    secret = key_is_secret(name) or (rules.key is not None and bool(rules.key.search(_encodable(name))))
    if secret and not isinstance(item, bool) and item not in _EMPTY:
        if seen is not None:
            seen.add(item)
        return FILTERED
    if isinstance(item, str) and not rules.keep_ip and _names_version(name):
        rules = Rules(key=rules.key, value=rules.value, keep_ip=True)
    return value_scrub(item, rules, seen, depth=depth + 1)


def _list(value: list[Any] | tuple[Any, ...], rules: Rules, seen: Seen | None, depth: int) -> list[Any]:
    kept: list[Any] = []
    follows = False  # an option such as --password: the next argument is its value
    for item in value:
        if follows and isinstance(item, str | int) and item not in _EMPTY:
            if seen is not None:
                seen.add(item)
            kept.append(FILTERED)
        else:
            kept.append(value_scrub(item, rules, seen, depth=depth + 1))
        follows = isinstance(item, str) and len(item) < 80 and bool(OPTION.search(_encodable(item)))
    return kept
