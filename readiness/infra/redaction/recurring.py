"""A secret that was seen once is a secret wherever it stands: in a header here, in an exception's text there."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

from readiness.infra.redaction.patterns import FILTERED

SHORTEST = 6  # up to 7 characters only with letters and something else: shorter words are words
_WORD = 8
MOST = 50
LONGEST = 4_096
_SCHEMES = ("bearer ", "basic ", "token ", "digest ", "negotiate ", "jwt ", "apikey ")
# What stands under secret names and is none: it would take ordinary words out of the rest of the event.
_NO_SECRETS = frozenset(
    {"undefined", "anonymous", "anonymoususer", "disabled", "required", "optional", "redacted", "filtered", FILTERED,
     "authenticated", "unauthenticated", "unauthorized", "authorization", "password", "passwords", "username"}
)  # fmt: skip


class Seen:
    """The secrets of one event, at most 50 of them: of 8 characters or more, or of 6 and no plain word or number."""

    __slots__ = ("_secrets",)

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._secrets: dict[str, None] = {}
        for value in known:
            self.add(value)

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def add(self, value: Any) -> None:
        """Note what was taken out: a text, a number, or all texts in a list or mapping."""
        if isinstance(value, str):
            self._add_text(value)
        elif isinstance(value, dict):
            for item in value.values():
                self.add(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.add(item)
        elif isinstance(value, int) and not isinstance(value, bool):
            self._add_text(str(value))

    def _add_text(self, text: str) -> None:
        text = _unquoted(text.strip())
        if text.startswith("<") and " at 0x" in text:
            return  # `<Token object at 0x7f…>`: a name, no value
        for scheme in _SCHEMES:
            if text[: len(scheme)].lower() == scheme:
                rest = text[len(scheme) :].strip()
                self._note(rest)
                if scheme == "basic ":
                    self._note_basic(rest)
        self._note(text)

    def _note_basic(self, encoded: str) -> None:
        try:
            decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        except (binascii.Error, ValueError):
            return
        self._note(decoded)
        self._note(decoded.partition(":")[2])

    def _note(self, text: str) -> None:
        if len(text) < SHORTEST or (len(text) < _WORD and (text.isalpha() or not text.strip("0123456789.,:-+"))):
            return
        if len(set(text)) == 1 or FILTERED in text or text.lower() in _NO_SECRETS:
            return
        if len(self._secrets) < MOST:
            self._secrets[text[:LONGEST]] = None

    def forms(self) -> list[str]:
        """Every form in which one of them may stand in a text, the longest first."""
        forms: dict[str, None] = {}
        for secret in self._secrets:
            for form in (secret, unquote(secret), quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]):
                if len(form) >= SHORTEST:
                    forms[form] = None
        return sorted(forms, key=len, reverse=True)


def _unquoted(text: str) -> str:
    """Without the quotes of a repr (`'…'`, `b"…"`), as SDKs send variables."""
    plain = text[1:] if text[:2] in ("b'", 'b"', "r'", 'r"', "u'", 'u"') else text
    if len(plain) >= 2 and plain[0] == plain[-1] and plain[0] in "'\"`":
        return plain[1:-1]
    return text


def text_forget(text: str, forms: Iterable[str]) -> str:
    """The text without any of the forms."""
    for form in forms:
        if form in text:
            text = text.replace(form, FILTERED)
    return text
