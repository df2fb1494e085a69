"""Founders' own scrubbing rules: they only ever remove more than the floor (readiness.infra.redaction)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from incidents.errors.services.class_rules import NO_CLASS_RULES, ClassRules
from incidents.errors.services.kept_fields import KeptFields
from readiness.infra.redaction import FLOOR, Rules
from readiness.infra.redaction.patterns import FILTERED, pattern_compile

MAX_PATTERN = 500
MAX_RULES = 100  # active ones of a project, and as many of everybody's
_RULE_MEMORY = 8 << 20
_RULES_MEMORY = 4 * _RULE_MEMORY
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
        if "too large" in said:
            raise RuleBroken("It is too large; shorten repetitions such as {1000}.") from broken
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
    for rule in rules:
        try:
            rule_compile(rule)
        except RuleBroken:
            continue
        by_target[rule.target].append(f"(?:{rule.pattern})")
    key, value = (_joined(by_target[name], "{}") for name in ("key", "value"))
    return Rules(key=key, value=value, keep_ip=keep_ip), _joined(by_target["value"], "(?m:{})")


def rules_fit(rules: Sequence[Rule]) -> bool:
    """Whether the rules together are small enough for one automaton of each kind."""
    patterns = [[f"(?:{rule.pattern})" for rule in rules if rule.target == target] for target in ("key", "value")]
    try:
        for kind in filter(None, patterns):
            pattern_compile("|".join(kind), captures=False, max_mem=_RULES_MEMORY)
    except re2.error:
        return False
    return True


def _joined(patterns: list[str], form: str) -> Any:
    """All of them in one automaton; None of none. Each fits by itself, so that many times as much memory is enough."""
    if not patterns:
        return None
    whole = form.replace("{}", "|".join(patterns))
    try:
        return pattern_compile(whole, captures=False, max_mem=_RULES_MEMORY)
    except re2.error:
        return pattern_compile(whole, captures=False, max_mem=_RULE_MEMORY * (len(patterns) + 1))
