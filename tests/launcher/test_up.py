"""The whole console as a founder runs it: brought up, hurt, ended and brought up again, in real processes."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from readiness.supervisor.home import pid_file, pid_read, running
from tests.console import ROOT, Console
from tests.launcher.processes import Process, programs, tree
from tests.servers import wait_until

pytestmark = pytest.mark.once


def _launcher(console: Console) -> int:
    pid = pid_read(console.home)
    assert pid is not None
    return pid


def _ready(console: Console) -> bool:
    try:
        return console.call("GET", "/readyz", timeout_s=5).status == 200
    except OSError:
        return False


def _gone(processes: list[Process]) -> bool:
    return not any(process.alive for process in processes)


def test_it_answers_for_everything_it_stands_on(stack: Console) -> None:
    answer = stack.call("GET", "/readyz")
    assert answer.status == 200
    assert {check["name"]: check["status"] for check in answer.json()["checks"]} == dict.fromkeys(
        ("database", "migrations", "append_only", "broker", "worker"), "pass"
    )
    assert stack.call("GET", "/health").json().keys() == answer.json().keys()
    assert stack.call("GET", "/healthz").json() == {"status": "alive"}
    assert stack.call("POST", "/healthz").status == 405


def test_it_runs_the_four_programs_and_says_so_once(stack: Console) -> None:
    assert set(programs(_launcher(stack))) == {"broker", "worker", "web", "beat"}
    assert stack.log.read_text().count(f"Console ready at {stack.url}") == 1


@pytest.mark.parametrize("name", ["web", "worker", "broker", "beat"])
def test_it_starts_again_what_is_killed(stack: Console, name: str) -> None:
    victim = programs(_launcher(stack))[name]
    descendants = tree(victim.pid)
    victim.kill()
    wait_until(lambda: _gone(descendants), what=f"the end of {name} and its children")
    wait_until(lambda: name in programs(_launcher(stack)), what=f"{name}'s next life")
    wait_until(lambda: _ready(stack), what="readiness")


def test_it_starts_again_a_killed_web_worker(stack: Console) -> None:
    web = programs(_launcher(stack))["web"]
    workers = [process for process in tree(web.pid) if process.parent == web.pid]
    for worker in workers:
        worker.kill()
    wait_until(lambda: _gone(workers) and _ready(stack), what="the next web workers")
    assert web.alive


def test_it_refuses_a_second_start_from_the_same_home(stack: Console) -> None:
    second = stack.manage("up", expect=1)
    assert f"A console already runs from {stack.home} (process {_launcher(stack)})" in second.stderr
    assert _ready(stack)


def test_it_names_the_port_that_is_taken(stack: Console, tmp_path: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", "up"],
            env=stack.env | {"READINESS_HOME": str(tmp_path), "PORT": str(port)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"Nothing can listen on port {port} of 127.0.0.1" in done.stderr
    assert "Set PORT to a free one" in done.stderr


def test_it_lives_beside_another_leaves_no_orphan_and_keeps_its_data(stack: Console, installation: Console) -> None:
    assert _ready(stack)
    installation.manage("onboard_tenant", "kept", "--json")

    _ends_after_the_request_under_way(installation)

    # Detached this time: the command returns when the console is ready.
    assert f"Console ready at {installation.url}" in installation.manage("up", "--detach").stdout
    launcher = _launcher(installation)
    assert os.getsid(launcher) == launcher
    everything = tree(launcher)
    os.kill(launcher, signal.SIGKILL)
    wait_until(lambda: _gone(everything), what="the end of every child of the killed launcher")
    assert not running(installation.home)
    assert pid_file(installation.home).exists(), "the stale pid file that the next start has to put up with"

    installation.manage("up", "--detach")
    assert _ready(installation)
    installation.manage("onboard_tenant", "kept", "--json", expect=1)  # it is still there
    everything = tree(_launcher(installation))
    assert _make_stop(installation) == f"The console of {installation.home} has ended.\n"
    wait_until(lambda: _gone(everything), what="the end of every process")
    assert _make_stop(installation) == f"No console runs from {installation.home}.\n"
    assert _ready(stack)


def _ends_after_the_request_under_way(console: Console) -> None:
    """SIGTERM in the middle of a body: the answer still comes, then everything ends."""
    everything = tree(_launcher(console))
    with socket.create_connection(("127.0.0.1", console.port), timeout=20) as client:
        client.sendall(b"POST /v1/errors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\n{}")
        assert console.process is not None
        console.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Ending" in console.log.read_text(), what="the launcher's word")
        client.sendall(b"  ")
        assert client.recv(12) == b"HTTP/1.1 401"
    assert console.process.wait(timeout=30) == 0
    wait_until(lambda: _gone(everything), what="the end of every process")
    assert not pid_file(console.home).exists()


def _make_stop(console: Console) -> str:
    command = [sys.executable, "-m", "readiness.supervisor", "stop", str(console.home)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
