"""Stack traces in the words of their languages, read into the frames that grouping and the incident page know.

`exception.stacktrace` is text, "in the natural representation for the language runtime" (the semantic conventions):
Python, Java (Kotlin, Scala), JavaScript, Go and .NET are read. Linear-time patterns, line by line, bounded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import re2

MAX_TEXT = 65_536
MAX_LINE = 1_000
MAX_FRAMES = 200
MAX_LINKS = 10


@dataclass(frozen=True, slots=True)
class StackFrame:
    function: str
    module: str | None = None
    filename: str | None = None
    lineno: int | None = None
    in_app: bool = True
    context_line: str | None = None

    @property
    def place(self) -> str:
        """Module (or lower-case file name) and function: what stays the same from release to release."""
        where = self.module or (self.filename or "").rsplit("/", 1)[-1].lower()
        return f"{where}:{self.function}"


@dataclass(frozen=True, slots=True)
class StackLink:
    """One exception of the chain with its frames, the innermost (where it was raised) last."""

    type: str = ""
    value: str = ""
    frames: tuple[StackFrame, ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """`links`: the deepest cause first, what was raised last. `grows`: the runtime writes the stack on the way up, so
    an outer observer sees more callers of the same exception than an inner one (Python, .NET).
    """

    language: str = ""
    links: tuple[StackLink, ...] = ()
    grows: bool = False


# --- what is of the team's own writing ------------------------------------------------------------------------------

_PYTHON_LIBRARY = re2.compile(r"site-packages/|dist-packages/|/lib/python\d|^<frozen|/lib64/python\d")
_JAVA_LIBRARY = re2.compile(
    r"^(?:java|javax|jakarta|jdk|sun|com\.sun|kotlin|kotlinx|scala|akka|groovy|org\.(?:springframework|apache|eclipse"
    r"|hibernate|jboss|junit|codehaus|glassfish|postgresql|slf4j|aspectj|graalvm|gradle|jooq|reactivestreams)"
    r"|io\.(?:netty|opentelemetry|micrometer|micronaut|quarkus|vertx|grpc|undertow|smallrye|lettuce)|reactor|feign"
    r"|okhttp3|retrofit2|ch\.qos|com\.(?:fasterxml|zaxxer|mysql|google\.(?:common|inject)|rabbitmq|mongodb|github"
    r"\.benmanes)|net\.(?:bytebuddy|sf\.cglib)|redis\.clients)\."
)
_SCRIPT_LIBRARY = re2.compile(r"node_modules/|^node:|^internal/|^<anonymous>$|^native$|^webpack/|^(?:async )?timers")
_GO_LIBRARY = re2.compile(r"/go/pkg/mod/|/vendor/|/usr/local/go/src/|/libexec/src/|/goroot/src/|/go/src/runtime/")
_GO_STANDARD = re2.compile(
    r"^(?:runtime|panic|net|database|encoding|io|os|fmt|log|context|sync|syscall|testing|reflect)\b"
)
_DOTNET_LIBRARY = re2.compile(
    r"^(?:System|Microsoft|Newtonsoft|Npgsql|MySql|MySqlConnector|OpenTelemetry|Grpc|Polly|MediatR|AutoMapper|Dapper"
    r"|StackExchange|MassTransit|Serilog|NHibernate|Castle|Hangfire|FluentValidation|lambda_method)\b"
)


def path_short(path: str) -> str:
    """A file by the end of its path: who built it, and in whose home, is nobody's business."""
    path = path.removeprefix("file://").replace("\\", "/").split("?", 1)[0]
    for root in ("site-packages/", "dist-packages/", "node_modules/", "/pkg/mod/"):
        if root in path:
            return path.rsplit(root, 1)[1]
    return path if path.startswith("<") else "/".join(part for part in path.split("/")[-3:] if part)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and len(text) < 10 else None


# --- Python ---------------------------------------------------------------------------------------------------------

_PYTHON_FRAME = re2.compile(r'^[\s|+]*File "([^"]+)", line (\d+)(?:, in (.+))?$')
_PYTHON_HEAD = re2.compile(r"^[\s|+-]*(?:Exception Group )?Traceback \(most recent call last\):$")
_PYTHON_RAISED = re2.compile(r"^[\s|]*([A-Za-z_][\w.]*)(?:: (.*))?$")
_PYTHON_MARKS = re2.compile(r"^[\s|]*[\^~]+[\s|^~]*$")


