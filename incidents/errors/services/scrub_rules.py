"""What founders decide about scrubbing a project's errors: rules that take more out, and raw input that is kept.

Rules only ever remove more than the floor (readiness.infra.redaction); what is kept is scrubbed like everything else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import re2

from readiness.infra.redaction import FLOOR, Rules, cookie_is_secret, text_scrub, value_scrub
from readiness.infra.redaction.patterns import FILTERED, pattern_compile
from readiness.infra.refusals import FieldError, Invalid

MAX_PATTERN = 500
MAX_RULES = 100
MAX_KEPT_FIELDS = 100
MAX_KEPT_BYTES = 2_000
_RULE_MEMORY = 8 << 20
# A rule that takes all of these away, or one of them from a name, is no rule but a switch.
_ORDINARY = ("The order could not be paid.", "KeyError: 'shipping'", "GET /orders/12/ 404")
_ORDINARY_KEYS = ("message", "status", "url", "order", "page", "type", "name", "level")


class RuleBroken(ValueError):
    """Why a pattern cannot be a rule, for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One founder's rule. `target`: `key` (the value under a matching key goes) or `value` (what matches goes)."""

    target: str
    pattern: str


@dataclass(frozen=True, slots=True)
class KeptFields:
    """Names of raw input that is kept, by where it comes from; `*` stands for every name, at the end only."""

    data: frozenset[tuple[str, ...]] = frozenset()
    query: frozenset[str] = frozenset()
    cookies: frozenset[str] = frozenset()
    vars: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.data or self.query or self.cookies or self.vars)


@dataclass(frozen=True, slots=True)
class CaptureRules:
    """What capture asks of a project: compiled once, used for each of its errors. `quick`: the value rules over many
    texts at once, one a line.
    """

    rules: Rules = FLOOR
    kept: KeptFields = field(default_factory=KeptFields)
    quick: Any = None


NO_RULES = CaptureRules()


# --- rules ------------------------------------------------------------------------------------------------------------


def rule_compile(rule: Rule) -> Any:
    """The rule's pattern. Raises RuleBroken, saying what is wrong with it and what to do."""
    pattern = rule.pattern
    if not pattern.strip() or len(pattern) > MAX_PATTERN:
        raise RuleBroken(f"A pattern has 1 to {MAX_PATTERN} characters.")
    if r"\A" in pattern or r"\z" in pattern:
        raise RuleBroken(r"Write ^ and $ for the beginning and the end of a text instead of \A and \z.")
    try:
        compiled = pattern_compile(pattern, max_mem=_RULE_MEMORY)
    except re2.error as broken:
        said = broken.args[0].decode("utf-8", "replace") if isinstance(broken.args[0], bytes) else str(broken)
        raise RuleBroken(
            f"RE2 cannot read it: {said}. Look-around and back-references are not part of its syntax."
        ) from broken
    if compiled.search(""):
        raise RuleBroken("It matches an empty text, and so everything; ask for at least one character.")
    if compiled.search(FILTERED):
        raise RuleBroken(f"It matches {FILTERED} itself, so it is too broad; be more specific.")
    if rule.target == "key" and all(compiled.search(key) for key in _ORDINARY_KEYS):
        raise RuleBroken("It matches every ordinary name, such as `message` or `status`; be more specific.")
    if rule.target == "value" and all(len(compiled.sub("", text)) < len(text) / 2 for text in _ORDINARY):
        raise RuleBroken("It takes most of an ordinary sentence away; be more specific.")
    return compiled


def rules_compile(rules: Sequence[Rule], *, keep_ip: bool = False) -> tuple[Rules, Any]:
    """(all rules in one, the value rules for a quick look at many lines). One that no longer compiles is left out:
    it was checked when it was saved, and capture goes on without it rather than not at all.
    """
    by_target: dict[str, list[str]] = {"key": [], "value": []}
    for rule in rules[:MAX_RULES]:
        try:
            rule_compile(rule)
        except RuleBroken:
            continue
        by_target[rule.target].append(f"(?:{rule.pattern})")
    key, value = ("|".join(by_target[name]) for name in ("key", "value"))
    memory = _RULE_MEMORY * 4
    compiled = Rules(
        key=pattern_compile(key, captures=False, max_mem=memory) if key else None,
        value=pattern_compile(value, captures=False, max_mem=memory) if value else None,
        keep_ip=keep_ip,
    )
    quick = pattern_compile(f"(?m:{value})", captures=False, max_mem=memory) if value else None
    return compiled, quick


def rule_try(*, rule: Rule, texts: Iterable[str], keep_ip: bool = False) -> list[tuple[str, str]]:
    """(before, after) of each text as capture would scrub it with this rule too; `before` is scrubbed by the floor.

    A key rule is tried on texts that are JSON objects. Raises RuleBroken.
    """
    compiled = rule_compile(rule)
    rules = Rules(
        key=compiled if rule.target == "key" else None,
        value=compiled if rule.target == "value" else None,
        keep_ip=keep_ip,
    )
    return [(_scrubbed(text, Rules(keep_ip=keep_ip)), _scrubbed(text, rules)) for text in texts]


def _scrubbed(text: str, rules: Rules) -> str:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.dumps(value_scrub(json.loads(text), rules), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return text_scrub(text, rules)


# --- kept fields ------------------------------------------------------------------------------------------------------

_SCOPES = {"request.data": "data", "request.query": "query", "request.cookies": "cookies", "frame.vars": "vars"}
KEPT_EXAMPLES = ("request.data.order_id", "request.data.customer.id", "request.query.page", "request.cookies.theme",
                 "frame.vars.attempt", "frame.vars.*")  # fmt: skip


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
