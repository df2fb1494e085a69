"""The first version of the grouping algorithm, frozen: for the dual look-up after the upgrade to the second.

An error whose hash of today is unknown is asked for its hash of yesterday (incidents.triage.workflows.recording). Do
not improve anything here: a hash that changes finds nothing. It goes when nobody upgrades from version 1 any more.
"""

import hashlib
from collections.abc import Iterator, Sequence

import re2

from incidents.errors.services.sentry_events import Frame, SentryEvent, SentryException, Stacktrace

VERSION = 1

_OPTIONS = re2.Options()
_OPTIONS.case_sensitive = False
_PARAMETERS = (
    ("email", r"[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
    ("url", r"\b(?:wss?|https?|ftp|file|postgres(?:ql)?|redis|amqp|mysql)://[^\s\"'<>]+"),
    ("uuid", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    ("traceparent", r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\b"),
    ("date", r"\b\d{4}-[01]\d-[0-3]\d(?:[ t][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?\b"),
    ("date", r"\b[0-2]\d:[0-5]\d:[0-5]\d(?:[.,]\d+)?\b"),
    ("ip", r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b"),
    ("duration", r"\b\d+(?:\.\d+)?(?:ns|us|µs|ms|s|sec|secs|seconds|min|minutes|h|hours|days)\b"),
    ("hex", r"\b0x[0-9a-f]+\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{32}\b"),
    ("path", r"(?:/[\w.@%+~-]+){2,}|\b[a-z]:\\[\w\\.@%+~-]+"),
    ("hex", r"\b(?:[0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]{5,}\b"),
    ("float", r"-?\b\d+\.\d+(?:e[+-]?\d+)?\b"),
    ("int", r"-?\b\d+\b"),
    ("quoted", r"=\s?'[^']*'|=\s?\"[^\"]*\"|=(?:true|false)\b"),
)
_PARAMETER = re2.compile("|".join(f"({pattern})" for _, pattern in _PARAMETERS), _OPTIONS)
_LAMBDA = re2.compile(r"<lambda>|lambda\$|\$\$|\$[0-9]+|<anonymous>|\[native code\]|@[0-9a-f]{6,}")


def message_parameterise(text: str) -> str:
    """The first two non-empty lines with ids, numbers, dates, addresses, paths and hashes as `<kind>`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][:2]
    return str(_PARAMETER.sub(lambda match: f"<{_PARAMETERS[match.lastindex - 1][0]}>", " ".join(lines)[:1000]))


def _frame_key(frame: Frame) -> str | None:
    function = frame.function or ""
    if not function.isidentifier():  # the usual name needs no cleaning
        function = str(_LAMBDA.sub("", function))
    if frame.module:
        return f"{frame.module}:{function}"
    filename = frame.filename or ""
    if "://" in filename:  # a URL changes with every deploy; its last part may still tell
        filename = filename.split("?", 1)[0]
    base = filename.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return f"{base}:{function}" if base or function else None


def _stack_keys(stacktrace: Stacktrace | None) -> list[str]:
    frames = [frame for frame in (stacktrace.frames or [] if stacktrace else []) if frame is not None]
    mine = [frame for frame in frames if frame.in_app] or frames
    keys: list[str] = []
    for frame in mine:
        key = _frame_key(frame)
        if key and key not in keys[-4:]:  # recursion, mutual recursion included, counts once
            keys.append(key)
    return keys


def _exception_parts(exception: SentryException) -> Iterator[str]:
    synthetic = exception.mechanism is not None and exception.mechanism.synthetic
    if exception.type and not synthetic:
        yield f"type:{exception.type}"
    stack = _stack_keys(exception.stacktrace)
    if stack:
        yield from stack
    elif exception.value:
        yield f"value:{message_parameterise(exception.value)}"


def _default_parts(event: SentryEvent, message: str) -> list[str]:
    exceptions = [e for e in (event.exception.values or [] if event.exception else []) if e is not None]
    parts = [part for exception in exceptions for part in _exception_parts(exception)]
    if parts:
        return parts
    threads = [t for t in (event.threads.values or [] if event.threads else []) if t is not None]
    for thread in sorted(threads, key=lambda t: not (t.crashed or t.current)):
        if stack := _stack_keys(thread.stacktrace):
            return stack
    template = (event.logentry.message if event.logentry else None) or message
    return [f"message:{message_parameterise(template)}", f"logger:{event.logger or ''}"]


def fingerprint_hash(parts: Sequence[str]) -> str:
    """32 hex of SHA-256 over the parts; no part can run into the next."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def sentry_fingerprint(*, event: SentryEvent, message: str) -> str:
    """The group's hash of a Sentry event (32 hex). `message` is the text to fall back on."""
    if event.fingerprint and event.fingerprint != ["{{ default }}"]:
        parts: list[str] = []
        for part in event.fingerprint[:50]:
            parts += _default_parts(event, message) if part.replace(" ", "") == "{{default}}" else [part]
        return fingerprint_hash(parts)
    return fingerprint_hash(_default_parts(event, message))


def native_fingerprint(*, component: str, error_class: str, exception_type: str | None, message: str) -> str:
    """The group's hash of an envelope that came without a stack: where, of what class and type, saying what."""
    return fingerprint_hash([component, error_class, exception_type or "", message_parameterise(message)])