def _python(lines: list[str]) -> Iterator[StackLink]:
    """Causes come first, what was raised last, as the frames do."""
    frames: list[StackFrame] = []
    raised: tuple[str, str] | None = None
    for line in lines:
        if found := _PYTHON_FRAME.match(line):
            if raised:
                yield StackLink(*raised, tuple(frames))
                frames, raised = [], None
            path = found[1]
            in_app = not _PYTHON_LIBRARY.search(path)
            frames.append(StackFrame(found[3] or "<module>", None, path_short(path), _number(found[2]), in_app))
        elif _PYTHON_HEAD.match(line):
            if raised:
                yield StackLink(*raised, tuple(frames))
            frames, raised = [], None
        elif raised is None and frames:
            if line.startswith("    "):
                if frames[-1].context_line is None and not _PYTHON_MARKS.match(line):
                    frames[-1] = replace(frames[-1], context_line=line.strip(" |"))
            elif found := _PYTHON_RAISED.match(line):
                raised = (found[1], found[2] or "")
    if raised or frames:
        yield StackLink(*(raised or ("", "")), tuple(frames))


# --- Java -----------------------------------------------------------------------------------------------------------

_JAVA_FRAME = re2.compile(r"^\s*at (?:[\w.@-]*/)*([\w.$<>]+)\.([\w$<>-]+)\((?:([\w.$-]+\.\w+)(?::(\d+))?|[\w ]+)\)")
_JAVA_RAISED = re2.compile(r'^(?:Exception in thread "[^"]*" )?(?:Caused by: )?([\w.$]+)(?:: (.*))?$')


def _java(lines: list[str]) -> Iterator[StackLink]:
    """What was raised first, then its causes; frames innermost first."""
    links: list[StackLink] = []
    frames: list[StackFrame] = []
    raised = ("", "")
    for line in lines:
        if found := _JAVA_FRAME.match(line):
            name = f"{found[1]}."
            frames.append(
                StackFrame(found[2], found[1], found[3], _number(found[4]), not _JAVA_LIBRARY.match(name))
            )  # fmt: skip
        elif (not links and not frames and not raised[0]) or line.startswith("Caused by: "):
            if (found := _JAVA_RAISED.match(line)) is None:
                continue
            if frames or raised[0]:
                links.append(StackLink(*raised, tuple(reversed(frames))))
            raised, frames = (found[1], found[2] or ""), []
    links.append(StackLink(*raised, tuple(reversed(frames))))
    yield from reversed(links)


# --- JavaScript -----------------------------------------------------------------------------------------------------

_PATH = r"((?:[A-Za-z-]+:(?://)?)?[^():]+(?::\d+/[^():]*)?)"  # a path, a file: or http: address, node:net
_SCRIPT_FRAME = re2.compile(rf"^\s*at (?:async )?(?:(.+?) \()?{_PATH}:(\d+):\d+\)?(?: \{{)?$")
_GECKO_FRAME = re2.compile(rf"^([^@\s]*)@{_PATH}:(\d+):\d+$")
_SCRIPT_RAISED = re2.compile(r"^(?:Uncaught )?([\w$.]+)(?: \[[\w]+\])?(?:: (.*))?$")
_SCRIPT_CAUSE = re2.compile(r"^\s*(?:\[cause\]|Caused by): (.*?)(?: \{)?$")


def _script_frame(line: str) -> StackFrame | None:
    found = _SCRIPT_FRAME.match(line) or _GECKO_FRAME.match(line)
    if found is None:
        return None
    path = found[2]
    function = (found[1] or "<anonymous>").removeprefix("new ").split(" [as ", 1)[0]
    return StackFrame(function, None, path_short(path), _number(found[3]), not _SCRIPT_LIBRARY.search(path))


def _script(lines: list[str]) -> Iterator[StackLink]:
    links: list[StackLink] = []
    frames: list[StackFrame] = []
    raised = ("", "")
    for line in lines:
        if frame := _script_frame(line):
            frames.append(frame)
            continue
        cause = _SCRIPT_CAUSE.match(line)
        if cause or (not links and not frames and not raised[0]):
            if (found := _SCRIPT_RAISED.match(cause[1] if cause else line)) is None:
                continue
            if frames or raised[0]:
                links.append(StackLink(*raised, tuple(reversed(frames))))
            raised, frames = (found[1], found[2] or ""), []
    links.append(StackLink(*raised, tuple(reversed(frames))))
    yield from reversed(links)


# --- Go -------------------------------------------------------------------------------------------------------------

_GO_FILE = re2.compile(r"^\t(\S+\.(?:go|s)):(\d+)(?: \+0x[0-9a-f]+)?$")
# What recorded the stack stands on top of it.
_GO_RECORDER = re2.compile(r"^(?:runtime(?:/debug)?$|panic$|go\.opentelemetry\.io/otel)")


def _go(lines: list[str]) -> Iterator[StackLink]:
    """A goroutine's functions, the innermost first, each with its file on the line below."""
    frames: list[StackFrame] = []
    for above, line in pairwise(lines):
        if (found := _GO_FILE.match(line)) is None:
            continue
        package, function = _go_name(above.removeprefix("created by ").split(" in goroutine ", 1)[0])
        if not frames and _GO_RECORDER.match(package):
            continue
        library = _GO_LIBRARY.search(found[1]) or _GO_STANDARD.match(package)
        frames.append(StackFrame(function, package, path_short(found[1]), _number(found[2]), not library))
    yield StackLink(frames=tuple(reversed(frames)))


