"""How many answers of `/config` a second, beside the least that Django can do on the same server."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from tests.bench.machine import Bystanders
from tests.bench.options import Options
from tests.bench.ours import own_programs, running, wait_idle
from tests.bench.report import Section
from tests.bench.system import group_end
from tests.console import ROOT, Console, free_port
from tests.servers import start, wait_until

COLUMNS = ("what", "c", "requests/s", "p50 / p99 ms", "beside bare Django", "others' CPU")
CONCURRENCY = 16
BARE = "bare Django view, 200"
_WRK_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Polled:
    """One run of a poller; `failed`: answers that were neither 2xx nor 3xx, and connections that broke."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True)
class Subject:
    """What is polled."""

    name: str
    port: int
    headers: Mapping[str, str]


def wrk_parse(text: str) -> Polled:
    """What `wrk --latency` prints. Raises ValueError when a figure is missing."""
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", text, re.MULTILINE)
    if rate is None:
        raise ValueError(f"wrk did not say how many requests a second:\n{text[-500:]}")
    failed = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    for counts in re.findall(r"Socket errors: (.+)", text):
        failed += sum(int(number) for number in re.findall(r"\d+", counts))
    return Polled(float(rate[1]), _wrk_latency(text, 50), _wrk_latency(text, 99), failed)


def _wrk_latency(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"wrk did not say the latency of {percent} %:\n{text[-500:]}")
    return float(found[1]) * _WRK_UNITS[found[2]]


def poll(subject: Subject, *, seconds: int) -> Polled:
    """Ask as fast as the answers come: by wrk where it is installed, else by our own loop in a process of its own."""
    headers = [f"{name}: {value}" for name, value in subject.headers.items()]
    command: list[str]
    if wrk := shutil.which("wrk"):
        options = [part for header in headers for part in ("-H", header)]
        url = f"http://127.0.0.1:{subject.port}/config"
        command = [wrk, "-t1", f"-c{CONCURRENCY}", f"-d{seconds}s", "--latency", *options, url]
    else:
        options = [part for header in headers for part in ("--header", header)]
        bounds = ["--concurrency", str(CONCURRENCY), "--seconds", str(seconds)]
        target = ["--port", str(subject.port), "--path", "/config"]
        command = [sys.executable, "-m", "tests.bench.load", *target, *bounds, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=seconds + 30)
    return wrk_parse(done.stdout) if wrk else _own_parse(done.stdout)


def _own_parse(text: str) -> Polled:
    said = json.loads(text)
    wrong = sum(number for status, number in said["statuses"].items() if not 200 <= int(status) < 400)
    return Polled(said["per_second"], said["p50_ms"], said["p99_ms"], said["failed"] + wrong)


@contextmanager
def bare_django(console: Console, body: bytes) -> Iterator[int]:
    """The bare view on the console's own web server: the same command and environment, another port and application."""
    web = own_programs(console.home)["web"].pid
    command = _words(Path(f"/proc/{web}/cmdline"))
    port = free_port()
    command[command.index("--port") + 1], command[-1] = str(port), "tests.bench.bare:application"
    environment = dict(word.split("=", 1) for word in _words(Path(f"/proc/{web}/environ")))
    environment = {name: value for name, value in environment.items() if not name.startswith(("READINESS_", "DJANGO_"))}
    environment |= {"PORT": str(port), "READINESS_BENCH_BODY": body.decode()}
    log = console.home / "bare.log"
    process = start(command, log=log, env=environment, cwd=ROOT)
    try:
        answers = Console(console.home, port, "", environment, console.connect)
        wait_until(lambda: _answers(answers), what="the bare view's start", within_s=30, child=process, log=log)
        yield port
    finally:
        group_end(process)


def _words(path: Path) -> list[str]:
    """The zero-separated words of a file in /proc."""
    return [word.decode(errors="surrogateescape") for word in path.read_bytes().split(b"\0") if word]


def _answers(console: Console) -> bool:
    try:
        return console.call("GET", "/config", timeout_s=5).status == 200
    except OSError:
        return False


def measure(home: Path, options: Options) -> Section:
    """Bare view, 200 and 304 in turns; of several rounds the one of median requests/s."""
    seconds, rounds = (1, 1) if options.quick else (5, options.rounds or 3)
    polled: dict[str, list[tuple[Polled, float]]] = {}
    with ExitStack() as ending:
        console = ending.enter_context(running(home / "run" / "config"))
        first = console.call("GET", "/config")
        etag = {"If-None-Match": str(first.headers["ETag"])}
        assert first.status == 200
        assert console.call("GET", "/config", headers=etag).status == 304
        port = ending.enter_context(bare_django(console, first.body))
        subjects = [
            Subject(BARE, port, {}),
            Subject("/config, 200", console.port, {}),
            Subject("/config, 304", console.port, etag),
        ]
        wait_idle(console.home)
        for subject in subjects:
            poll(subject, seconds=1)
        for _ in range(rounds):
            for subject in subjects:
                others = Bystanders()
                result = poll(subject, seconds=seconds)
                polled.setdefault(subject.name, []).append((result, others.percent()))
                sys.stderr.write(f"  {subject.name}: {result.per_second:.0f} requests/s\n")
        command_line = " ".join(_words(Path(f"/proc/{own_programs(console.home)['web'].pid}/cmdline"))[1:])
    workers = re.search(r"--workers (\d+) --blocking-threads (\d+)", command_line)
    server = f"granian, {workers[1]} process(es) of {workers[2]} threads" if workers else "granian"
    return section(polled, body=first.body, about=f"{server}; {rounds} round(s) of {seconds} s")


def section(polled: Mapping[str, Sequence[tuple[Polled, float]]], *, body: bytes, about: str) -> Section:
    """The table of the median runs."""
    typical = {}
    for name, runs in polled.items():
        middle = median_low(result.per_second for result, _ in runs)
        typical[name] = next(run for run in runs if run[0].per_second == middle)
    bare = typical[BARE][0].per_second
    rows = [
        [
            name,
            str(CONCURRENCY),
            f"{result.per_second:.0f}",
            f"{result.p50_ms:.2f} / {result.p99_ms:.2f}",
            f"{result.per_second / bare:.2f}",
            f"{others:.0f} %",
        ]
        for name, (result, others) in typical.items()
    ]
    failed = sum(result.failed for runs in polled.values() for result, _ in runs)
    driver = "wrk, one thread" if shutil.which("wrk") else "our own loop in one Python process, which lowers all three"
    notes = [
        f"{about}, in turns; driver: {driver}.",
        f"The bare view has no middleware; it gives the same {len(body)} bytes of JSON on the same server.",
        f"{failed} requests failed." if failed else "No request failed.",
    ]
    return Section("Answers of /config per second", COLUMNS, rows, notes)
