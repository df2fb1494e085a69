"""Grouping: which errors are one incident. Version 2 of the algorithm; hashes map many-to-one onto incidents.

The SDK's own fingerprint wins (`{{ default }}` stands for ours). Else the chain of exceptions, else the crashed
thread's stack, else the message.

- In-app frames count; all frames do only where no exception of the event has an in-app one. A frame is its place and
  function (frame_names), never its line; each counts once, so that recursion has no depth.
- An exception's type counts unless its mechanism is synthetic. Its value, parameterised, counts where it has no stack,
  or where the frame that broke has no name (minified).
- Of an exception group its distinct members count, in any order, and the group itself; with one distinct member the
  group counts for nothing, and the error is grouped with that member raised alone.

The rules are those of Sentry's newstyle strategies, with the changes that CHANGELOG names.

To change what is hashed: freeze this module as grouping_v<N>.py (as grouping_v1 is), raise GROUPING_VERSION, and let
`CapturedError.previous` compute the frozen one's hash. No incident splits by that: for READINESS_GROUPING_OVERLAP_DAYS
after the new version's first event, an unknown hash is looked for under the hash of the version before, and is attached
to the incident to which that one leads now, merged or split as it may be (incidents.triage.workflows.recording). Hashes
map many-to-one onto incidents, so two that the new version tells apart stay together until a person splits them.

What is hashed is what is stored: `explaining` puts a stored event together again and groups it with this very module.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from incidents.errors.services.frame_names import frame_key, type_name
from incidents.errors.services.parameterising import message_parameterise
from incidents.errors.services.sentry_events import Frame, SentryEvent, SentryException, Stacktrace, Thread
from readiness.infra.redaction import text_scrub

GROUPING_VERSION = 2
MAX_EXCEPTIONS = 20
MAX_FRAMES = 50
MAX_PARTS = 50
MAX_VALUE = 8_192
MAX_TYPE = 400
MAX_PART = 1_000
_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


class Grouping(NamedTuple):
    """What decided, and the parts that are hashed. `strategy`: `sdk`, `app-frames`, `all-frames`, `value`, `thread` or
    `message`. `chosen`: the places in the chain of exceptions that count; `own`: only in-app frames do.
    """

    strategy: str
    parts: list[str]
    chosen: Sequence[int] = ()
    own: bool = False


# --- what there is ----------------------------------------------------------------------------------------------------


def exceptions_kept(event: SentryEvent) -> list[SentryException]:
    """The chain as it is stored: the cause first, the raised one last, at most MAX_EXCEPTIONS."""
    values = event.exception.values if event.exception else None
    return [exception for exception in values or () if exception is not None][-MAX_EXCEPTIONS:]


def frames_kept(stacktrace: Stacktrace | None) -> list[Frame]:
    """The frames as they are stored: outermost first, without the middle of a long stack."""
    if stacktrace is None or not stacktrace.frames:
        return []
    frames = [frame for frame in stacktrace.frames if frame is not None]
    return frames if len(frames) <= MAX_FRAMES else frames[: MAX_FRAMES // 2] + frames[-MAX_FRAMES // 2 :]


def thread_kept(event: SentryEvent) -> Thread | None:
    """The thread that tells: the crashed one, else the current one, else the only one; it has frames."""
    values = event.threads.values if event.threads else None
    threads = [thread for thread in values or () if thread is not None]
    for tells in (lambda t: t.crashed, lambda t: t.current, lambda t: len(threads) == 1):
        if found := next((thread for thread in threads if tells(thread) and frames_kept(thread.stacktrace)), None):
            return found
    return None


def _clean(text: str, limit: int, stored: bool) -> str:
    """Scrubbed, as it is stored: a secret makes no group, and the hash can be computed again from what is kept."""
    return text[:limit] if stored else text_scrub(text[: 2 * limit]).replace("\x00", "")[:limit]


# --- exceptions -------------------------------------------------------------------------------------------------------


def _stack(frames: Iterable[Frame], *, own: bool, browser: bool) -> list[str]:
    """The keys of the frames that count, outermost first, with their repetitions."""
    if own:
        found = [frame_key(f.module, f.filename, f.function, browser) for f in frames if f.in_app]
    else:
        found = [frame_key(f.module, f.filename, f.function, browser) for f in frames]
    return found if all(found) else [key for key in found if key]


def exception_parts(
    exception: SentryException, frames: Sequence[Frame], *, own: bool, browser: bool, stored: bool
) -> list[str]:
    """What one exception of the chain adds to the hash."""
    parts = ["exception"]
    mechanism = exception.mechanism
    if exception.type and not (mechanism is not None and mechanism.synthetic):
        parts.append(f"type:{type_name(exception.type)}")
    keys = _stack(frames, own=own, browser=browser)
    if keys:
        parts.append("stack")
        parts += dict.fromkeys(keys)
    # Library frames beside in-app ones of the chain are a stack too, only one that says nothing of its own.
    says_where = bool(keys) if not own or any(frame.in_app for frame in frames) else bool(frames)
    if exception.value and (not says_where or (browser and keys and keys[-1].endswith(":"))):
        parts.append(f"value:{message_parameterise(_clean(exception.value, MAX_VALUE, stored))}")
    return parts


def _group_members(chain: Sequence[SentryException]) -> tuple[int, list[int], dict[int, list[int]]] | None:
    """(place of the root group, places of its members that are no groups, children by place); None without a group.

    Bounded by the chain's length whatever the ids say: a child of itself, a cycle, an id given twice.
    """
    places: dict[int, int] = {}
    for place, exception in enumerate(chain):
        if exception.mechanism is not None and exception.mechanism.exception_id is not None:
            places.setdefault(exception.mechanism.exception_id, place)
    children: dict[int, list[int]] = {}
    roots: list[int] = []
    for place, exception in enumerate(chain):
        mechanism = exception.mechanism
        parent = places.get(mechanism.parent_id) if mechanism and mechanism.parent_id is not None else None
        if parent is not None and parent != place:
            children.setdefault(parent, []).append(place)
        elif mechanism is not None and mechanism.is_exception_group:
            roots.append(place)
    if not roots:
        return None
    root, members, seen, waiting = roots[-1], [], {roots[-1]}, [roots[-1]]
    while waiting:
        place = waiting.pop()
        below = [child for child in children.get(place, ()) if child not in seen]
        seen.update(below)
        mechanism = chain[place].mechanism
        if below and mechanism is not None and mechanism.is_exception_group:
            waiting += below
        elif place != root:
            members.append(place)
    return (root, members, children) if members else None


def _with_causes(place: int, children: Mapping[int, Sequence[int]]) -> list[int]:
    """A member and the chain of its causes, the cause first: what it would be, raised alone."""
    path = [place]
    while (below := children.get(path[-1])) and below[0] not in path:
        path.append(below[0])
    return path[::-1]


def _exceptions_grouping(event: SentryEvent, stored: bool) -> Grouping | None:
    chain = exceptions_kept(event)
    if not chain:
        return None
    browser = event.platform == "javascript"
    stacks = [frames_kept(exception.stacktrace) for exception in chain]
    tree = None
    if len(chain) > 1 and any(e.mechanism is not None and e.mechanism.is_exception_group for e in chain):
        tree = _group_members(chain)
    chosen: Sequence[int] = range(len(chain))
    if tree is not None:
        root, members, children = tree
        own = any(frame.in_app for place in (root, *members) for frame in stacks[place])
        distinct = {
            tuple(exception_parts(chain[p], stacks[p], own=own, browser=browser, stored=stored)): p
            for p in reversed(members)
        }
        if len(distinct) > 1:
            mine = exception_parts(chain[root], stacks[root], own=own, browser=browser, stored=stored)
            parts = [part for member in sorted(distinct) for part in member]
            chosen = (*(distinct[member] for member in sorted(distinct)), root)
            return Grouping(_strategy(own, any(stacks)), [*parts, "group", *mine], chosen, own)
        chosen = _with_causes(next(iter(distinct.values())), children)
    own = any(frame.in_app for place in chosen for frame in stacks[place])
    parts = []
    for place in chosen:
        parts += exception_parts(chain[place], stacks[place], own=own, browser=browser, stored=stored)
    if not any(stacks) and (stack := _crashed_stack(event, browser)):
        # Native programs tell the stack with the crashed thread, beside an exception that has none.
        types = [part for part in parts if not part.startswith("value:")]
        return Grouping("thread", [*types, "stack", *stack], chosen)
    if len(parts) == parts.count("exception"):
        return None  # neither type, nor frame, nor value: the message may still say something
    return Grouping(_strategy(own, "stack" in parts), parts, chosen, own)


def _strategy(own: bool, has_stack: bool) -> str:
    return "app-frames" if own else "all-frames" if has_stack else "value"


# --- threads, messages, and what the SDK said -------------------------------------------------------------------------


def thread_stack(thread: Thread, *, browser: bool) -> list[str]:
    """The keys of a thread's frames that count, each once."""
    frames = frames_kept(thread.stacktrace)
    own = any(frame.in_app for frame in frames)
    return list(dict.fromkeys(_stack(frames, own=own, browser=browser)))


