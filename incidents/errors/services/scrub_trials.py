"""A founder's rule tried before it is saved: on a sample, and on errors that are stored already.

Stored errors were scrubbed when they came, by the floor and the rules of that day: what a trial shows is what would go
beside that. Names of secrets count where capture looks at names: in free-form data, not in the stack or the messages.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from incidents.errors.services.normalising import payload_decompress
from incidents.errors.services.scrub_rules import Rule, rule_compile, rules_compile
from readiness.infra.redaction import FILTERED, Rules, text_scrub, value_scrub

MAX_TEXTS = 5_000  # of one error
PLACES_SHOWN = 12
_SHOWN = 160
_LEAD = 50
_COLUMNS = ("component", "message", "exception_type", "release", "environment")
_DATA = ("tags", "extra", "contexts")
_CRUMB_PROSE = ("message", "category", "type", "level", "timestamp", "event_id")


class StoredError(Protocol):
    """What a trial reads of a stored error."""

    project_id: int
    error_id: str
    timestamp: datetime
    component: str
    message: str
    exception_type: str | None
    exception_chain: Any
    context: Any
    release: str | None
    environment: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """One text that a rule changes, cut to where it does. `by_rule`: under this rule; `by_all`: under all that hold,
    this one included.
    """

    where: str
    before: str
    by_rule: str
    by_all: str


@dataclass(frozen=True, slots=True)
class TriedError:
    """One stored error: how many places this rule removes, and all together; the first PLACES_SHOWN texts of them."""

    error_id: str
    at: datetime
    title: str
    by_rule: int
    by_all: int
    changed: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule does. `sample`: (before, by this rule, by all), whole; None without one. `others`: how many other
    rules are active. `touched`, `texts`: of all texts of the errors, those in which this rule removes something.
    """

    sample: tuple[str, str, str] | None
    sample_places: tuple[int, int]
    errors: tuple[TriedError, ...]
    others: int
    texts: int
    touched: int

    @property
    def errors_changed(self) -> list[TriedError]:
        """Those that are changed by any rule, what this one changes first."""
        return sorted((error for error in self.errors if error.by_all), key=lambda error: not error.by_rule)

    @property
    def errors_hit(self) -> int:
        return sum(1 for error in self.errors if error.by_rule)

    @property
    def places(self) -> int:
        return sum(error.by_rule for error in self.errors)

    @property
    def places_all(self) -> int:
        return sum(error.by_all for error in self.errors)

    @property
    def is_broad(self) -> bool:
        """Whether it changes so many of the texts that little is left to diagnose with."""
        return self.texts >= 20 and self.touched * 4 > self.texts


def rule_try(
    *, rule: Rule, others: Sequence[Rule], sample: str, errors: Iterable[StoredError], keep_ip: bool = False
) -> Trial:
    """The rule alone, and together with the `others`, on the sample and on each error. Raises RuleBroken."""
    rule_compile(rule)
    alone = _Applied(rules_compile([rule], keep_ip=keep_ip)[0])
    together = _Applied(rules_compile([*others, rule], keep_ip=keep_ip)[0])
    tried, texts, touched = [], 0, 0
    for error in errors:
        found = list(islice(_texts(error), MAX_TEXTS))
        by_rule = [alone.apply(text) for text in found]
        by_all = [together.apply(text) for text in found]
        texts += len(found)
        touched += sum(1 for _, places in by_rule if places)
        changed = [
            _changed(text, mine[0], everyone[0])
            for text, mine, everyone in zip(found, by_rule, by_all, strict=True)
            if mine[1] or everyone[1]
        ]
        counts = sum(places for _, places in by_rule), sum(places for _, places in by_all)
        title = f"{error.exception_type}: {error.message}" if error.exception_type else error.message
        tried.append(TriedError(error.error_id, error.timestamp, title[:120], *counts, tuple(changed[:PLACES_SHOWN])))
    shown, places = None, (0, 0)
    if sample.strip():
        (mine_text, mine_places), (all_text, all_places) = alone.sample(sample), together.sample(sample)
        shown, places = (sample, mine_text, all_text), (mine_places, all_places)
    return Trial(shown, places, tuple(tried), len(others), texts, touched)


