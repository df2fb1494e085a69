"""Raw input that a project keeps: its names as founders write them, and what is under them in an event.

What is kept is scrubbed like everything else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from readiness.infra.redaction import FILTERED, cookie_is_secret
from readiness.infra.refusals import FieldError, Invalid

MAX_KEPT_FIELDS = 100
MAX_KEPT_BYTES = 2_000
_SCOPES = {"request.data": "data", "request.query": "query", "request.cookies": "cookies", "frame.vars": "vars"}
KEPT_EXAMPLES = ("request.data.order_id", "request.data.customer.id", "request.query.page", "request.cookies.theme",
                 "frame.vars.attempt", "frame.vars.*")  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptFields:
    """Names of raw input that is kept, by where it comes from; `*` stands for every name, at the end only."""

    data: frozenset[tuple[str, ...]] = frozenset()
    query: frozenset[str] = frozenset()
    cookies: frozenset[str] = frozenset()
    vars: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.data or self.query or self.cookies or self.vars)


def kept_fields_read(names: Sequence[str], *, lenient: bool = False) -> KeptFields:
    """The names, by where they come from. Raises Invalid with a pointer for each that is none; `lenient` passes over
    those instead.
    """
    found: dict[str, set[Any]] = {scope: set() for scope in _SCOPES.values()}
    bad: list[FieldError] = []
    for name in names:
        scope = next((scope for prefix, scope in _SCOPES.items() if name.startswith(f"{prefix}.")), None)
        path = tuple(name.split(".")[2:])
        if scope is None or not all(path) or "*" in "".join(path[:-1]) or ("*" in path[-1] and path[-1] != "*"):
            bad.append(FieldError("/kept_fields", f"{name[:100]!r} names no field; write {', '.join(KEPT_EXAMPLES)}."))
        elif scope == "data":
            found[scope].add(path)
        else:
            found[scope].add(".".join(path))
    if len(names) > MAX_KEPT_FIELDS:
        bad.append(FieldError("/kept_fields", f"At most {MAX_KEPT_FIELDS} fields; use .* for all of a kind."))
    if bad and not lenient:
        raise Invalid("Some of the fields to keep cannot be understood; nothing was saved.", errors=bad)
    return KeptFields(**{scope: frozenset(values) for scope, values in found.items()})


def named_kept(value: Any, names: frozenset[str]) -> dict[str, Any]:
    """Of a mapping, a list of pairs or a text of pairs (`a=1&b=2`): what is under the names."""
    pairs = _pairs(value, "&")
    return {name: _bounded(item) for name, item in pairs.items() if name in names or "*" in names}


def cookies_kept(value: Any, names: frozenset[str]) -> dict[str, Any]:
    """As `named_kept`; a cookie that is a session or a token never stays."""
    pairs = _pairs(value, ";")
    wanted = {name: item for name, item in pairs.items() if name in names or "*" in names}
    return {name: FILTERED if cookie_is_secret(name) else _bounded(item) for name, item in wanted.items()}


def data_kept(value: Any, paths: frozenset[tuple[str, ...]]) -> dict[str, Any]:
    """Of a request's body (an object, or a text of JSON or of a form): what is at the paths, by dotted name."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = _pairs(value, "&")
    kept: dict[str, Any] = {}
    for path in paths:
        at = value
        for name in path[:-1]:
            at = at.get(name) if isinstance(at, Mapping) else None
        if not isinstance(at, Mapping):
            continue
        for name in at if path[-1] == "*" else (path[-1],):
            if name in at:
                kept[".".join((*path[:-1], str(name)))] = _bounded(at[name])
    return kept


def _pairs(value: Any, separator: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(name): item for name, item in value.items()}
    if isinstance(value, list):
        return {str(entry[0]): entry[1] for entry in value if isinstance(entry, list) and len(entry) == 2}
    if isinstance(value, str):
        try:
            text = value.lstrip("?").replace("; ", ";")
            return dict(parse_qsl(text, keep_blank_values=True, separator=separator, max_num_fields=500))
        except ValueError:
            return {}
    return {}


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_KEPT_BYTES]
    if isinstance(value, Mapping | list) and len(json.dumps(value)) > MAX_KEPT_BYTES:
        return f"[over the limit of {MAX_KEPT_BYTES} bytes]"
    return value