def _crashed_stack(event: SentryEvent, browser: bool) -> list[str]:
    thread = thread_kept(event)
    return thread_stack(thread, browser=browser) if thread is not None and thread.crashed else []


def default_grouping(*, event: SentryEvent, message: str, stored: bool = False) -> Grouping:
    """Our own grouping, whatever the SDK said. `message`: the scrubbed text to fall back on; `stored`: the event was
    put together again from what is kept, which is scrubbed already.
    """
    found = _exceptions_grouping(event, stored)
    if found is not None:
        return found
    thread = thread_kept(event)
    if thread is not None and (stack := thread_stack(thread, browser=event.platform == "javascript")):
        return Grouping("thread", ["stack", *stack])
    template = event.logentry.message if event.logentry else None
    said = message_parameterise(_clean(template, MAX_VALUE, stored) if template else message)
    parts = [f"message:{said}", f"logger:{(event.logger or '')[:200]}"]
    return Grouping("message", parts if said else [*parts, f"transaction:{(event.transaction or '')[:200]}"])


def _variable(name: str, event: SentryEvent, message: str, stored: bool) -> str | None:
    """What a `{{ name }}` of the SDK's fingerprint stands for (Sentry's variables); None for no variable."""
    chain = exceptions_kept(event)
    raised = chain[-1] if chain else None
    if name.startswith("tags."):
        return (event.tags or {}).get(name[5:]) or f"<no-value-for-tag-{name[5:]}>"
    if name in ("type", "error.type"):
        return ((raised and raised.type) or "<no-type>")[:MAX_TYPE]
    if name in ("value", "error.value", "message"):
        value = raised.value if raised and raised.value else message
        return message_parameterise(_clean(value, MAX_VALUE, stored)) or "<no-value>"
    if name in ("function", "stack.function", "module", "stack.module"):
        frames = frames_kept(raised.stacktrace) if raised else []
        crash = next((f for f in reversed(frames) if f.in_app), frames[-1] if frames else None)
        said = crash and (crash.function if name.endswith("function") else crash.module)
        return said or f"<no-{name.rsplit('.', 1)[-1]}>"
    if name == "environment":
        return (event.environment or "")[:64] or "production"  # as it is stored when nothing is said
    if name in ("transaction", "level", "logger", "release"):
        return str(getattr(event, name) or f"<no-{name}>")[:200]
    return None


