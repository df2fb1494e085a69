"""Secrets in a text: found by one automaton, replaced one by one."""

import base64
import binascii
from typing import Any, NamedTuple

from readiness.infra.redaction.numbers import digits_spans, iban_length, ip4_is_personal, ip6_length
from readiness.infra.redaction.patterns import FILTERED, KEPT, TEXT, TEXT_QUICK
from readiness.infra.redaction.recurring import Seen
from readiness.infra.redaction.rules import FLOOR, Rules

ADDRESS = "[ip]"
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif")
_PASSES = 8
_NAMES = TEXT.groupindex
_VERSION_SIGNS = (b"==", b">=", b"<=", b"~=", b"!=")


class _Found(NamedTuple):
    """A rule's match in `data`: what of it is replaced by what."""

    data: bytes
    start: int
    end: int
    seen: Seen | None
    rules: Rules

    @property
    def text(self) -> str:
        return self.data[self.start : self.end].decode("utf-8", "replace")

    def before(self, length: int) -> bytes:
        return self.data[max(0, self.start - length) : self.start]


def text_scrub(text: str, rules: Rules = FLOOR, seen: Seen | None = None) -> str:
    """The text without secrets: pairs keep their name (`password=[Filtered]`), URLs their scheme and user.

    Clean text comes back as it is. Lone surrogates, which no table can hold, become question marks. `seen` is told what
    was taken out, so that it can be taken out elsewhere.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = text.encode("utf-8", "replace")
        text = data.decode()
    if TEXT_QUICK.search(data):
        text = _settled(data, rules, seen).decode("utf-8", "replace")
    if rules.value is not None:
        text = rules.value.sub(FILTERED, text)
    return text


def _settled(data: bytes, rules: Rules, seen: Seen | None) -> bytes:
    """Scrubbed until nothing changes: what is taken out may leave the edge of a word where there was none."""
    for _ in range(_PASSES):
        cleaned = _scrubbed(data, rules, seen)
        if cleaned == data:
            break
        data = cleaned
    return data


def _scrubbed(data: bytes, rules: Rules, seen: Seen | None) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while (match := TEXT.search(data, at)) is not None:
        start, end = match.span()
        name, kept_end = _rule_of(match)
        if name in KEPT:
            replacement, end = _kept(name, _Found(data, kept_end, end, seen, rules))
            pieces += (data[at:kept_end], replacement)
        else:
            pieces += (data[at:start], _REPLACED[name](_Found(data, start, end, seen, rules)))
        if end == at:  # never: each rule takes at least a character
            break
        at = end
    pieces.append(data[at:])
    return b"".join(pieces)


def _rule_of(match: Any) -> tuple[str, int]:
    """(the rule that matched, where what it keeps ends)."""
    for name, index in _NAMES.items():
        end: int = match.end(index)
        if end >= 0:
            return name, end
    raise AssertionError("a match of no rule")


_FILTERED = FILTERED.encode()
_CLOSING = {ord("("): ord(")"), ord("["): ord("]"), ord("{"): ord("}")}


def _kept(name: str, found: _Found) -> tuple[bytes, int]:
    """(replacement of what the rule does not keep, where the text goes on)."""
    if found.text.startswith(FILTERED):
        return _FILTERED, found.start + len(_FILTERED)
    if name == "basic":
        return (_FILTERED if _is_basic(found.text, found.seen) else found.data[found.start : found.end]), found.end
    if name == "home":
        return _home(found), found.end
    end = found.end
    if name == "pair":
        end = _balanced_end(found)
    if found.seen is not None:
        found.seen.add(found.data[found.start : end].decode("utf-8", "replace"))
    return _FILTERED, end


def _balanced_end(found: _Found) -> int:
    """Where a value in brackets really ends: `{"a": {"b": "…"}}` holds brackets itself."""
    data, at = found.data, found.start
    while at < found.end and data[at] not in b"([{\"'":
        at += 1
    if at >= found.end or data[at] not in _CLOSING:
        return found.end
    depth = 0
    for place in range(at, min(len(data), at + 4_000)):
        if data[place] in b"([{":
            depth += 1
        elif data[place] in b")]}":
            depth -= 1
            if depth == 0:
                return max(place + 1, found.end)
    return found.end


def _is_basic(value: str, seen: Seen | None) -> bool:
    """Whether it is `user:password` in base 64, or looks like something in base 64 and like no word."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    kinds = {char.isupper() + 2 * char.islower() + 4 * char.isdigit() for char in value}
    if b":" not in decoded and not value.endswith("=") and not {1, 2, 4} <= kinds:
        return False
    if seen is not None:
        seen.add(f"Basic {value}")
    return True


