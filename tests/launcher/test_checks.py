"""System checks: each mistake in the environment is named at the start, with its mend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console import ROOT

SECRET = "0123456789" * 6


def _check(home: Path, *words: str, **environment: str) -> str:
    """What `manage.py check` says under exactly this environment."""
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check", *words],
        env={"PATH": os.environ["PATH"], "READINESS_HOME": str(home), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_it_names_every_mistake_at_once(tmp_path: Path) -> None:
    said = _check(
        tmp_path,
        SECRET_KEY="short",
        READINESS_BASE_URL="https://console.example.com?path",
        REDIS_URL="amqp://broker",
        PORT="0",
    )
    for finding in ("E002", "E003", "E005", "E006"):
        assert f"readiness.{finding}" in said
    assert said.count("HINT: ") >= 4


def test_it_names_a_home_that_cannot_be_used(tmp_path: Path) -> None:
    a_file = tmp_path / "file"
    a_file.touch()
    said = _check(a_file / "home")
    assert "READINESS_HOME cannot be used" in said
    assert "Traceback" not in said
    said = _check(a_file / "home", SECRET_KEY=SECRET, READINESS_HASH_KEY=SECRET, READINESS_METRICS_TOKEN=SECRET)
    assert "readiness.E001" in said


def test_it_names_a_host_that_is_left_out_and_a_broker_elsewhere(tmp_path: Path) -> None:
    said = _check(
        tmp_path,
        READINESS_BASE_URL="https://console.example.com",
        READINESS_ALLOWED_HOSTS="other.example.com",
        REDIS_URL="redis://broker.example.com",
    )
    assert "readiness.E004" in said
    assert "readiness.W001" in said


@pytest.mark.parametrize(
    ("base", "finding"), [("https://console.example.com", "no issues"), ("http://127.0.0.1:8000", "readiness.W002")]
)
def test_it_has_nothing_to_say_to_a_deployment_under_https(tmp_path: Path, base: str, finding: str) -> None:
    said = _check(tmp_path, "--deploy", READINESS_BASE_URL=base)
    assert finding in said
    assert "security.W" not in said
