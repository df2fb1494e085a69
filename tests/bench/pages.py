"""What people's pages cost at a small and at a large installation, and beside the peer's at a small one.

Two consoles on one PostgreSQL server, filled alike; each page goes to both in turns, one request here, one there, and
in the same turns the peer's: its issue list beside home and the incident list, an issue beside an incident. Each has
cold caches for it, the peer as well.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psycopg

from tests.bench.fill import STATUSES, fill, small_event
from tests.bench.load import Post, load_run, percentile, request_bytes
from tests.bench.machine import Bystanders
from tests.bench.options import PEER_POSTGRES, Options
from tests.bench.ours import database_make, database_server, running, wait_idle
from tests.bench.peer import KEY, Bugsink, PeerMissing, environment_of_peer
from tests.bench.report import Section
from tests.bench.scale import Browser, signed_in
from tests.bench.stores import postgres_store, wait_stored
from tests.console import Console
from tests.servers import wait_until

SIZES, QUICK_SIZES = (20_000, 1_000_000), (2_000, 10_000)
INCIDENTS, QUICK_INCIDENTS = (200, 10_000), (40, 200)
REQUESTS, QUICK_REQUESTS = 200, 20
WARM_UP = 20
HOME, LIST, ONE = "home", "incidents", "one incident"
PEER_LIST, PEER_ONE = "Bugsink's issue list", "Bugsink's issue page"
BESIDE = {HOME: PEER_LIST, LIST: PEER_LIST, ONE: PEER_ONE}
_LIVES = "from tests.bench.lives import lives_fill; lives_fill()"
_COUNT = "from tests.bench.lives import queries_count; queries_count({!r})"
_TABLES = (
    "triage_incident, triage_timeline_entry, lessons_root_cause, lessons_lesson, lessons_control, lessons_control_run"
)
_PEER_SESSION = """
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
user = get_user_model().objects.create_superuser("bench", "bench@example.test", "a password of the benchmark")
client = Client()
client.force_login(user)
print("session", settings.SESSION_COOKIE_NAME + "=" + client.cookies[settings.SESSION_COOKIE_NAME].value)
"""


class Asks(Protocol):
    """What a Browser does."""

    def get(self, path: str) -> tuple[int, bytes, float]: ...


@dataclass(frozen=True)
class Site:
    """A console or the peer, signed in: the paths of each page, asked one after the other in a circle."""

    browser: Asks
    pages: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Cost:
    """Seconds of each answer, the largest answer in bytes, and the queries of each kind of page (of our own)."""

    seconds: Sequence[float]
    size: int
    queries: Sequence[int] = ()

    def ms(self, share: float) -> float:
        return 1000 * percentile(sorted(self.seconds), share)


def pages_of(url: str) -> dict[str, list[str]]:
    """Our pages: home, the list, and one incident of each kind of life after the other."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT id FROM triage_incident WHERE component LIKE 'shop.area%%' ORDER BY id"
        ).fetchall()
    kinds = len(STATUSES)
    spread = range(0, len(rows), max(kinds, len(rows) // 200 // kinds * kinds))
    wanted = [first + kind for first in spread for kind in range(kinds) if first + kind < len(rows)]
    return {HOME: ["/"], LIST: ["/incidents/"], ONE: [f"/incidents/INC-{rows[place][0]}/" for place in wanted]}


def queries_of(console: Console, pages: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """The queries of each page: of an incident of each kind, in the order of the kinds."""
    asked = {name: list(paths[: len(STATUSES)]) for name, paths in pages.items()}
    flat = [path for paths in asked.values() for path in paths]
    said = console.manage("shell", "-c", _COUNT.format(flat)).stdout
    counts = json.loads(said.strip().splitlines()[-1])
    return {name: [counts[path] for path in paths] for name, paths in asked.items()}


def ask_in_turns(sites: Sequence[Site], name: str, *, requests: int) -> list[Cost]:
    """So many requests to each, one after the other. Each is first in its turn, so that none finds the machine's caches
    warm from its own last answer more often than another.
    """
    times: list[list[float]] = [[] for _ in sites]
    sizes = [0] * len(sites)
    for number in range(-WARM_UP, requests):
        for place in ((number + step) % len(sites) for step in range(len(sites))):
            paths = sites[place].pages[name]
            path = paths[number % len(paths)]
            status, body, seconds = sites[place].browser.get(path)
            if status != 200:
                raise AssertionError(f"{path} was answered {status}: {body[:300]!r}")
            if number >= 0:
                times[place].append(seconds)
                sizes[place] = max(sizes[place], len(body))
    return [Cost(seconds, size) for seconds, size in zip(times, sizes, strict=True)]


@contextmanager
def peer_site(home: Path, *, events: int, issues: int) -> Iterator[Site]:
    """The peer on a PostgreSQL of its own with so many events. Raises PeerMissing."""
    programs = environment_of_peer(home) / "bin"
    with ExitStack() as ending:
        server = ending.enter_context(database_server())
        peer = Bugsink(programs, home / "run-pages", server)
        store = postgres_store(database_make(server, "bugsink"), "events_event", "event_id")
        project = peer.prepare()
        cookie = peer.shell(_PEER_SESSION).rpartition("session ")[2].strip()
        ending.callback(peer.end)
        peer.start()
        wait_until(peer.ready, what="Bugsink's start", within_s=60, log=peer.home / "gunicorn.log")
        posts = _peer_posts(peer.port, project, events=events, issues=issues)
        load_run(port=peer.port, posts=posts, concurrency=4)
        wait_stored(store, target=events, quiet_s=20, within_s=1_800)
        ids = [str(row[0]) for row in store.query("SELECT id FROM issues_issue ORDER BY id LIMIT 200")]
        if not ids:
            raise PeerMissing("Bugsink stored none of the events")
        browser = Browser(peer.port, {"Cookie": cookie})
        ending.callback(browser.close)
        theirs = {PEER_LIST: [f"/issues/{project}/"], PEER_ONE: [f"/issues/issue/{pk}/event/last/" for pk in ids]}
        yield Site(browser, {ours: theirs[page] for ours, page in BESIDE.items()})


def _peer_posts(port: int, project: int, *, events: int, issues: int) -> list[Post]:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}", "Content-Type": "application/x-sentry-envelope"}
    posts = []
    for number in range(events):
        event_id = os.urandom(16).hex()
        body = small_event(number % issues, event_id=event_id, moment=datetime.now(UTC))
        posts.append(Post(event_id, request_bytes("POST", port, f"/api/{project}/envelope/", headers, body)))
    return posts


def measure(home: Path, options: Options) -> Section:
    """Fill both, and the peer; ask all."""
    quick = options.quick
    sizes = options.sizes or (QUICK_SIZES if quick else SIZES)
    incidents = options.incidents or (QUICK_INCIDENTS if quick else INCIDENTS)
    requests = QUICK_REQUESTS if quick else REQUESTS
    met: dict[str, list[Cost]] = {}
    reason, others = "", Bystanders()
    with ExitStack() as ending:
        server = ending.enter_context(database_server())
        sites, queries = [], []
        for size, count, name in zip(sizes, incidents, ("small", "large"), strict=True):
            superuser = database_make(server, name).replace("user=readiness", "user=postgres")
            env = {"DATABASE_URL": server.url(name)}
            console = ending.enter_context(running(home / "run" / f"pages-{name}", env=env))
            wait_idle(console.home)
            filled = fill(console, superuser, events=size, incidents=count)
            console.manage("import_program", "phase-1-exit", "--example")
            console.manage("shell", "-c", _LIVES)
            with psycopg.connect(superuser, autocommit=True) as connection:
                connection.execute(f"VACUUM (ANALYZE) {_TABLES}".encode())
            _wait_told(superuser)
            sys.stderr.write(f"  {size} events, {count} incidents: filled in {filled.seconds:.0f} s\n")
            browser = Browser(console.port, signed_in(console))
            ending.callback(browser.close)
            sites.append(Site(browser, pages_of(superuser)))
            queries.append(queries_of(console, sites[-1].pages))
        if PEER_POSTGRES in options.systems:
            try:
                sites.append(ending.enter_context(peer_site(home / "bugsink", events=sizes[0], issues=incidents[0])))
            except PeerMissing as missing:
                reason = str(missing)
        for name in (HOME, LIST, ONE):
            costs = ask_in_turns(sites, name, requests=requests)
            met[name] = [
                Cost(cost.seconds, cost.size, counts[name]) for cost, counts in zip(costs, queries, strict=False)
            ]
            _say(name, met[name])
            for cost in costs[len(queries) :]:
                met[f"{BESIDE[name]}, asked beside {name}"] = [cost]
                _say(BESIDE[name], [cost])
    return section(
        met, sizes=sizes, incidents=incidents, requests=requests, others_percent=others.percent(), reason=reason
    )


def _wait_told(url: str) -> None:
    """Until what the fill set off is told and done: pages are measured, not the work after it."""
    with psycopg.connect(url, autocommit=True) as connection:

        def quiet() -> bool:
            asked = connection.execute(
                "SELECT count(*) FROM infra_outbox WHERE delivered_at IS NULL AND dead_at IS NULL AND due_at <= now()"
            ).fetchone()
            return asked == (0,)

        wait_until(quiet, what="the outbox after the fill", within_s=600)


def _say(name: str, costs: Sequence[Cost]) -> None:
    figures = ", ".join(f"p50 {cost.ms(0.5):.1f} p95 {cost.ms(0.95):.1f} ms {cost.size} B" for cost in costs)
    sys.stderr.write(f"  {name}: {figures}; queries {[list(cost.queries) for cost in costs]}\n")


def section(
    met: Mapping[str, Sequence[Cost]],
    *,
    sizes: tuple[int, int],
    incidents: tuple[int, int],
    requests: int,
    others_percent: float,
    reason: str,
) -> Section:
    """The table: a row a page; its queries twice where they differ with the size."""
    labels = [f"{size:,} events" for size in sizes]
    columns = ("page", "queries", *(f"{what}, {label}" for label in labels for what in ("p50", "p95")), "costs", "HTML")
    rows = []
    for name, costs in met.items():
        times = [f"{cost.ms(share):.1f} ms" for cost in costs for share in (0.5, 0.95)]
        ratios = [costs[-1].ms(share) / costs[0].ms(share) for share in (0.5, 0.95)]
        rows.append(
            [
                name,
                "; ".join(dict.fromkeys(_range(cost.queries) for cost in costs)),
                *times,
                *([""] * (2 * len(sizes) - len(times))),
                f"{ratios[0]:.2f}×, p95 {ratios[1]:.2f}×" if len(costs) > 1 else "",
                f"{max(cost.size for cost in costs) / 1000:.0f} KB",
            ]
        )
    notes = [
        f"PostgreSQL, {incidents[0]:,} and {incidents[1]:,} incidents with root causes, lessons, controls, runs and",
        f"timelines; {requests} requests to each in turns by one signed-in client, the peer in the same turns.",
        "Queries: of incidents of each life, fewest to most; they would stand twice if the size changed them. Others",
        f"used {others_percent:.0f} % of the processors.",
        *([f"Bugsink is not here: {reason}."] if reason else []),
    ]
    return Section("Pages against size", columns, rows, notes)


def _range(queries: Sequence[int]) -> str:
    if not queries:
        return ""
    least, most = min(queries), max(queries)
    return f"{least}" if least == most else f"{least} to {most}"