def _home(found: _Found) -> bytes:
    """The name in a path; numbers, which are ids in an address such as /users/42, stay."""
    name = found.text
    separator = "\\" if name.endswith("\\") else ""
    name = name[: len(name) - len(separator)]
    if name.replace("-", "").isdigit() or (len(name) >= 32 and not set(name.lower()) - set("0123456789abcdef-")):
        return found.data[found.start : found.end]
    return (FILTERED + separator).encode()


def _url(found: _Found) -> bytes:
    inner = found.text
    slashes = inner[: len(inner) - len(inner.lstrip("\\/"))]
    user, colon, password = inner[len(slashes) : -1].partition(":")
    if not user and not colon:
        return inner.encode()
    if found.seen is not None:
        found.seen.add(password or user)
    kept = f"{user}:" if colon and len(user) < 24 else ""
    return f"{slashes}{kept}{FILTERED}@".encode()


def _email(found: _Found) -> bytes:
    return found.data[found.start : found.end] if found.text.lower().endswith(_IMAGES) else _FILTERED


def _iban(found: _Found) -> bytes:
    text = found.text
    length = iban_length(text)
    if not length:
        return text.encode()
    return _FILTERED + text_scrub(text[length:], found.rules, found.seen).encode()


def _ip6(found: _Found) -> bytes:
    if found.rules.keep_ip or found.before(1) in (b":", b"."):
        return found.data[found.start : found.end]
    length = ip6_length(found.text)
    return (ADDRESS + found.text[length:]).encode() if length else found.data[found.start : found.end]


def _ip4(found: _Found) -> bytes:
    """Four numbers up to 255, unless a version: `==1.2.3.4`, `version 1.2.3.4`, `Chrome/1.2.3.4`, `1.2.3.4.5`."""
    same = found.data[found.start : found.end]
    if found.rules.keep_ip or not ip4_is_personal(found.text):
        return same
    before, after = found.before(40), found.data[found.end : found.end + 2]
    if (
        (before[-1:] == b"." and before[-2:-1].isdigit())
        or (after[:1] == b"." and after[1:].isdigit())
        or before[-2:] in _VERSION_SIGNS
    ):
        return same
    words = before.decode("utf-8", "replace").split()
    last = words[-1] if words else ""
    if before[-1:].isspace():
        return same if last.strip("\"'(:=").lower() in ("version", "ver", "release", "v") else ADDRESS.encode()
    if last[-1:] in "\"'=:" and last.rstrip("\"'=: ").lower().endswith("version"):
        return same
    product = last[:-1].lstrip("\"'(;,[")
    # A product's version, as in a user agent: the word before the one slash begins the word.
    if last[-1:] == "/" and product and product[0].isalpha() and not set(product) & set("/:\\@"):
        return same
    return ADDRESS.encode()


def _digits(found: _Found) -> bytes:
    text = found.text
    if found.before(1) == b"." and found.before(2)[:1].isdigit():
        return text.encode()  # the decimals of a number
    runs_on = found.data[found.end : found.end + 1].isdigit()
    at, pieces = 0, []
    for start, end in digits_spans(text, runs_on=runs_on):
        pieces += [text[at:start], FILTERED]
        at = end
    return "".join([*pieces, text[at:]]).encode()


def _gone(found: _Found) -> bytes:
    if found.seen is not None:
        found.seen.add(found.text)
    return _FILTERED


_REPLACED = {
    "url": _url, "email": _email, "iban": _iban, "ip6": _ip6, "ip4": _ip4, "digits": _digits,
    "jwt": _gone, "pem": _gone, "vendor": _gone,
}  # fmt: skip
