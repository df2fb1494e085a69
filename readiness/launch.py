"""What has to be true before the programs start, and which programs there are: the Django half of the launcher."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command, get_commands
from django.db import OperationalError, connection

from incidents.errors.workflows import partitions_ensure
from readiness.infra import metrics
from readiness.infra.broker import broker_command, broker_socket, embedded_broker_url
from readiness.supervisor.plan import Plan, Program

Say = Callable[[str], object]
_MIGRATION_LOCK = 0x7EAD1  # any number that no other program on the same PostgreSQL database uses


def prepare_database(*, say: Say) -> None:
    """Migrate; several machines on one PostgreSQL take turns. Raises CommandError when it cannot be reached."""
    try:
        connection.ensure_connection()
    except OperationalError as refused:
        raise CommandError(
            f"The database cannot be reached: {str(refused).strip()}. Start it, or correct DATABASE_URL."
        ) from None
    with _turn():
        call_command("migrate", interactive=False, verbosity=0)
        partitions_ensure()  # before the first event: what lands in the rest partition stays there
    say("Database is up to date.")


@contextmanager
def _turn() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


def prepare_static(*, say: Say) -> None:
    """Collect and compress the static files when one of them, or how they are stored, has changed since."""
    root = Path(settings.STATIC_ROOT)
    stamp, now = root / ".collected", _static_fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(now)
    say("Static files are collected.")


def _static_fingerprint() -> str:
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def plan_for() -> Plan:
    """The programs of this installation. Raises BrokerUnavailable when there is no broker to start."""
    home: Path = settings.READINESS_HOME
    host = settings.READINESS_HOST
    probe = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104  compared, not bound
    return Plan(
        home=home,
        cwd=settings.BASE_DIR,
        probe=(probe, settings.PORT),
        url=f"http://127.0.0.1:{settings.PORT}",
        programs=(*_broker(home), _worker(home), _web(host), _beat(), *_first_start()),
    )


def _broker(home: Path) -> tuple[Program, ...]:
    if embedded_broker_url(home) != settings.REDIS_URL:
        return ()  # somebody else runs it
    return (Program("broker", broker_command(home), socket=str(broker_socket(home)), patience_s=10, stop_last=True),)


def _first_start() -> tuple[Program, ...]:
    """Once the console answers, whatever a first start has to show (the command does nothing the second time)."""
    if "first_start" not in get_commands():
        return ()
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "first_start"]
    return (Program("first_start", command, env=_environment(), once=True),)


def _worker(home: Path) -> Program:
    # The name has to outlive the process: by it the next one finds what this one leaves unfinished.
    name = hashlib.sha256(str(home).encode()).hexdigest()[:8]
    command = [*_celery("worker"), "--hostname", f"{name}@%h"]
    # Events between workers that nobody reads.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Program("worker", [*command, *quiet], env=_environment())


def _web(host: str) -> Program:
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(settings.PORT),
        "--workers": str(settings.READINESS_WEB_PROCESSES),
        "--blocking-threads": str(settings.READINESS_WEB_THREADS),
        # Counts connections, idle ones included: SDKs keep theirs open, so it is far above the number of threads.
        "--backpressure": "1024",
        "--backlog": "1024",
        "--workers-kill-timeout": "10",
        "--respawn-interval": "0.1",
        "--log-level": "error",
    }
    words = [word for option in options.items() for word in option]
    command = [sys.executable, "-m", "granian", *words, "--respawn-failed-workers", "--no-ws"]
    return Program("web", [*command, "readiness.wsgi:application"], env=_environment())


def _beat() -> Program:
    return Program("beat", [*_celery("beat"), "--pidfile", ""], env=_environment(), patience_s=5)


def _celery(command: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "readiness", "--quiet", command, "--loglevel", "INFO"]


def _environment() -> dict[str, str]:
    """Every process sees one home and one port, however the launcher learnt them."""
    return {
        "READINESS_HOME": str(settings.READINESS_HOME),
        "PORT": str(settings.PORT),
        "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
        "PYTHONUNBUFFERED": "1",
        metrics.ENVIRONMENT: str(metrics.metrics_directory(settings.READINESS_HOME)),
        "MALLOC_ARENA_MAX": "2",  # sixty-four threads would otherwise each keep freed memory to themselves
    }
