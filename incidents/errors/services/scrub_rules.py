"""Founders' own scrubbing rules: they only ever remove more than the floor (readiness.infra.redaction)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from incidents.errors.services.class_rules import NO_CLASS_RULES, ClassRules
from incidents.errors.services.kept_fields import KeptFields
from readiness.infra.redaction import FLOOR, Rules, text_scrub, value_scrub
from readiness.infra.redaction.patterns import FILTERED, pattern_compile

MAX_PATTERN = 500
MAX_RULES = 100
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
class CaptureRules:
    """What capture asks of a project: compiled once, used for each of its errors. `quick`: the value rules over many
    texts at once, one a line; `classes`: what its errors are.
    """

    rules: Rules = FLOOR
    kept: KeptFields = field(default_factory=KeptFields)
    quick: Any = None
    classes: ClassRules = NO_CLASS_RULES


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