def sdk_parts(
    *, event: SentryEvent, fingerprint: Sequence[str], message: str, stored: bool = False
) -> Iterator[tuple[str, Grouping | str]]:
    """What the SDK wrote and what it stands for, in order: our own grouping for `{{ default }}`, else a text."""
    for part in fingerprint[:MAX_PARTS]:
        variable = _VARIABLE.fullmatch(part.strip())
        if variable is None:
            yield part, _clean(part, MAX_PART, stored)
        elif variable[1] == "default":
            yield part, default_grouping(event=event, message=message, stored=stored)
        else:
            resolved = _variable(variable[1], event, message, stored)
            yield part, _clean(part if resolved is None else resolved, MAX_PART, stored)


def _sdk_grouping(event: SentryEvent, fingerprint: Sequence[str], message: str, stored: bool) -> Grouping:
    parts: list[str] = []
    default: Grouping | None = None
    for _, found in sdk_parts(event=event, fingerprint=fingerprint, message=message, stored=stored):
        if isinstance(found, Grouping):
            default = found
            parts += found.parts
        else:
            parts.append(found)
    return Grouping("sdk", parts, default.chosen, default.own) if default else Grouping("sdk", parts)


def sdk_fingerprint_kept(event: SentryEvent) -> list[str] | None:
    """The SDK's fingerprint, scrubbed as it is stored; None where it says no more than the default."""
    if not event.fingerprint or not _says_more(event.fingerprint):
        return None
    return [_clean(part, MAX_PART, stored=False) for part in event.fingerprint[:MAX_PARTS]]


