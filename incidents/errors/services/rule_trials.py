"""A founders' rule tried on past events before it is saved: what it would change, and what it could not.

Each event is classified twice as capture would do it today: under the rules that are saved, and under the same with
the edited one in its position. What differs is what saving changes, for errors to come; what is stored stays.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
import zstandard

from incidents.errors.services.class_rules import ClassRules, PlaceRule, TypeRule
from incidents.errors.services.classifying import Classification, console_classify, sentry_classify
from readiness.infra.envelope import layer_may

EXAMPLES = 3
MAX_CHANGES = 20
_CONSOLE = 0


class PastEvent(Protocol):
    """What a trial reads of a stored event."""

    project_id: int
    error_id: str
    layer: str
    component: str
    error_class: str
    message: str
    exception_type: str | None
    fingerprint: str
    payload: Any
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Example:
    """An event that would change; `incident` is `INC-12` or empty."""

    project_id: int
    error_id: str
    fingerprint: str
    exception_type: str
    component: str
    message: str
    at: datetime
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """`events` of the trial go from one class and layer to another; the newest of a few of their groups."""

    before: Classification
    after: Classification
    events: int
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Trial:
    """`events` looked at, down to `oldest`; `matched` fit the pattern; `changed` would come out otherwise, by `changes`
    (the most frequent ones). `held_back`: (why, how many) of those that fit and stay as they are.
    """

    events: int
    oldest: datetime | None
    matched: int
    changed: int
    changes: Sequence[Change]
    held_back: Sequence[tuple[str, int]]


class _PastException(msgspec.Struct):
    type: str | None = None
    module: str | None = None


class _Detail(msgspec.Struct):
    exceptions: list[_PastException] | None = None
    tags: dict[str, Any] | None = None
    request: Any = None
    contexts: dict[str, Any] | None = None
    grouped_as: str | None = None


_detail = msgspec.json.Decoder(_Detail)


@dataclass(frozen=True, slots=True)
class Seen:
    """A stored event as capture saw it. `own`: the console's, which knows its layer; `told`: a native envelope, which
    said both itself.
    """

    event: PastEvent
    module: str | None
    tags: Mapping[str, Any]
    contexts: Mapping[str, Any]
    in_request: bool
    own: bool
    told: bool

    def classify(self, rules: ClassRules) -> Classification | None:
        """What it would be under these rules; None where no rule is asked."""
        event, tags, otel = self.event, self.tags, self.contexts.get("otel")
        if self.own:
            kind = event.exception_type or ""
            return console_classify(exception_type=kind, module=self.module, layer=event.layer, rules=rules)
        if self.told:
            return None
        layer = otel.get("layer") if isinstance(otel, dict) else None
        return sentry_classify(
            exception_type=event.exception_type,
            module=self.module,
            component=event.component,
            tagged_class=tags.get("error_class"),
            tagged_layer=tags.get("layer"),
            told_layer=layer if isinstance(layer, str) else None,
            in_request=self.in_request,
            in_worker=bool(self.contexts.get("celery")) or "celery_task_id" in tags,
            rules=rules,
        )


def past_event_read(event: PastEvent) -> Seen | None:
    """The event as capture saw it; None for one whose detail cannot be read any more."""
    try:
        detail = _detail.decode(zstandard.ZstdDecompressor().decompress(bytes(event.payload)))
    except (msgspec.DecodeError, zstandard.ZstdError):
        return None
    module = detail.exceptions[-1].module if detail.exceptions else None
    own = event.project_id == _CONSOLE
    return Seen(
        event, module, tags=detail.tags or {}, contexts=detail.contexts or {}, in_request=detail.request is not None,
        own=own, told=not own and detail.grouped_as == "envelope",
    )  # fmt: skip


def rule_trial(
    *,
    edited: TypeRule | PlaceRule,
    events: Iterable[PastEvent],
    before: Callable[[int], ClassRules],
    after: Callable[[int], ClassRules],
) -> Trial:
    """Try a rule. `before` and `after` give a project's rules without the edit and with it (`edited` among them)."""
    alone = ClassRules(types=[edited]) if isinstance(edited, TypeRule) else ClassRules(places=[edited])
    seen = [one for event in events if (one := past_event_read(event)) is not None]
    moved: dict[tuple[Classification, Classification], list[PastEvent]] = {}
    held: Counter[str] = Counter()
    matched = 0
    for one in seen:
        fits = _rule_for(one, alone) is not None
        matched += fits
        project_id = one.event.project_id
        was, becomes = one.classify(before(project_id)), one.classify(after(project_id))
        if was is not None and becomes is not None and was != becomes:
            moved.setdefault((was, becomes), []).append(one.event)
        elif fits:
            held[_why_held(one, edited, becomes, after(project_id))] += 1
    ordered = sorted(moved.items(), key=lambda item: -len(item[1]))
    return Trial(
        events=len(seen),
        oldest=min((one.event.created_at for one in seen), default=None),
        matched=matched,
        changed=sum(len(rows) for rows in moved.values()),
        changes=[Change(was, becomes, len(rows), _examples(rows)) for (was, becomes), rows in ordered[:MAX_CHANGES]],
        held_back=held.most_common(MAX_CHANGES),
    )


def _rule_for(one: Seen, rules: ClassRules) -> TypeRule | PlaceRule | None:
    if rules.types and (found := rules.of_type(one.event.exception_type, one.module)):
        return found
    return rules.of_component(one.event.component)


def _why_held(one: Seen, edited: TypeRule | PlaceRule, becomes: Classification | None, rules: ClassRules) -> str:
    """Why an event that fits the rule stays as it is."""
    if becomes is None:
        return "say their class and layer themselves: they are native envelopes"
    if isinstance(edited, TypeRule):
        if not one.own and one.tags.get("error_class") == becomes.error_class:
            return "carry their sender's tag error_class, which decides"
        first: TypeRule | PlaceRule | None = rules.of_type(one.event.exception_type, one.module)
        if first is edited and one.own and not layer_may(one.event.layer, edited.error_class):
            return f"are the console's own, of {one.event.layer}, which may not emit {edited.error_class}"
        same = f"are {edited.error_class} already"
    else:
        if one.own:
            return "are the console's own, which knows its layers"
        if one.tags.get("layer") == becomes.layer:
            return "carry their sender's tag layer, which decides"
        first = rules.of_component(one.event.component)
        if first is edited and not layer_may(edited.layer, becomes.error_class):
            return f"are {becomes.error_class}, which {edited.layer} may not emit; they stay {becomes.layer}"
        same = f"are {edited.layer} already"
    return same if first is edited else f"fit a rule before it: {first}"


def _examples(events: Sequence[PastEvent]) -> list[Example]:
    """The newest event of each of the first few groups."""
    groups: dict[tuple[int, str], PastEvent] = {}
    for event in events:
        groups.setdefault((event.project_id, event.fingerprint), event)
    return [_example(event) for event in list(groups.values())[:EXAMPLES]]


def _example(event: PastEvent) -> Example:
    return Example(
        project_id=event.project_id,
        error_id=event.error_id,
        fingerprint=event.fingerprint,
        exception_type=event.exception_type or "",
        component=event.component,
        message=(event.message.strip().splitlines() or [""])[0][:160],
        at=event.created_at,
    )
