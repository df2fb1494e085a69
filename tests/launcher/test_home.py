"""One launcher per home, and logs that stay small."""

import os
from pathlib import Path

import pytest

from readiness.supervisor.home import HomeInUse, home_lock, pid_file, pid_read, pid_write, running, stop
from readiness.supervisor.logfiles import LogFile


def test_it_gives_a_home_to_one_launcher(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert not running(home)
    lock = home_lock(home)
    pid_write(home)
    assert running(home)
    with pytest.raises(HomeInUse, match=f"process {os.getpid()}"):
        home_lock(home)
    os.close(lock)
    assert not running(home)


def test_it_puts_up_with_the_pid_file_of_a_dead_launcher(tmp_path: Path) -> None:
    pid_file(tmp_path).write_text("not a number")
    assert pid_read(tmp_path) is None
    pid_file(tmp_path).write_text(f"{os.getpid()}\n")  # a pid that runs, but is no launcher
    assert stop(tmp_path) == f"No console runs from {tmp_path}."
    os.close(home_lock(tmp_path))
    assert not pid_file(tmp_path).exists()


def test_it_says_so_when_a_launcher_is_just_starting(tmp_path: Path) -> None:
    lock = home_lock(tmp_path)
    assert "just starting" in stop(tmp_path)
    with pytest.raises(HomeInUse, match="just starting"):
        home_lock(tmp_path)
    os.close(lock)


def test_it_keeps_a_few_old_logs_of_bounded_size(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "web.log", max_bytes=100, kept=2)
    for number in range(30):
        log.write(f"line {number:04}\n".encode())
    assert log.tail(2) == "line 0028\nline 0029"
    log.close()
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "logs").iterdir()}
    assert sizes.keys() == {"web.log", "web.log.1", "web.log.2"}
    assert max(sizes.values()) <= 100


def test_it_goes_on_in_the_log_of_the_last_start(tmp_path: Path) -> None:
    for text in (b"first\n", b"second\n"):
        log = LogFile(tmp_path / "web.log", max_bytes=12)
        log.write(text)
        log.close()
    assert (tmp_path / "web.log.1").read_text() == "first\n"
    assert (tmp_path / "web.log").read_text() == "second\n"
