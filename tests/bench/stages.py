"""Where the time of one event goes, measured inside one process of the console with one thread.

    python -m tests.bench.stages EVENTS --project 1 --key <32 hex> [--repeats 3]    (with a console's environment)

Real requests go through the console's own WSGI application; every function by which one module enters another of those
named in STAGES is wrapped, and books its time to its stage, without what it spends in the stages that it enters. What
the wrapping itself costs is measured and taken off. Then the captured errors are committed in batches of 1, 16 and 64.
Prints JSON.
"""

import argparse
import functools
import importlib
import inspect
import io
import json
import os
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from types import ModuleType
from typing import Any

from tests.bench.events import Envelope, envelopes_load, posts_make

_CAPTURE = "incidents.errors.services"
# Stage → modules or packages entered, or `module:function` for single functions (also when their own module calls).
STAGES: Mapping[str, Sequence[str]] = {
    "gunzip": (f"{_CAPTURE}.decoding",),
    "framing": (f"{_CAPTURE}.framing",),
    "decode": (f"{_CAPTURE}.sentry_events",),
    "scrub": (
        "readiness.infra.redaction",
        *(f"{_CAPTURE}.{name}" for name in ("scrubbing", "scrub_rules", "kept_fields")),
    ),
    "grouping": tuple(f"{_CAPTURE}.{name}" for name in ("grouping", "grouping_v1", "parameterising", "frame_names")),
    "compress": (f"{_CAPTURE}.normalising:payload_compress",),
    "hmac": (f"{_CAPTURE}.normalising:content_hmac", f"{_CAPTURE}.normalising:_raw_hash"),
    "envelope": tuple(f"{_CAPTURE}.{name}" for name in ("normalising", "classifying", "trimming")),
}
REQUEST = "request"  # what is in none of them: Django, the key, the hand-over to the committing thread, the answer
BATCHES = (1, 16, 64)
Application = Callable[[dict[str, Any], Callable[..., object]], Any]


@dataclass
class StageClock:
    """Books time to the innermost stage under way; `spent` in seconds, `calls` by stage.

    The request's thread and the committing thread share it: one waits while the other works.
    """

    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)  # calls out of a stage into another
    _under_way: list[str] = field(default_factory=list)
    _since: float = 0.0

    def enter(self, stage: str) -> None:
        now = time.perf_counter()
        if self._under_way:
            self.spent[self._under_way[-1]] += now - self._since
            self.entered[self._under_way[-1]] += 1
        self.calls[stage] += 1
        self._under_way.append(stage)
        self._since = time.perf_counter()

    def leave(self) -> None:
        now = time.perf_counter()
        self.spent[self._under_way.pop()] += now - self._since
        self._since = time.perf_counter()

    def wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, booking its time; a call from inside its own stage goes straight through."""

        @functools.wraps(function)
        def booked(*args: Any, **kwargs: Any) -> Any:
            if self._under_way and self._under_way[-1] == stage:
                return function(*args, **kwargs)
            self.enter(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return booked


@dataclass(frozen=True)
class Overhead:
    """What wrapping adds, in seconds a call: to the stage that is entered, and to the one that it is entered from."""

    inside: float
    outside: float

    @classmethod
    def measure(cls, *, calls: int = 20_000) -> "Overhead":
        clock = StageClock()
        empty = clock.wrapped("inner", lambda: None)
        clock.enter("outer")
        for _ in range(calls):
            empty()
        clock.leave()
        return cls(clock.spent["inner"] / calls, clock.spent["outer"] / calls)


def modules_loaded() -> Iterator[ModuleType]:
    """Every module of the console that is imported by now."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("incidents", "readiness", "flags") and module is not None:
            yield module


def within(name: str, place: str) -> bool:
    """Whether a module is this one, or of this package."""
    return name == place or name.startswith(f"{place}.")


def replace_everywhere(function: object, replacement: object, *, but: Sequence[str] = ()) -> int:
    """Put the replacement wherever a module (`but` not of these) holds the function; in how many places it did."""
    places = 0
    for module in modules_loaded():
        if not any(within(module.__name__, place) for place in but):
            for name, value in list(vars(module).items()):
                if value is function:
                    setattr(module, name, replacement)
                    places += 1
    return places


