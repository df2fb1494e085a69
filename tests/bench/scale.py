"""What the same question costs a small and a large installation: does it grow with what is stored?

Two consoles side by side on one PostgreSQL server, with the same incidents and a different number of events; each
question goes to both in turns, one request here, one there, so that whatever the machine does happens to both.
"""

import itertools
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import psycopg

from tests.bench.fill import Filled, fill, small_posts
from tests.bench.load import load_run
from tests.bench.machine import Bystanders
from tests.bench.options import Options
from tests.bench.ours import database_make, database_server, running, wait_idle
from tests.bench.report import Section
from tests.console import FOUNDER_EMAIL, FOUNDER_PASSWORD, Console

SIZES, QUICK_SIZES = (50_000, 2_000_000), (2_000, 20_000)
INCIDENTS, QUICK_INCIDENTS = 2_000, 100
SAMPLES, QUICK_SAMPLES = 40, 5  # of each question, in each round, from each installation
EVENTS, QUICK_EVENTS = 1_500, 100
CONCURRENCY = 16
WARM_UP = 10
_STORES_QUESTION = "SELECT * FROM infra_error_events WHERE correlation_id = %s ORDER BY timestamp LIMIT 200"

Ask = Callable[[int], float]  # the how-manieth time → seconds that the answer took


@dataclass(frozen=True)
class Installation:
    """One of the two, filled."""

    console: Console
    url: str
    filled: Filled
    incidents: int


@dataclass(frozen=True)
class Measured:
    """A question's cost in each round (seconds, or events a second where `rate`), small and large side by side."""

    what: str
    rounds: Sequence[tuple[float, float]]
    others_percent: float
    rate: bool = False

    @property
    def small(self) -> float:
        return median(small for small, _ in self.rounds)

    @property
    def large(self) -> float:
        return median(large for _, large in self.rounds)

    def ratios(self) -> list[float]:
        """How many times as much the large one costs, round by round, sorted."""
        return sorted(small / large if self.rate else large / small for small, large in self.rounds)


class Browser:
    """One kept connection to a server, signed in or with a key; asks, and says how long the answer took."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = dict(headers)

    def get(self, path: str) -> tuple[int, bytes, float]:
        """(status, body, seconds)."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=self.headers)
        answer = self._connection.getresponse()
        body = answer.read()
        return answer.status, body, time.perf_counter() - begun

    def seconds(self, path: str) -> float:
        """Raises AssertionError unless it is answered 200."""
        status, body, seconds = self.get(path)
        if status != 200:
            raise AssertionError(f"{path} was answered {status}: {body[:300]!r}")
        return seconds

    def close(self) -> None:
        self._connection.close()


def signed_in(console: Console) -> dict[str, str]:
    """The Cookie header of the founder's session."""
    asked = console.call("GET", "/login/")
    token = SimpleCookie(asked.headers["Set-Cookie"])["csrftoken"].value
    form = urlencode({"username": FOUNDER_EMAIL, "password": FOUNDER_PASSWORD, "csrfmiddlewaretoken": token})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={token}"}
    answer = console.call("POST", "/login/", body=form.encode(), headers=headers)
    kept = [SimpleCookie(line) for line in answer.headers.get_all("Set-Cookie") or []]
    session = next(cookie["sessionid"].value for cookie in kept if "sessionid" in cookie)
    return {"Cookie": f"sessionid={session}"}


def questions(one: Installation, ending: ExitStack) -> dict[str, Ask]:
    """What is asked of an installation, by name; each time of another incident or correlation."""
    key = one.console.key("ops:read")
    machine = Browser(one.console.port, {"Authorization": f"Bearer {key}"})
    person = Browser(one.console.port, signed_in(one.console))
    ending.callback(machine.close)
    ending.callback(person.close)
    order = random.Random(3).sample(range(1, one.incidents + 1), one.incidents)
    pages = _incident_pages(one, order)
    correlations = one.filled.correlations
    asked: dict[str, Ask] = {
        "GET /ops/incidents/infra-summary": lambda number: machine.seconds("/ops/incidents/infra-summary?hours=24"),
        "GET /incidents/INC-…/, signed in": lambda number: person.seconds(pages[number % len(pages)]),
    }
    path = "/ops/correlations/{}"
    if machine.get(path.format(correlations[0]))[0] == 200:
        asked["GET /ops/correlations/…"] = lambda number: machine.seconds(
            path.format(correlations[number % len(correlations)])
        )
        return asked
    connection = ending.enter_context(psycopg.connect(one.url, autocommit=True))

    def store_asked(number: int) -> float:
        begun = time.perf_counter()
        rows = connection.execute(_STORES_QUESTION, [correlations[number % len(correlations)]]).fetchall()
        assert rows
        return time.perf_counter() - begun

    return {**asked, "the store's question by correlation": store_asked}


