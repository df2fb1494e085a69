"""The files in which processes count: shared, added up when their process is gone, and laid out in full."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from readiness.infra.metrics import ENVIRONMENT, metrics_directory, metrics_prepare

ROOT = Path(__file__).resolve().parent.parent.parent
COUNT = """
import sys
from readiness.infra import metrics
metrics.process_started("web")
metrics.request_observe(route="/config", status=200, seconds=0.002)
metrics.capture_observe(stored=5, duplicates=1)
"""
THEN_WAIT = "print('counted', flush=True); sys.stdin.read()"


def counting(directory: Path, *, then: str = "", **options: object) -> subprocess.Popen[str]:
    environment = {**os.environ, ENVIRONMENT: str(directory)}
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", COUNT + then], env=environment, cwd=ROOT, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def totals(directory: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric in MultiProcessCollector(None, str(directory)).collect():
        for sample in metric.samples:
            key = sample.name + "".join(f",{value}" for _, value in sorted(sample.labels.items()))
            found[key] = sample.value
    return found


def end(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said


def test_what_ended_processes_counted_is_kept_in_one_file(tmp_path: Path) -> None:
    for number in range(1, 4):
        end(counting(tmp_path))
        found = totals(tmp_path)
        assert found["readiness_capture_events_total,stored"] == 5 * number
        assert found["readiness_http_request_duration_seconds_count,200,/config"] == number
        assert found["readiness_http_request_duration_seconds_bucket,200,0.0025,/config"] == number
        assert found["readiness_http_request_duration_seconds_bucket,200,0.001,/config"] == 0
        assert round(found["readiness_http_request_duration_seconds_sum,200,/config"], 6) == round(0.002 * number, 6)
        assert len(list(tmp_path.glob("counter_*.db"))) == min(number, 2)  # the last one's, and all before it


def test_the_files_of_a_living_process_are_left_alone(tmp_path: Path) -> None:
    living = counting(tmp_path, then=THEN_WAIT)
    assert living.stdout is not None
    assert living.stdout.readline() == "counted\n"
    end(counting(tmp_path))
    end(counting(tmp_path))
    assert (tmp_path / f"counter_{living.pid}.db").exists()
    assert totals(tmp_path)["readiness_capture_events_total,stored"] == 15
    end(living)
    assert totals(tmp_path)["readiness_capture_events_total,stored"] == 15


def test_a_process_without_room_counts_for_itself_and_lives(tmp_path: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    alone = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    environment = {**os.environ, ENVIRONMENT: str(tmp_path)}
    shown = "from prometheus_client import generate_latest; print(generate_latest(metrics.PROCESS).decode())"
    done = subprocess.run(
        [sys.executable, "-c", alone + COUNT + shown], env=environment, cwd=ROOT, capture_output=True, text=True,
        preexec_fn=small_disk,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'readiness_capture_events_total{outcome="stored"} 5.0' in done.stdout
    assert not list(tmp_path.glob("*.db"))


def test_the_files_have_no_holes(tmp_path: Path) -> None:
    end(counting(tmp_path))
    for path in tmp_path.glob("*.db"):
        assert path.stat().st_blocks * 512 >= path.stat().st_size, path


def test_a_start_begins_at_zero(tmp_path: Path) -> None:
    directory = metrics_directory(tmp_path)
    end(counting(directory))
    assert totals(directory)
    metrics_prepare(tmp_path)
    assert not totals(directory)
    assert directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("processes", [6])
def test_processes_that_start_and_end_together_lose_nothing(tmp_path: Path, processes: int) -> None:
    for _ in range(2):
        for process in [counting(tmp_path) for _ in range(processes)]:
            end(process)
    assert totals(tmp_path)["readiness_capture_events_total,stored"] == 5 * 2 * processes