def _says_more(fingerprint: Sequence[str]) -> bool:
    said = [part.strip() for part in fingerprint]
    if not any(said):
        return False
    variable = _VARIABLE.fullmatch(said[0]) if len(said) == 1 else None
    return variable is None or variable[1] != "default"


def event_grouping(*, event: SentryEvent, message: str, stored: bool = False) -> Grouping:
    """What decides where an event belongs; arguments as for default_grouping()."""
    if event.fingerprint and _says_more(event.fingerprint):
        return _sdk_grouping(event, event.fingerprint, message, stored)
    return default_grouping(event=event, message=message, stored=stored)


# --- hashes -----------------------------------------------------------------------------------------------------------


def fingerprint_hash(parts: Sequence[str]) -> str:
    """32 hex of SHA-256 over the parts; no part can run into the next."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def sentry_fingerprint(*, event: SentryEvent, message: str) -> str:
    """The group's hash of a Sentry event (32 hex). `message` is the scrubbed text to fall back on."""
    return fingerprint_hash(event_grouping(event=event, message=message).parts)


def native_grouping(
    *, component: str, error_class: str, exception_type: str | None, message: str, frames: Sequence[Mapping[str, Any]]
) -> Grouping:
    """An envelope's grouping: by its type and its frames (module, function) if it has any, else by where it happened,
    of what class and type it is and what it says.
    """
    own = any(f.get("in_app") for f in frames)
    stack = [
        frame_key(f.get("module"), f.get("filename"), f.get("function"), False)
        for f in frames
        if f.get("in_app") or not own
    ]
    keys = list(dict.fromkeys(key for key in stack if key))
    if keys:
        parts = [f"type:{type_name(exception_type or '')}", "stack", *keys]
        return Grouping("app-frames" if own else "all-frames", parts, (0,), own)
    said = message_parameterise(message)
    return Grouping("message", [component, error_class, type_name(exception_type or ""), said])


def native_fingerprint(
    *,
    component: str,
    error_class: str,
    exception_type: str | None,
    message: str,
    frames: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The group's hash of an envelope (32 hex); arguments as for native_grouping()."""
    grouping = native_grouping(
        component=component, error_class=error_class, exception_type=exception_type, message=message, frames=frames
    )
    return fingerprint_hash(grouping.parts)