def _incident_pages(one: Installation, order: Sequence[int]) -> list[str]:
    """Pages of incidents that were filled, in that order."""
    with psycopg.connect(one.url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT id FROM triage_incident WHERE component LIKE 'shop.area%%' ORDER BY title"
        ).fetchall()
    return [f"/incidents/INC-{rows[place - 1][0]}/" for place in order if place <= len(rows)]


def ask_in_turns(what: str, small: Ask, large: Ask, *, rounds: int, samples: int) -> Measured:
    """The medians of each round's samples; who is asked first changes every time."""
    others, met, number = Bystanders(), [], itertools.count()
    for _ in range(WARM_UP):
        place = next(number)
        small(place), large(place)
    for _ in range(rounds):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(samples):
            place = next(number)
            for side in (0, 1) if place % 2 else (1, 0):
                times[side].append((small, large)[side](place))
        met.append((median(times[0]), median(times[1])))
    return Measured(what, met, others.percent())


def store_in_turns(pair: Sequence[Installation], *, rounds: int, events: int) -> Measured:
    """Small events at c = 16, to one and to the other; who is first changes every round."""
    others, met = Bystanders(), []
    for number in range(rounds + 1):
        rates = [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            one = pair[side]
            numbers = [random.randrange(one.incidents) for _ in range(events)]
            posts = small_posts(one.console, numbers)
            outcome = load_run(port=one.console.port, posts=posts, concurrency=CONCURRENCY)
            if outcome.statuses != {200: events}:
                raise AssertionError(f"{events} events were answered {dict(outcome.statuses)}")
            rates[side] = events / outcome.seconds
        if number:  # the first is the warm-up
            met.append((rates[0], rates[1]))
    return Measured(f"events stored a second, c = {CONCURRENCY}", met, others.percent(), rate=True)


def measure(home: Path, options: Options) -> Section:
    """Fill both, ask both."""
    quick = options.quick
    sizes = options.sizes or (QUICK_SIZES if quick else SIZES)
    incidents = QUICK_INCIDENTS if quick else INCIDENTS
    rounds = options.rounds or (2 if quick else 5)
    met: list[Measured] = []
    with ExitStack() as ending:
        server = ending.enter_context(database_server())
        pair = []
        for size, name in zip(sizes, ("small", "large"), strict=True):
            superuser = database_make(server, name).replace("user=readiness", "user=postgres")
            env = {"DATABASE_URL": server.url(name)}
            console = ending.enter_context(running(home / "run" / f"scale-{name}", env=env))
            wait_idle(console.home)
            filled = fill(console, superuser, events=size, incidents=incidents)
            sys.stderr.write(f"  {size}: copied in {filled.copy_s:.1f} s, filled in {filled.seconds:.1f} s\n")
            pair.append(Installation(console, superuser, filled, incidents))
        small, large = (questions(one, ending) for one in pair)
        samples = QUICK_SAMPLES if quick else SAMPLES
        for what in small:
            met.append(ask_in_turns(what, small[what], large[what], rounds=rounds, samples=samples))
            _say(met[-1])
        events = options.events or (QUICK_EVENTS if quick else EVENTS)
        met.insert(0, store_in_turns(pair, rounds=rounds, events=events))
        _say(met[0])
    rate = pair[1].filled.copied / pair[1].filled.copy_s
    about = f"{rounds} round(s) of {samples} requests, or of {events} small events, to each in turns"
    return section(met, sizes=sizes, incidents=incidents, rate=rate, about=about)


def _say(one: Measured) -> None:
    sys.stderr.write(f"  {one.what}: {median(one.ratios()):.2f}\n")


def section(met: Sequence[Measured], *, sizes: tuple[int, int], incidents: int, rate: float, about: str) -> Section:
    """The table: what each question costs both, and the ratio."""
    columns = ("what", *(f"at {size:,} events" for size in sizes), "costs", "lowest to highest", "others' CPU")
    rows = []
    for one in met:
        ratios = one.ratios()
        rows.append(
            [
                one.what,
                *(f"{value:.0f}/s" if one.rate else f"{1000 * value:.1f} ms" for value in (one.small, one.large)),
                f"{median(ratios):.2f}×",
                f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
                f"{one.others_percent:.0f} %",
            ]
        )
    notes = [
        f"PostgreSQL. {about}; medians, and the ratio round by round. Both installations have {incidents} incidents",
        f"over thirty daily partitions. Filled by COPY at {rate:,.0f} rows/s into the partitions with their indexes;",
        "ledger, rollups and the incidents' counts are made from the events.",
    ]
    return Section("Cost against size", columns, rows, notes)
