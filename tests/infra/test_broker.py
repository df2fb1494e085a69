"""The embedded broker: where its socket is, which server it is, and that it keeps what it has accepted."""

import importlib.util
import os
import signal
import stat
from pathlib import Path

import pytest
from kombu import Connection
from redis import RedisError

from readiness.infra.broker import (
    UNIX_SOCKET_LIMIT,
    BrokerUnavailable,
    broker_binary,
    broker_command,
    broker_prepare,
    broker_socket,
    embedded_broker_url,
    redis_client,
)
from tests.servers import start, stop, wait_until


def test_it_keeps_the_socket_in_the_home(tmp_path: Path) -> None:
    assert broker_socket(Path("/srv/console")) == Path("/srv/console/broker/valkey.sock")
    assert embedded_broker_url(Path("/srv/the console")) == "redis+socket:///srv/the%20console/broker/valkey.sock"


def test_it_moves_to_a_short_private_directory_when_the_home_is_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * UNIX_SOCKET_LIMIT)
    directory = broker_socket(deep).parent
    assert directory.parent == Path("/tmp")
    assert str(os.getuid()) in directory.name
    assert embedded_broker_url(deep) == embedded_broker_url(deep) != embedded_broker_url(deep / "e")
    broker_prepare(deep)
    try:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    finally:
        directory.rmdir()


def test_it_refuses_a_socket_directory_that_is_not_its_own(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * UNIX_SOCKET_LIMIT)
    directory = broker_socket(deep).parent
    directory.symlink_to(tmp_path)  # what somebody else might have laid there
    try:
        with pytest.raises(BrokerUnavailable, match="set READINESS_HOME to a shorter path"):
            broker_prepare(deep)
    finally:
        directory.unlink()


def test_it_takes_the_server_on_path_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "redis-server"
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker_binary() == own
    own.unlink()
    assert broker_binary().name == "valkey-server"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(BrokerUnavailable, match="apt install redis-server"):
        broker_binary()


def test_it_keeps_what_it_accepted_when_it_is_killed(tmp_path: Path) -> None:
    home, log = tmp_path / "a home", tmp_path / "log"
    broker_prepare(home)
    client = redis_client(embedded_broker_url(home))
    for life in (1, 2):
        server = start(broker_command(home), log=log)
        wait_until(lambda: _listens(home), what="the broker's start", child=server, log=log)
        assert client.llen("accepted") == life - 1
        client.rpush("accepted", f"in life {life}")
        stop(server, signal.SIGKILL)
    assert stat.S_IMODE((home / "broker").stat().st_mode) == 0o700


def _listens(home: Path) -> bool:
    try:
        return bool(redis_client(embedded_broker_url(home)).ping())
    except RedisError:
        return False


def test_it_is_the_same_broker_for_kombu(tmp_path: Path) -> None:
    """Kombu's own reading of the URL ends at the same socket, a space in the path included."""
    home = tmp_path / "a home"
    broker_prepare(home)
    server = start(broker_command(home), log=tmp_path / "log")
    wait_until(lambda: _listens(home), what="the broker's start", child=server)
    with Connection(embedded_broker_url(home)) as connection:
        connection.SimpleQueue("queue").put({"a": "task"})
    assert redis_client(embedded_broker_url(home)).llen("queue") == 1
    stop(server)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+socket:///a%20b/x.sock?virtual_host=1", {"path": "/a b/x.sock", "db": 1}),
        ("unix:///x.sock?db=1", {"path": "/x.sock", "db": 1}),
        ("redis://:secret@broker:6380/2", {"host": "broker", "port": 6380, "db": 2, "password": "secret"}),
        ("rediss://broker/0?ssl_cert_reqs=CERT_NONE", {"host": "broker", "ssl_cert_reqs": "none"}),
    ],
)
def test_it_reads_the_urls_of_kombu_and_of_redis(url: str, expected: dict[str, object]) -> None:
    settings = redis_client(url).connection_pool.connection_kwargs
    assert {name: settings[name] for name in expected} == expected


def test_it_names_the_schemes_it_knows() -> None:
    with pytest.raises(ValueError, match="use redis://, rediss:// or redis\\+socket://"):
        redis_client("amqp://broker")