def _go_name(call: str) -> tuple[str, str]:
    """`github.com/acme/shop/pay.(*Till).Charge(0xc000)` → package and `(*Till).Charge`."""
    name = call.rpartition("(")[0] if call.endswith(")") else call  # without its arguments
    folder, slash, rest = name.rpartition("/")
    package, _, function = rest.partition(".")
    return f"{folder}{slash}{package}", function


# --- .NET -----------------------------------------------------------------------------------------------------------

_DOTNET_FRAME = re2.compile(r"^\s*at ([\w.+`<>\[\]|,-]+)\.([\w`<>|.,\[\]-]+)\s?\([^)]*\)(?: in (.+):line (\d+))?")
_DOTNET_ASYNC = re2.compile(r"^(.+)\.<(\w+)>[\w|]*d__\d+$")
_DOTNET_RAISED = re2.compile(r"^(?:\s*---> )?(?:\([^)]*\) )?([\w.+`]+)(?: \(0x[0-9A-Fa-f]+\))?: (.*)$")
_DOTNET_INNER = "--- End of inner exception stack trace ---"


def _dotnet(lines: list[str]) -> Iterator[StackLink]:
    """`Outer: text ---> Inner: text`, the inner frames, a mark, the outer frames; each innermost first."""
    heads: list[tuple[str, str]] = []
    frames: list[StackFrame] = []
    for line in lines:
        if found := _DOTNET_FRAME.match(line):
            module, function = found[1], found[2]
            if machine := _DOTNET_ASYNC.match(module):  # what the compiler makes of an async method
                module, function = machine[1], machine[2]
            path = path_short(found[3]) if found[3] else None
            in_app = not _DOTNET_LIBRARY.match(module)
            frames.append(StackFrame(function, module, path, _number(found[4]), in_app))
        elif _DOTNET_INNER in line:
            yield StackLink(*(heads.pop() if len(heads) > 1 else ("", "")), tuple(reversed(frames)))
            frames = []
        elif not frames:
            parts = line.split(" ---> ") if not line.strip().startswith("---> ") else [line]
            heads += [(found[1], found[2]) for part in parts if (found := _DOTNET_RAISED.match(part))]
    yield StackLink(*(heads[-1] if heads else ("", "")), tuple(reversed(frames)))


# --- which it is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Language:
    read: Callable[[list[str]], Iterator[StackLink]]
    frame: Callable[[str], object] = field(repr=False)
    grows: bool = False


_LANGUAGES: dict[str, _Language] = {
    "python": _Language(_python, _PYTHON_FRAME.match, grows=True),
    "go": _Language(_go, _GO_FILE.match),
    "java": _Language(_java, _JAVA_FRAME.match),
    "nodejs": _Language(_script, _script_frame),
    "dotnet": _Language(_dotnet, _DOTNET_FRAME.match, grows=True),
}
_ALIASES = {"webjs": "nodejs", "javascript": "nodejs", "kotlin": "java", "scala": "java", "csharp": "dotnet"}


def _lines(text: str) -> list[str]:
    if len(text) > MAX_TEXT:  # the middle of a long stack says least
        text = text[: MAX_TEXT // 2] + "\n" + text[-MAX_TEXT // 2 :]
    return [line[:MAX_LINE].rstrip() for line in text.splitlines() if line.strip()]


def _language_of(lines: list[str], hint: str) -> str | None:
    """The hinted language if any line is a frame of it, else the one with the most frames."""
    hint = _ALIASES.get(hint, hint)
    some = lines[:60] + lines[-20:]
    if hint in _LANGUAGES and any(_LANGUAGES[hint].frame(line) for line in some):
        return hint
    counts = {name: sum(1 for line in some if kind.frame(line)) for name, kind in _LANGUAGES.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def _bounded(link: StackLink) -> StackLink:
    if len(link.frames) <= MAX_FRAMES:
        return link
    return replace(link, frames=link.frames[: MAX_FRAMES // 2] + link.frames[-MAX_FRAMES // 2 :])


def stack_read(*, text: str, language: str = "") -> Stack:
    """The chain of exceptions that a stack trace tells of; without links when it is no stack that is known here.

    `language` is `telemetry.sdk.language`, a hint: agents of one language forward the stacks of others.
    """
    lines = _lines(text)
    name = _language_of(lines, language.lower()) if lines else None
    if name is None:
        return Stack()
    kind = _LANGUAGES[name]
    links = tuple(_bounded(link) for link in kind.read(lines) if link.frames or link.type)
    return Stack(name, links[-MAX_LINKS:], kind.grows)