def stages_wrap(clock: StageClock) -> None:
    """Wrap the entries of every stage. Raises AttributeError or ImportError for what is not there any more."""
    single = {place for places in STAGES.values() for place in places if ":" in place}
    for stage, places in STAGES.items():
        for place in places:
            module_name, _, named = place.partition(":")
            module = importlib.import_module(module_name)
            if named:
                replace_everywhere(getattr(module, named), clock.wrapped(stage, getattr(module, named)))
                continue
            for function in _functions_of(module_name):
                if f"{function.__module__}:{function.__name__}" not in single:
                    replace_everywhere(function, clock.wrapped(stage, function), but=places)
            for owner in _classes_of(module_name):
                for name, method in list(vars(owner).items()):
                    if inspect.isfunction(method) and not name.startswith("_"):
                        setattr(owner, name, clock.wrapped(stage, method))


def _functions_of(place: str) -> list[Callable[..., Any]]:
    modules = [module for module in modules_loaded() if within(module.__name__, place)]
    values = (value for module in modules for value in vars(module).values())
    return [value for value in values if inspect.isfunction(value) and within(value.__module__, place)]


def _classes_of(place: str) -> set[type]:
    modules = [module for module in modules_loaded() if within(module.__name__, place)]
    values = (value for module in modules for value in vars(module).values())
    return {value for value in values if inspect.isclass(value) and within(value.__module__, place)}


@dataclass(frozen=True)
class Request:
    """One envelope as it is sent, ready to go into a WSGI application again and again."""

    wire_body: bytes
    environ: Mapping[str, str]


