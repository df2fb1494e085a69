"""The supervisor with small programs in the place of the console's: what it does when they misbehave."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from readiness.supervisor.plan import Plan, Program
from tests.console import ROOT, free_port
from tests.launcher.processes import tree
from tests.servers import start, wait_until

pytestmark = pytest.mark.once

ANSWERS = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2])); self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"])
print("stubborn", flush=True)
signal.pause()
"""
Run = Callable[..., subprocess.Popen[bytes]]


def _python(name: str, code: str, *args: str, patience_s: float = 15, once: bool = False) -> Program:
    return Program(name, [sys.executable, "-c", code, *args], patience_s=patience_s, once=once)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def run(tmp_path: Path, port: int) -> Iterator[Run]:
    """Start the supervisor with these programs beside a web server that answers /readyz with `status`."""
    started: list[subprocess.Popen[bytes]] = []

    def with_programs(*programs: Program, status: int = 200) -> subprocess.Popen[bytes]:
        web = _python("web", ANSWERS, str(port), str(status))
        plan = Plan(tmp_path, ROOT, ("127.0.0.1", port), "http://it.test", (web, *programs))
        (tmp_path / "plan.json").write_text(plan.to_json())
        code = (
            "import os, sys; from pathlib import Path\n"
            "from readiness.supervisor.__main__ import main\n"
            f"plan = os.open({str(tmp_path / 'plan.json')!r}, os.O_RDONLY)\n"
            "lock = os.open(os.devnull, os.O_RDONLY)\n"
            "sys.argv = ['supervisor', 'run', '--plan-fd', str(plan), '--lock-fd', str(lock)]\n"
            "sys.exit(main())"
        )
        process = start([sys.executable, "-c", code], log=tmp_path / "said", cwd=ROOT)
        started.append(process)
        return process

    yield with_programs
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def said(tmp_path: Path) -> Callable[[str], bool]:
    def has_said(pattern: str) -> bool:
        return re.search(pattern, (tmp_path / "said").read_text(), re.DOTALL) is not None

    return has_said


def test_it_reads_the_plan_that_was_written(tmp_path: Path) -> None:
    broker = Program("broker", ["valkey"], env={"A": "b"}, socket="/x.sock", stop_last=True)
    plan = Plan(tmp_path, ROOT, ("127.0.0.1", 8000), "http://127.0.0.1:8000", (broker,))
    assert Plan.from_json(plan.to_json()) == plan


def test_it_gives_up_when_a_program_dies_before_the_console_was_ever_ready(
    run: Run, said: Callable[[str], bool]
) -> None:
    process = run(_python("worker", "raise SystemExit('no settings')"), status=503)
    assert process.wait(timeout=20) == 1
    assert said("worker ended with status 1 4 times.*no settings")


def test_it_goes_on_starting_a_program_once_the_console_was_ready(run: Run, said: Callable[[str], bool]) -> None:
    process = run(_python("worker", "import signal; signal.pause()  # until it dies"))
    wait_until(lambda: said("Console ready at http://it.test"), what="readiness")
    [worker] = [one for one in tree(process.pid) if "it dies" in one.command]
    for _ in range(2):
        worker.kill()
        wait_until(lambda: not worker.alive, what="its end")  # noqa: B023
        wait_until(lambda: any("it dies" in one.command for one in tree(process.pid)), what="its next life")
        [worker] = [one for one in tree(process.pid) if "it dies" in one.command]
    assert said("worker was ended by SIGKILL; it is started again in 0.1 s.*in 0.5 s")


def test_it_kills_what_does_not_drain_and_what_that_started(
    run: Run, said: Callable[[str], bool], tmp_path: Path
) -> None:
    process = run(_python("worker", STUBBORN, patience_s=0.2))
    wait_until(lambda: said("Console ready"), what="readiness")
    wait_until(lambda: "stubborn" in (tmp_path / "logs/worker.log").read_text(), what="the stubborn program")
    everything = tree(process.pid)
    assert len(everything) == 4
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert said("worker did not end in 0.2 s and is killed")
    wait_until(lambda: not any(one.alive for one in everything), what="the end of everything")


def test_it_ends_everything_at_once_at_a_second_signal(run: Run, said: Callable[[str], bool], tmp_path: Path) -> None:
    process = run(_python("worker", STUBBORN, patience_s=60))
    wait_until(lambda: said("Console ready"), what="readiness")
    wait_until(lambda: "stubborn" in (tmp_path / "logs/worker.log").read_text(), what="the stubborn program")
    process.send_signal(signal.SIGINT)
    wait_until(lambda: said("Ending: "), what="the first signal's word")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0


def test_it_runs_once_what_is_to_run_after_readiness(run: Run, said: Callable[[str], bool], tmp_path: Path) -> None:
    once = _python("first_start", "print('hello'); raise SystemExit(3)", once=True)
    process = run(once)
    wait_until(lambda: said("Console ready.*first_start ended with status 3; see "), what="its end")
    assert (tmp_path / "logs/first_start.log").read_text() == "hello\n"
    assert process.poll() is None


def test_it_shows_errors_at_the_terminal_and_keeps_the_rest_in_the_log(
    run: Run, said: Callable[[str], bool], tmp_path: Path
) -> None:
    lines = ['{"event": "all is well", "level": "info"}', '{"event": "it broke", "level": "error"}', "no end of line"]
    writes = f"import sys, signal; sys.stdout.write({chr(10).join(lines)!r}); sys.stdout.close(); signal.pause()"
    run(_python("worker", writes))
    wait_until(lambda: said(r"\[worker\] .*it broke"), what="the error")
    assert not said("all is well")
    assert "all is well" in (tmp_path / "logs/worker.log").read_text()


def test_it_waits_for_a_socket_before_it_starts_what_needs_it(
    run: Run, said: Callable[[str], bool], tmp_path: Path
) -> None:
    door = tmp_path / "door"
    opens = (
        "import pathlib, socket, sys, time\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)\n"
        "server = socket.create_server(sys.argv[1], family=socket.AF_UNIX)\n"
        "while True:\n    client = server.accept()[0]; client.recv(16); client.sendall(b'+PONG\\r\\n'); client.close()"
    )
    broker = Program(
        "broker", [sys.executable, "-c", opens, str(tmp_path / "s"), str(door)], socket=str(tmp_path / "s")
    )
    process = run(broker, _python("worker", "import signal; signal.pause() # needs it"))
    wait_until(lambda: any("door" in one.command for one in tree(process.pid)), what="the broker's start")
    assert not any("needs it" in one.command for one in tree(process.pid))
    door.touch()
    wait_until(lambda: said("Console ready"), what="readiness")
    assert any("needs it" in one.command for one in tree(process.pid))