def sample_left(*, rule: Rule, sample: str, keep_ip: bool = False) -> str:
    """What floor and rule leave of a sample: all of it that is kept. Raises RuleBroken."""
    rule_compile(rule)
    return _Applied(rules_compile([rule], keep_ip=keep_ip)[0]).sample(sample)[0] if sample else ""


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of an error; `keys`: the names that it stands under, where names count."""

    where: str
    text: str
    keys: tuple[str, ...] = ()


class _Applied:
    """Rules on texts, as capture applies them."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.floor = rules, Rules(keep_ip=rules.keep_ip)

    def apply(self, found: _Text) -> tuple[str, int]:
        """(what is left, in how many places something went)."""
        text = found.text
        if text == FILTERED:
            return text, 0
        if self.rules.key is not None and any(
            self.rules.key.search(key.encode("utf-8", "replace")) for key in found.keys
        ):
            return FILTERED, 1
        if self.rules.value is None:
            return text, 0
        left = text_scrub(text, self.rules)
        return left, self._matches(text)

    def sample(self, text: str) -> tuple[str, int]:
        """The same of a sample: a text, or JSON, whose names count; `places` are those of the floor too."""
        if text.lstrip()[:1] in ("{", "["):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                plain = value_scrub(value, self.floor)
                places = sum(self.apply(found)[1] for found in islice(_walk(plain, "", keys=()), MAX_TEXTS))
                left = json.dumps(value_scrub(value, self.rules), ensure_ascii=False)
                return left, places
        return text_scrub(text, self.rules), self._matches(text_scrub(text, self.floor))

    def _matches(self, text: str) -> int:
        if self.rules.value is None:
            return 0
        return sum(1 for _ in self.rules.value.finditer(text))


def _changed(found: _Text, by_rule: str, by_all: str) -> Changed:
    """All three cut around the first difference."""
    before = found.text
    least = min(len(before), len(by_rule), len(by_all))
    same = next((at for at in range(least) if not before[at] == by_rule[at] == by_all[at]), least)
    start = max(0, same - _LEAD)
    return Changed(found.where, *(_cut(text, start) for text in (before, by_rule, by_all)))


def _cut(text: str, start: int) -> str:
    end = start + _SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _texts(error: StoredError) -> Iterator[_Text]:
    """Every text of a stored error on which rules act, with where it stands."""
    detail = payload_decompress(error.payload) if error.payload else {}
    exceptions = detail.get("exceptions") or []
    said = {exception.get("value") for exception in exceptions}
    for name in _COLUMNS:
        value = getattr(error, name)
        # An exception's own text is the error's message, its type the error's: counted once.
        if value and not (exceptions and (name == "exception_type" or (name == "message" and value in said))):
            yield _Text(name, value)
    if not exceptions:
        yield from (_Text("exception_chain", str(link)) for link in error.exception_chain or ())
    yield from _walk(error.context or {}, "context", keys=())
    for exception in exceptions:
        yield from _walk({name: exception.get(name) for name in ("type", "value", "module")}, "exception")
        yield from _frames(exception.get("frames"))
    for thread in detail.get("threads") or []:
        yield from _frames(thread.get("frames"))
    yield from _walk({name: detail.get(name) for name in ("template", "fingerprint", "logger", "sdk")}, "event")
    request = dict(detail.get("request") or {})
    yield from _walk({name: request.pop(name, None) for name in ("method", "url")}, "request")
    yield from _walk(request, "request", keys=())
    for crumb in detail.get("breadcrumbs") or []:
        yield from _crumb(crumb)
    for name in _DATA:
        yield from _walk(detail.get(name), name, keys=())


def _frames(frames: Any) -> Iterator[_Text]:
    for frame in frames or []:
        variables = frame.get("vars")
        yield from _walk({name: value for name, value in frame.items() if name != "vars"}, "frame")
        yield from _walk(variables, "frame.vars", keys=())


def _crumb(crumb: Any) -> Iterator[_Text]:
    if not isinstance(crumb, Mapping):
        yield from _walk(crumb, "breadcrumb", keys=())
        return
    yield from _walk({name: crumb.get(name) for name in _CRUMB_PROSE}, "breadcrumb")
    yield from _walk({k: v for k, v in crumb.items() if k not in _CRUMB_PROSE}, "breadcrumb", keys=())


def _walk(value: Any, where: str, *, keys: tuple[str, ...] | None = None, names: bool | None = None) -> Iterator[_Text]:
    """The texts in a value; with `keys`, the names on the way to each count (and are texts themselves)."""
    if isinstance(value, str):
        if value:
            yield _Text(where, value, keys or ())
    elif isinstance(value, Mapping):
        for name, item in value.items():
            at = f"{where}.{name}" if where else str(name)
            if keys is not None and not _is_empty(item):
                yield _Text(f"{at} (its name)", str(name))
            yield from _walk(item, at, keys=None if keys is None else (*keys, str(name)))
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in value:
            yield from _walk(item, where, keys=keys)
    elif keys and isinstance(value, int | float) and not isinstance(value, bool):
        yield _Text(where, str(value), keys)


def _is_empty(item: Any) -> bool:
    return item in (None, "", [], {}, FILTERED)
