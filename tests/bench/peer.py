"""The peer: Bugsink from PyPI in a virtual environment of its own, run as its documentation runs it on one machine.

Two gunicorn workers and snappea (its own task queue, on SQLite in either case); its events on SQLite or on PostgreSQL.
Differences from a plain installation: no quotas (at its default ones it answers 200 and drops), no phoning home, our
own port.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.ours import bare_environment, database_make, database_server
from tests.bench.stores import postgres_store, sqlite_store
from tests.bench.system import Role, System, group_end, kill_trees
from tests.console import free_port
from tests.servers import PostgresServer, start, wait_until

VERSION = "2.6.2"
KEY = "5ca1ab1e" * 4
PROGRAMS = ("web", "worker")
_EVENTS = ("events_event", "event_id")
_RETENTION = 10_000_000
# It asks for a certifi of the day it was released, which an index may not have yet; it calls nobody here.
_OVERRIDE = "certifi\n"
_OWN_SETTINGS = """
# --- the benchmark's ---
BUGSINK["BASE_URL"] = "http://127.0.0.1:{port}"
BUGSINK["PHONEHOME"] = False
ALLOWED_HOSTS = ["127.0.0.1"]
for _scope in ("MAX_EVENTS_PER_PROJECT_PER", "MAX_EVENTS_PER"):
    for _time in ("5_MINUTES", "HOUR", "MONTH"):
        BUGSINK[_scope + "_" + _time] = 1_000_000_000
"""
_ON_POSTGRES = """
DATABASES["default"] = {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "bugsink", "USER": "readiness", "HOST": "{directory}",
}}
"""
_PROJECT = """
from projects.models import Project
from teams.models import Team
team = Team.objects.create(name="bench")
project = Project.objects.create(name="bench", team=team, sentry_key={key!r}, retention_max_event_count={retention})
print("project", project.pk)
"""


class PeerMissing(Exception):
    """The peer cannot be measured here; the text says why."""


def environment_of_peer(home: Path) -> Path:
    """The virtual environment with Bugsink: READINESS_BENCH_BUGSINK, else one made in `home` on first use.

    It gets the interpreter that the console runs on, so that both have the same Python. Raises PeerMissing.
    """
    named = os.environ.get("READINESS_BENCH_BUGSINK")
    place = Path(named).absolute() if named else home / f"venv-{VERSION}-psycopg2"
    if not (place / "bin" / "bugsink-manage").exists():
        if named:
            raise PeerMissing(f"READINESS_BENCH_BUGSINK={named} has no bin/bugsink-manage")
        _install(place)
    return place


def _install(place: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        raise PeerMissing("uv is not in the console's environment; `make bench` puts it there")
    shutil.rmtree(place, ignore_errors=True)
    override = place.parent / "override.txt"
    override.parent.mkdir(parents=True, exist_ok=True)
    override.write_text(_OVERRIDE)
    python = place / "bin" / "python"
    create: list[str | Path] = [uv, "venv", "--quiet", "--python", sys.executable, place]
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python, "--override", override]
    for command in (create, [*install, f"bugsink=={VERSION}", "psycopg2-binary"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=bare_environment())
        if done.returncode:
            shutil.rmtree(place, ignore_errors=True)
            raise PeerMissing(f"Bugsink {VERSION} could not be installed: {done.stderr.strip()[-300:]}")


class Bugsink:
    """One installation in `home`, which is emptied first; its processes are restarted by us, as systemd would."""

    def __init__(self, programs: Path, home: Path, server: PostgresServer | None) -> None:
        self.programs, self.home, self.server, self.port = programs, home, server, free_port()
        self.env = {**bare_environment(), "PYTHONPATH": str(home), "DJANGO_SETTINGS_MODULE": "bugsink_conf"}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> int:
        """Configuration, databases, one project; its id."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self._run("bugsink-create-conf", "--template=singleserver", "--host=127.0.0.1", f"--base-dir={self.home}")
        with (self.home / "bugsink_conf.py").open("a") as settings:
            settings.write(_OWN_SETTINGS.format(port=self.port))
            if self.server is not None:
                settings.write(_ON_POSTGRES.format(directory=self.server.directory))
        self._run("bugsink-manage", "migrate")
        self._run("bugsink-manage", "migrate", "snappea", "--database=snappea")
        said = self.shell(_PROJECT.format(key=KEY, retention=_RETENTION))
        return int(said.rpartition("project ")[2])

    def shell(self, code: str) -> str:
        """What the code prints, run with its models at hand."""
        return self._run("bugsink-manage", "shell", "-c", code)

    def _run(self, program: str, *arguments: str) -> str:
        command: list[str | Path] = [self.programs / program, *arguments]
        done = subprocess.run(command, cwd=self.home, env=self.env, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise PeerMissing(f"{program} {arguments[0]} failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def start(self, names: Collection[str] = PROGRAMS) -> None:
        """Start these of its programs."""
        gunicorn = [f"--bind=127.0.0.1:{self.port}", "--workers=2", "--timeout=6", "--access-logfile=/dev/null"]
        commands = {"web": ("gunicorn", [*gunicorn, "bugsink.wsgi"]), "worker": ("bugsink-runsnappea", [])}
        for name in names:
            program, arguments = commands[name]
            command: list[str | Path] = [self.programs / program, *arguments]
            self._running[name] = start(command, log=self.home / f"{program}.log", env=self.env, cwd=self.home)

    def kill(self, names: Collection[str]) -> None:
        """kill -9 of these with their workers, and a start again."""
        killed = [self._running.pop(name) for name in names]
        kill_trees([process.pid for process in killed])
        for process in killed:
            process.wait()
        self.start(names)

    def ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def roots(self) -> list[int]:
        database = [self.server.process] if self.server is not None and self.server.process is not None else []
        return [process.pid for process in (*self._running.values(), *database)]

    def end(self) -> None:
        while self._running:
            group_end(self._running.popitem()[1], signal.SIGTERM)


def _versions(programs: Path) -> str:
    asked = (
        "import importlib.metadata, platform; print(importlib.metadata.version('bugsink'), platform.python_version())"
    )
    done = subprocess.run([programs / "python", "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    own, python = done.stdout.split()
    return f"{own} (Python {python})"


@contextmanager
def bugsink(home: Path, *, postgres: bool) -> Iterator[System]:
    """Bugsink as a system that takes envelopes, installed on first use. Raises PeerMissing."""
    programs = environment_of_peer(home) / "bin"
    with ExitStack() as ending:
        server = ending.enter_context(database_server()) if postgres else None
        peer = Bugsink(programs, home / ("run-postgres" if postgres else "run"), server)
        store = sqlite_store(peer.home / "db.sqlite3", *_EVENTS)
        if server is not None:
            store = postgres_store(database_make(server, "bugsink"), *_EVENTS)
        project = peer.prepare()
        ending.callback(peer.end)
        peer.start()
        wait_until(peer.ready, what="Bugsink's start", within_s=60, log=peer.home / "gunicorn.log")
        yield System(
            name=f"Bugsink {_versions(programs)}, {'PostgreSQL' if postgres else 'SQLite'}",
            role=Role.PEER,
            database="PostgreSQL" if postgres else "SQLite",
            port=peer.port,
            path=f"/api/{project}/envelope/",
            key=KEY,
            store=store,
            programs=PROGRAMS,
            kill=peer.kill,
            ready=peer.ready,
            roots=peer.roots,
            quiet_s=15.0,
        )
