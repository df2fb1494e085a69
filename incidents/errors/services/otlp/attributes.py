"""Attributes of OpenTelemetry: values as plain JSON, and what of them may be kept.

What a user sent or was sent (bodies, headers, queries, parameters of statements, prompts) is raw input: it is hashed
and dropped (requirements 18, 83). Who the user is, is for the caller to hash. Names are the semantic conventions', the
present and the former ones (https://opentelemetry.io/docs/specs/semconv/registry/attributes/).
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import re2

from incidents.errors.services.otlp.stacks import path_short

MAX_ATTRIBUTES = 128
MAX_KEY = 200
MAX_TEXT = 1_000
MAX_ITEMS = 50
MAX_DEPTH = 6
_INT64 = 2**63

_RAW = re2.compile(
    r"^(?:http\.(?:request|response)\.(?:body(?:$|\.content|\.text)|header\.|query|form|cookies?)"
    r"|http\.(?:request|response)_body|url\.(?:query|fragment)$|http\.query"
    r"|db\.(?:query|operation|statement)\.parameters?|db\.(?:sql|bind)\.|db\.(?:response|redis)\.(?:body|value)"
    r"|messaging\.(?:message\.)?(?:body|payload|header)|rpc\.(?:message\.body|(?:request|response|grpc\.\w+)\.metadata)"
    r"|graphql\.(?:document|variables|operation\.variables)|gen_ai\.(?:prompt|completion|input|output|system_instr"
    r"|tool\.(?:call\.)?(?:arguments|result|definitions)|request\.(?:prompt|messages)|content)|llm\.(?:prompt|completion"
    r"|input|output)|(?:input|output)\.value$|process\.(?:command(?:$|_)|environment)|faas\.(?:event|request)"
    r"|aws\.lambda\.(?:event|payload)|exception\.locals|code\.(?:locals|variables))"
)
# Whole bodies have sizes beside them that say something and give nothing away.
_SIZE = re2.compile(r"\.(?:size|length|count|tokens)$|_(?:size|length|count|tokens)$")
_USER = ("user.id", "enduser.id", "user.email", "user.name", "user.full_name", "enduser.pseudo.id", "user.hash")
_PERSONAL = re2.compile(
    r"^(?:user\.(?:id|email|name|full_name|hash)$|enduser\.|client\.(?:address|socket)|http\.client_ip$|net\.peer\.ip$"
    r"|net\.sock\.peer\.addr$|source\.address$|network\.peer\.address$|geo\.|host\.(?:ip|mac)$|process\.owner$)"
)
_URL = frozenset({"url.full", "http.url", "http.target", "url.path", "http.referrer", "url.original"})
_STATEMENT = frozenset({"db.query.text", "db.statement", "db.query.summary"})
_FILE = frozenset({"code.file.path", "code.filepath"})
_LITERAL = re2.compile(r"'(?:[^'\\]|\\.|'')*(?:'|$)|\"(?:[^\"\\]|\\.)*(?:\"|$)|\$\w*\$[\s\S]*|\b\d+(?:\.\d+)?\b")


@dataclass(frozen=True, slots=True)
class Attributes:
    """`kept`: plain JSON values, not scrubbed yet. `raw`: raw input, to be hashed and nothing else. `user`: who it was,
    likewise.
    """

    kept: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    user: str = ""

    def text(self, *names: str) -> str:
        """The first of these attributes that says something, as text."""
        for name in names:
            if (value := self.kept.get(name)) not in (None, ""):
                return value if isinstance(value, str) else str(value)
        return ""


def int_read(value: Any) -> int | None:
    """An integer from a number or a decimal string; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**64 else None
    digits = value[1:] if isinstance(value, str) and value[:1] == "-" else value
    return (
        int(value) if isinstance(digits, str) and len(digits) < 40 and digits.isascii() and digits.isdigit() else None
    )


def value_read(value: Any, depth: int = 0) -> Any:
    """An AnyValue of either encoding as plain JSON: bounded, bytes as their number, strange numbers as text."""
    if value is None:
        return None
    which = value.WhichOneof("value") if hasattr(value, "WhichOneof") else _which(value)
    if which in ("array_value", "kvlist_value"):
        return _nested(value, which, depth) if depth < MAX_DEPTH else "nested too deeply"
    return _SCALARS[which](getattr(value, which)) if which in _SCALARS else None


