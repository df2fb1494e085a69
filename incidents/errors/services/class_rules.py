"""Founders' own rules for what an error is: exception type → class, component → layer, by globs.

They come before the built-in rules (services.classifying): the first active one by position wins, a project's own
before everybody's. Compiled once into an RE2 set, so that any number of them costs one linear-time match, and what a
type or component came to is remembered: an error of a known type costs two look-ups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import re2

from readiness.infra.envelope import ErrorClass, layer_may
from readiness.infra.redaction.patterns import pattern_compile

MAX_GLOB = 200
MAX_RULES = 200  # active ones of a project, and of everybody
_REMEMBERED = 4_096
_LONGEST = 500  # what is matched of a name
_MEMORY = 16 << 20


class GlobBroken(ValueError):
    """Why a glob cannot be a rule's, and what to write instead; for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """Exception type → class. `id` is 0 until it is saved."""

    pattern: str
    error_class: ErrorClass
    id: int = 0

    def __str__(self) -> str:
        return f"{self.pattern} → {self.error_class}"


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """Component → layer. `id` is 0 until it is saved."""

    pattern: str
    layer: str
    id: int = 0

    def __str__(self) -> str:
        return f"{self.pattern} → {self.layer}"


R = TypeVar("R", TypeRule, PlaceRule)
K = TypeVar("K")
V = TypeVar("V")


class ClassRules:
    """The rules that hold for one project, in the order in which they are asked."""

    __slots__ = ("_place_set", "_places_known", "_type_set", "_types_known", "places", "types")

    def __init__(self, *, types: Sequence[TypeRule] = (), places: Sequence[PlaceRule] = ()) -> None:
        self.types, self._type_set = _compiled(types)
        self.places, self._place_set = _compiled(places)
        self._types_known: dict[tuple[str | None, str], TypeRule | None] = {}
        self._places_known: dict[str, PlaceRule | None] = {}

    def __bool__(self) -> bool:
        return bool(self.types or self.places)

    def of_type(self, exception_type: str | None, module: str | None = None) -> TypeRule | None:
        """The rule that decides on an exception; its globs are held against the type as sent and with its module."""
        if not self.types or not exception_type:
            return None
        key = (module, exception_type)
        try:
            return self._types_known[key]
        except KeyError:
            return _remember(self._types_known, key, _first(self.types, self._type_set, type_names(*key)))

    def of_component(self, component: str) -> PlaceRule | None:
        """The rule that decides on a component."""
        if not self.places or not component:
            return None
        try:
            return self._places_known[component]
        except KeyError:
            return _remember(self._places_known, component, _first(self.places, self._place_set, [component]))


def type_names(module: str | None, exception_type: str) -> list[str]:
    """The names that an exception type goes by: `OperationalError`, `django.db.utils.OperationalError`."""
    if not module or exception_type.startswith(f"{module}."):
        return [exception_type]
    return [exception_type, f"{module}.{exception_type}"]


def glob_compile(pattern: str) -> str:
    """The RE2 pattern of a glob: `*` any characters, `?` one, `[abc]` one of these, `[!abc]` none of them.

    Raises GlobBroken.
    """
    if not pattern.strip():
        raise GlobBroken("A pattern is needed, such as *.OperationalError or billing.*")
    if len(pattern) > MAX_GLOB:
        raise GlobBroken(f"A pattern has at most {MAX_GLOB} characters; * stands for any number of them.")
    if any(ord(char) < 32 for char in pattern) or pattern != pattern.strip():
        raise GlobBroken("A pattern is one line, without blanks around it; take them out.")
    if pattern.startswith(("^", ".*", "(?")) or "\\." in pattern or ".+" in pattern:
        raise GlobBroken(
            "This is a regular expression; a glob is simpler: *Error for what ends in Error, billing.* for what begins "
            "with billing and a dot."
        )
    if "|" in pattern:
        raise GlobBroken("A rule has one pattern; make one rule for each side of the |.")
    found, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            end = pattern.find("]", at + 2 + (pattern[at + 1 : at + 2] == "!"))
            if end < 0:
                raise GlobBroken("A [ is never closed; close it with ], or write [[] for the bracket itself.")
            found, at = found + _one_of(pattern[at + 1 : end]), end
        else:
            found += {"*": ".*", "?": "."}.get(char) or re2.escape(char)
        at += 1
    try:
        pattern_compile(found)
    except re2.error as broken:
        raise GlobBroken(
            "What stands between [ and ] cannot be read; write single characters or a range, [a-z]."
        ) from (broken)
    return f"(?s:{found})"


def _one_of(inside: str) -> str:
    negated = inside.startswith("!")
    plain = inside[negated:].replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]").replace("^", r"\^")
    return f"[{'^' if negated else ''}{plain}]"


def rules_contradict(*, types: Sequence[TypeRule], places: Sequence[PlaceRule]) -> list[tuple[TypeRule, PlaceRule]]:
    """The pairs of rules whose layer may not speak of their class (126-130): where both fit an error, its layer gives
    way. Rules for everything (`*`) are left out: to be overruled is what they are for.
    """
    return [
        (rule, place)
        for rule in types
        for place in places
        if not layer_may(place.layer, rule.error_class) and place.pattern.strip("*") and rule.pattern.strip("*")
    ]


def _compiled(rules: Sequence[R]) -> tuple[tuple[R, ...], Any]:
    """(the rules, their globs in one). One that cannot be read was checked when it was saved: capture goes on without
    it rather than not at all.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _MEMORY
    globs = re2.Set.FullMatchSet(options)
    kept: list[R] = []
    for rule in rules:
        try:
            globs.Add(glob_compile(rule.pattern))
        except (GlobBroken, re2.error):
            continue
        kept.append(rule)
    if kept:
        globs.Compile()
    return tuple(kept), globs


def _first(rules: Sequence[R], globs: Any, names: Sequence[str]) -> R | None:
    fitting = [at for name in names for at in globs.Match(name[:_LONGEST].encode("utf-8", "replace")) or ()]
    return rules[min(fitting)] if fitting else None


def _remember(known: dict[K, V], key: K, found: V) -> V:
    if len(known) >= _REMEMBERED:  # whoever sends ever new types pays for them, and nobody's memory does
        known.clear()
    known[key] = found
    return found


NO_CLASS_RULES = ClassRules()