def requests_make(envelopes: Sequence[Envelope], *, project: str, key: str) -> list[Request]:
    """What `load` would send, taken apart as a web server does."""
    made = []
    for post in posts_make(envelopes, len(envelopes), port=8000, path=f"/api/{project}/envelope/", key=key):
        head, _, body = post.wire.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, protocol = first.split(" ")
        headers = (line.split(": ", 1) for line in lines)
        environ = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers}
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        environ["CONTENT_LENGTH"] = environ.pop("HTTP_CONTENT_LENGTH")
        environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "SERVER_PROTOCOL": protocol, "QUERY_STRING": ""}
        environ |= {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": ""}
        made.append(Request(body, environ))
    return made


def send(application: Application, request: Request) -> str:
    """The status line of its answer."""
    said: list[str] = []
    environ: dict[str, Any] = {**request.environ, "wsgi.input": io.BytesIO(request.wire_body), "wsgi.version": (1, 0)}
    environ |= {"wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.run_once": False}
    environ |= {"wsgi.multithread": True, "wsgi.multiprocess": False}
    answer = application(environ, lambda status, headers, failure=None: said.append(status))
    b"".join(answer)
    answer.close()
    return said[0]


def stages_measure(
    application: Application, clock: StageClock, requests: Sequence[Request], *, repeats: int
) -> dict[str, float]:
    """µs of each stage: of each request its best time of the repeats, of all requests the mean."""
    overhead = Overhead.measure()
    best: list[dict[str, float]] = [{} for _ in requests]
    for _ in range(repeats + 1):  # the first fills the caches
        for place, request in enumerate(requests):
            for counted in (clock.spent, clock.calls, clock.entered):
                counted.clear()
            clock.enter(REQUEST)
            status = send(application, request)
            clock.leave()
            if not status.startswith("200"):
                raise AssertionError(f"an event was answered {status}")
            for stage in (REQUEST, *STAGES):
                spent = clock.spent[stage] - clock.calls[stage] * overhead.inside
                spent -= clock.entered[stage] * overhead.outside
                best[place][stage] = min(best[place].get(stage, spent), spent)
    return {stage: max(0.0, 1e6 * mean(one[stage] for one in best)) for stage in (REQUEST, *STAGES)}


def calls_count(application: Application, clock: StageClock, request: Request) -> dict[str, int]:
    """How often each stage is entered for one event: one that never is has changed its name."""
    clock.calls.clear()
    send(application, request)
    return {stage: clock.calls[stage] for stage in STAGES}


def clean(envelopes: Sequence[Envelope]) -> list[Envelope]:
    """The same without the one thing in them that has to be scrubbed, the user's e-mail address."""
    cleaned = []
    for envelope in envelopes:
        event = json.loads(envelope.payload)
        event.pop("user", None)
        payload = json.dumps(event, separators=(",", ":")).encode()
        cleaned.append(Envelope(envelope.event_id, envelope.timestamp, payload, envelope.frames))
    return cleaned


def commit_measure(commit: Callable[..., object], errors: Sequence[Any], *, batch: int) -> tuple[float, float]:
    """(µs of this process's processor, µs of time) an error, committed in batches of this size: the medians."""
    used, passed = [], []
    for start in range(0, len(errors) - batch + 1, batch):
        processor, begun = time.process_time(), time.perf_counter()
        commit(errors=errors[start : start + batch])
        used.append((time.process_time() - processor) / batch)
        passed.append((time.perf_counter() - begun) / batch)
    return 1e6 * median(used), 1e6 * median(passed)


def run(folder: Path, *, project: str, key: str, repeats: int, count: int) -> dict[str, Any]:
    """All figures, in µs an event."""
    application: Application = importlib.import_module("readiness.wsgi").application
    scrubbing_measure = importlib.import_module("tests.bench.scrubbing").scrubbing_measure
    storing = importlib.import_module("incidents.errors.workflows.storing")
    captured = importlib.import_module(f"{_CAPTURE}.captured")
    envelopes = envelopes_load(folder)[:count]
    collected: list[Any] = []

    def collect(*, errors: Sequence[Any]) -> list[Any]:
        collected.extend(errors)
        return [captured.StoredError(error.envelope.error_id, duplicate=False, incident=None) for error in errors]

    errors_commit = storing.errors_commit
    fresh = requests_make(envelopes, project=project, key=key)
    send(application, fresh[0])  # imports, connections
    if not replace_everywhere(errors_commit, collect):
        raise AssertionError("nothing calls errors_commit any more")
    whole = _whole(application, fresh, repeats=repeats)
    alone = scrubbing_measure(clean(envelopes), repeats=repeats)
    clock = StageClock()
    stages_wrap(clock)
    stages = stages_measure(application, clock, fresh, repeats=repeats)
    calls = calls_count(application, clock, fresh[0])
    scrub_clean = stages_measure(
        application, clock, requests_make(clean(envelopes), project=project, key=key), repeats=repeats
    )["scrub"]
    commits = {}
    for batch in BATCHES:
        collected.clear()
        rounds = max(1, -(-10 * batch // len(envelopes)))
        for _ in range(rounds):
            for request in requests_make(envelopes, project=project, key=key):
                send(application, request)
        commits[str(batch)] = commit_measure(errors_commit, collected, batch=batch)
    scrubbing = {"scrub_clean": scrub_clean, "scrub_alone": alone}
    return {"stages": stages, "calls": calls, "whole": whole, "commits": commits, **scrubbing}


def _whole(application: Application, requests: Sequence[Request], *, repeats: int) -> float:
    """µs of a request without its commit and without any wrapping, as the stages are measured."""
    best = [float("inf")] * len(requests)
    for _ in range(repeats + 1):
        for place, request in enumerate(requests):
            begun = time.perf_counter()
            send(application, request)
            best[place] = min(best[place], time.perf_counter() - begun)
    return 1e6 * mean(best)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stages", description=__doc__.partition("\n")[0])
    parser.add_argument("events", type=Path)
    parser.add_argument("--project", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readiness.settings")
    figures = run(given.events, project=given.project, key=given.key, repeats=given.repeats, count=given.count)
    sys.stdout.write(json.dumps({"at": datetime.now(UTC).isoformat(), "run": uuid.uuid4().hex, **figures}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
