"""Why an event is in its group: the stored event is put together again and grouped by the code that groups (grouping).

Nothing is hashed here: `parts` are that code's own, and `agrees` says whether they hash to what is stored. It does not
where the event came under another version of the algorithm, or where a limit kept less of it than was hashed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from incidents.errors.services.frame_names import frame_key
from incidents.errors.services.grouping import (
    GROUPING_VERSION,
    Grouping,
    event_grouping,
    exception_parts,
    exceptions_kept,
    fingerprint_hash,
    frames_kept,
    native_grouping,
    sdk_parts,
    thread_kept,
)
from incidents.errors.services.sentry_events import (
    Exceptions,
    Frame,
    LogEntry,
    Mechanism,
    SentryEvent,
    SentryException,
    Stacktrace,
    Thread,
    Threads,
)

RULES = {
    "sdk": ("SDK fingerprint", "The program's SDK named the group itself; its word comes first."),
    "app-frames": ("Exception", "The exception's type and the frames of your own code decided."),
    "all-frames": ("Exception", "The exception's type and all its frames decided: none is marked as your own code."),
    "value": ("Exception", "The exception's type and what it says decided: it came without a stack."),
    "thread": ("Thread", "The stack of the thread that crashed decided: no exception came with one."),
    "message": ("Message", "The message decided: there is neither an exception with a name nor a stack."),
}
LIBRARY = "library: frames of your own code are there"
NAMELESS = "says neither where nor what"
REPEATED = "counted already: recursion has no depth"
_LABELS = {
    "type": "type", "value": "what it says", "message": "message", "logger": "logger", "transaction": "transaction",
}  # fmt: skip
_MARKS = {"exception": "an exception", "stack": "its frames", "group": "the group that held them"}


class StoredGrouped(Protocol):
    """What is asked of a stored event, beside its detail."""

    component: str
    error_class: str
    exception_type: str | None
    message: str
    context: Any
    release: str | None
    environment: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PartExplained:
    """One part of the hash, in order: what it is, and the text as hashed; a mark (`an exception`) has no other text."""

    label: str
    text: str
    hashed: str


@dataclass(frozen=True, slots=True)
class FrameExplained:
    """A frame as it is called for grouping (`place:function`), or why it is left out; `times` alike in a row."""

    shown: str
    key: str
    line: int | None
    left_out: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class StackExplained:
    """An exception of the chain, or a thread; `left_out` says why nothing of it counts. `type_counts` and `said` (the
    value parameterised, empty where it does not count) are of exceptions. Frames outermost first, as they are hashed.
    """

    title: str
    value: str
    said: str
    type_counts: bool
    left_out: str
    frames: tuple[FrameExplained, ...]

    @property
    def used(self) -> int:
        """How many frames count."""
        return sum(1 for frame in self.frames if not frame.left_out)

    @property
    def total(self) -> int:
        """How many frames are stored."""
        return sum(frame.times for frame in self.frames)


@dataclass(frozen=True, slots=True)
class GroupingExplained:
    """`rule`, `why`: which rule decided. `message`: (before, after parameterising) where a message did, else None."""

    strategy: str
    parts: tuple[PartExplained, ...]
    stacks: tuple[StackExplained, ...]
    message: tuple[str, str] | None
    fingerprint: str
    stored: str
    version: int = GROUPING_VERSION

    @property
    def rule(self) -> str:
        return RULES[self.strategy][0]

    @property
    def why(self) -> str:
        return RULES[self.strategy][1]

    @property
    def agrees(self) -> bool:
        """Whether these parts are what the event was grouped by when it came."""
        return self.fingerprint == self.stored


def grouping_explain(*, event: StoredGrouped, detail: Mapping[str, Any]) -> GroupingExplained:
    """Why the stored event is in its group. `detail`: its payload, decompressed."""
    if detail.get("grouped_as") == "envelope":
        return _envelope_explain(event, detail)
    again = event_again(event=event, detail=detail)
    grouping = event_grouping(event=again, message=event.message, stored=True)
    inner: Grouping | None = grouping
    if grouping.strategy == "sdk":
        parts: list[PartExplained] = []
        inner = None
        for written, found in sdk_parts(
            event=again, fingerprint=again.fingerprint or (), message=event.message, stored=True
        ):
            if isinstance(found, Grouping):
                inner = found
                parts += _labelled(found.parts)
            else:
                label = "the SDK's word" if found == written else f"the SDK's {written.strip()}"
                parts.append(PartExplained(label, found, found))
    else:
        parts = _labelled(grouping.parts)
    message = None
    if inner is not None and inner.strategy == "message":
        said = again.logentry.message if again.logentry else None
        message = said or event.message, inner.parts[0].removeprefix("message:")
    return GroupingExplained(
        strategy=grouping.strategy,
        parts=tuple(parts),
        stacks=_stacks(again, inner),
        message=message,
        fingerprint=fingerprint_hash([part.hashed for part in parts]),
        stored=event.fingerprint,
    )


def event_again(*, event: StoredGrouped, detail: Mapping[str, Any]) -> SentryEvent:
    """The Sentry event as far as it is stored: what grouping asks for is in it."""
    context = event.context if isinstance(event.context, dict) else {}
    threads = [
        Thread(t.get("crashed"), t.get("current"), Stacktrace(_frames(t.get("frames"))))
        for t in detail.get("threads") or ()
    ]
    exceptions = [
        SentryException(
            type=e.get("type") or None,
            value=e.get("value") or None,
            module=e.get("module"),
            stacktrace=Stacktrace(_frames(e.get("frames"))),
            mechanism=Mechanism(**e["mechanism"]) if e.get("mechanism") else None,
        )
        for e in detail.get("exceptions") or ()
    ]
    template = detail.get("template")
    return SentryEvent(
        level=detail.get("level"),
        platform=context.get("platform") or None,
        logger=detail.get("logger"),
        transaction=context.get("transaction") or None,
        release=event.release,
        environment=event.environment,
        exception=Exceptions(list(exceptions)) if exceptions else None,
        threads=Threads(list(threads)) if threads else None,
        logentry=LogEntry(template, event.message) if template else None,
        tags=detail.get("tags"),
        fingerprint=detail.get("fingerprint"),
    )


def _frames(stored: Any) -> list[Frame | None]:
    return [
        Frame(f.get("module"), f.get("function"), f.get("filename"), f.get("lineno"), f.get("in_app"))
        for f in stored or ()
        if isinstance(f, dict)
    ]


# --- parts, in order ------------------------------------------------------------------------------------------------


def _labelled(parts: Iterable[str]) -> list[PartExplained]:
    """What each part of our own grouping is; after the mark of a stack come its frames."""
    found: list[PartExplained] = []
    in_stack = False
    for part in parts:
        name, joint, rest = part.partition(":")
        if part in _MARKS:
            in_stack = part == "stack"
            found.append(PartExplained(_MARKS[part], "", part))
        elif joint and name in _LABELS and not (in_stack and name != "value"):
            found.append(PartExplained(_LABELS[name], rest, part))
        else:
            found.append(PartExplained("frame", part, part))
    return found


# --- stacks -----------------------------------------------------------------------------------------------------------


def _stacks(event: SentryEvent, grouping: Grouping | None) -> tuple[StackExplained, ...]:
    """The chain of exceptions as it was raised, the raised one first, then the thread that told; none where the SDK's
    word is all that counts.
    """
    if grouping is None:
        return ()
    browser = event.platform == "javascript"
    chain = exceptions_kept(event)
    by_thread = grouping.strategy == "thread"
    found: list[StackExplained] = []
    for place in reversed(range(len(chain))):
        exception, frames = chain[place], frames_kept(chain[place].stacktrace)
        chosen = place in grouping.chosen
        parts = exception_parts(exception, frames, own=grouping.own, browser=browser, stored=True) if chosen else []
        said = next((part[6:] for part in parts[::-1] if part.startswith("value:")), "") if not by_thread else ""
        found.append(
            StackExplained(
                title=exception.type or "An exception without a type",
                value=exception.value or "",
                said=said,
                type_counts=len(parts) > 1 and parts[1].startswith("type:"),
                left_out="" if chosen else _why_not(exception),
                frames=_frames_explained(frames, own=grouping.own, browser=browser),
            )
        )
    if by_thread and (thread := thread_kept(event)) is not None:
        frames = frames_kept(thread.stacktrace)
        own = any(frame.in_app for frame in frames)
        explained = _frames_explained(frames, own=own, browser=browser)
        state = "that crashed" if thread.crashed else "that was current" if thread.current else "that there was"
        found.append(StackExplained(f"The thread {state}", "", "", False, "", explained))
    return tuple(found)


def _why_not(exception: SentryException) -> str:
    if exception.mechanism is not None and exception.mechanism.is_exception_group:
        return "A group of members that are all alike counts for nothing: it is grouped as a member raised alone."
    return "Another one of the group says the same, or it is no part of what was raised."


def _frames_explained(frames: Sequence[Frame], *, own: bool, browser: bool) -> tuple[FrameExplained, ...]:
    """Each frame with its name in the hash or the reason why it has none there; the same again is one line."""
    found: list[FrameExplained] = []
    seen: set[str] = set()
    for frame in frames:
        key = frame_key(frame.module, frame.filename, frame.function, browser)
        left_out = LIBRARY if own and not frame.in_app else NAMELESS if not key else REPEATED if key in seen else ""
        if not left_out:
            seen.add(key)
        shown = f"{frame.module or frame.filename or '?'}:{frame.function or '?'}"
        one = FrameExplained(shown, key, frame.lineno, left_out)
        last = found[-1] if found else None
        if last is not None and left_out and (last.left_out, last.shown) == (left_out, shown):
            found[-1] = replace(last, times=last.times + 1)
        else:
            found.append(one)
    return tuple(found)


# --- envelopes --------------------------------------------------------------------------------------------------------


def _envelope_explain(event: StoredGrouped, detail: Mapping[str, Any]) -> GroupingExplained:
    """An envelope of the native door, or an error of the console's own."""
    exceptions = detail.get("exceptions") or ()
    frames = exceptions[0].get("frames") or () if exceptions else ()
    grouping = native_grouping(
        component=event.component,
        error_class=event.error_class,
        exception_type=event.exception_type,
        message=event.message,
        frames=frames,
    )
    if grouping.strategy == "message":
        labels = ("component", "class", "type", "message")
        parts = [PartExplained(label, text, text) for label, text in zip(labels, grouping.parts, strict=True)]
        message: tuple[str, str] | None = (event.message, grouping.parts[-1])
        stacks: tuple[StackExplained, ...] = ()
    else:
        parts, message = _labelled(grouping.parts), None
        explained = _frames_explained([f for f in _frames(frames) if f is not None], own=grouping.own, browser=False)
        title = event.exception_type or "An exception without a type"
        stacks = (StackExplained(title, event.message, "", True, "", explained),)
    return GroupingExplained(
        strategy=grouping.strategy,
        parts=tuple(parts),
        stacks=stacks,
        message=message,
        fingerprint=fingerprint_hash([part.hashed for part in parts]),
        stored=event.fingerprint,
    )