def _nested(value: Any, which: str, depth: int) -> Any:
    if which == "array_value":
        return [value_read(item, depth + 1) for item in (value.array_value.values or ())[:MAX_ITEMS]]
    pairs = (value.kvlist_value.values or ())[:MAX_ITEMS]
    return {(pair.key or "")[:MAX_KEY]: value_read(pair.value, depth + 1) for pair in pairs if pair is not None}


def _int(sent: Any) -> int | str:
    number = int_read(sent)
    return number if number is not None and -_INT64 <= number < _INT64 else str(sent)[:40]


def _double(sent: Any) -> float | str:
    return sent if isinstance(sent, float) and math.isfinite(sent) else str(sent)[:40]


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string_value": lambda sent: str(sent)[:MAX_TEXT],
    "bool_value": bool,
    "int_value": _int,
    "double_value": _double,
    "bytes_value": lambda sent: f"{len(sent)} bytes",
}
_VALUES = (*_SCALARS, "array_value", "kvlist_value")


def _which(value: Any) -> str | None:
    return next((name for name in _VALUES if getattr(value, name) is not None), None)


def long_text_read(value: Any, limit: int) -> str:
    """The text of an AnyValue that may be longer than attributes are (a stack, a log's body). Of a structured body, its
    message.
    """
    if value is None:
        return ""
    if text := value.string_value:
        return str(text)[:limit]
    plain = value_read(value)
    if isinstance(plain, dict):
        said = next((plain[name] for name in ("message", "msg", "event", "error") if plain.get(name)), plain)
        return (said if isinstance(said, str) else json.dumps(said))[:limit]
    return "" if plain is None else str(plain)[:limit]


def path_only(url: str) -> str:
    """A URL or a target without user, query and fragment."""
    try:
        parts = urlsplit(" ".join(url[:2_000].split()))  # which would join what line ends keep apart
    except ValueError:
        return url.split("?", 1)[0][:MAX_TEXT]
    host = parts.netloc.rsplit("@", 1)[-1]
    if not host:  # the scheme stays: without its `Authorization:` a token would look like a word
        return f"{parts.scheme}:{parts.path}" if parts.scheme else parts.path
    return f"{parts.scheme}://{host}{parts.path}"


def statement_only(text: str) -> str:
    """A database statement without its literals, which are input: `… WHERE email = ?`."""
    return str(_LITERAL.sub("?", text[:MAX_TEXT]))


def _is_raw(key: str) -> bool:
    return bool(_RAW.search(key)) and not _SIZE.search(key)


def attributes_read(pairs: Iterable[Any] | None, *, without: tuple[str, ...] = ()) -> Attributes:
    """KeyValues of either encoding, told apart; `without` are prefixes that the caller reads by itself."""
    kept: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    users: dict[str, str] = {}
    for pair in pairs or ():
        if pair is None or not pair.key or (without and pair.key.startswith(without)):
            continue
        if len(kept) + len(raw) >= MAX_ATTRIBUTES:
            break
        key = pair.key[:MAX_KEY]
        value = value_read(pair.value)
        if value is None:
            continue
        if _is_raw(key):
            raw[key] = value
        elif _PERSONAL.search(key):
            users[key] = str(value)
        elif key in _URL and isinstance(value, str):
            kept[key] = path_only(value)
            if "?" in value:
                raw[key] = value.partition("?")[2]
        elif key in _STATEMENT and isinstance(value, str):
            kept[key] = statement_only(value)
        else:
            kept[key] = path_short(value) if key in _FILE and isinstance(value, str) else value
    return Attributes(kept, raw, next((users[name] for name in _USER if users.get(name)), ""))


def attributes_join(*several: Attributes) -> Attributes:
    """The later ones win."""
    kept: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    user = ""
    for one in several:
        kept.update(one.kept)
        raw.update(one.raw)
        user = one.user or user
    return Attributes(kept, raw, user)
