"""Tasks on the real broker and worker: none is lost, each runs in its sender's trace, each failure is recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from incidents.errors.models import ErrorEvent
from readiness.infra.correlation import correlation_scope
from readiness.supervisor.home import pid_read
from tests.console import Console
from tests.launcher.processes import Process, programs, tree
from tests.servers import wait_until

pytestmark = pytest.mark.once

Send = Callable[..., str]


def _worker(console: Console) -> Process:
    launcher = pid_read(console.home)
    assert launcher is not None
    return programs(launcher)["worker"]


def _diary(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("victim", ["main process", "pool child", "broker"])
def test_it_runs_a_task_again_whose_process_was_killed(stack: Console, send: Send, tmp_path: Path, victim: str) -> None:
    diary, release = tmp_path / "diary", tmp_path / "release"
    send("probe.hold", str(diary), str(release))
    wait_until(lambda: _diary(diary) == ["begin"], what="the task's begin", log=stack.home / "logs" / "worker.log")
    queued = tmp_path / "queued"
    send("probe.trace", str(queued))

    worker = _worker(stack)
    if victim == "main process":
        worker.kill()
    elif victim == "pool child":
        [child] = [process for process in tree(worker.pid) if process.parent == worker.pid]
        child.kill()
    else:
        launcher = pid_read(stack.home)
        assert launcher is not None
        programs(launcher)["broker"].kill()

    if victim != "broker":  # the task itself was not hurt then
        wait_until(lambda: _diary(diary) == ["begin", "begin"], what="the second run", within_s=30)
    release.touch()
    wait_until(lambda: "end" in _diary(diary), what="the task's end", within_s=30)
    wait_until(lambda: len(_diary(queued)) == 1, what="the task that waited behind it", within_s=30)


def test_it_runs_a_task_in_its_senders_trace(stack: Console, send: Send, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with correlation_scope("test") as context:
        send("probe.trace", str(diary))
    wait_until(lambda: _diary(diary) != [], what="the task's run")
    assert _diary(diary) == [context.correlation_id]


def test_it_records_a_task_that_breaks(stack: Console, send: Send) -> None:
    with correlation_scope("test") as context:
        send("probe.fail")
    event = _recorded(stack, component="task.probe.fail")
    assert (event.layer, event.correlation_id) == ("L5", context.correlation_id)


def test_it_gives_up_a_task_that_kills_its_process_each_time(stack: Console, send: Send, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    send("probe.die", str(diary))
    assert _recorded(stack, component="task.probe.die").exception_type == "WorkerLostError"
    assert _diary(diary) == ["begin"] * 4
    send("probe.trace", str(tmp_path / "next"))
    wait_until(lambda: len(_diary(tmp_path / "next")) == 1, what="the next task's run")
    send("probe.fail")  # a pool child that was started after its parent has recorded an error can record too
    _recorded(stack, component="task.probe.fail", count=2)


def _recorded(console: Console, *, component: str, count: int = 1) -> ErrorEvent:
    """The last of `count` errors of this component, once they are there."""

    def found() -> list[ErrorEvent]:
        with console.tables():
            return list(ErrorEvent.objects.filter(component=component).order_by("created_at"))

    log = console.home / "logs" / "worker.log"
    wait_until(lambda: len(found()) >= count, what=f"the record of {component}", within_s=40, log=log)
    return found()[-1]
