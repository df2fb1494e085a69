"""The CI client and a console that is away, busy, will not, or asks for more."""

import json

import pytest

from incidents.lessons.client.console import pause_of
from tests.lessons.client_case import (
    JUNIT,
    PROVEN,
    Recorder,
    Repository,
    client,
)

pytestmark = pytest.mark.once


def test_it_tries_again_and_is_recorded_once(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(503, {"Retry-After": "0"}, b""), (429, {"Retry-After": "0"}, b""), PROVEN]
    assert client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url).returncode == 0
    assert len(recorder.requests) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in recorder.requests}) == 1


def test_it_tries_again_after_half_an_answer(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(201, {"Content-Length": "500"}, PROVEN[2][:20]), PROVEN]
    done = client(repository.path, "control", "CTL-7", "--", "false", url=recorder.url)
    assert (done.returncode, len(recorder.requests)) == (1, 2)
    assert "CTL-7 is proven. So." in done.stderr


@pytest.mark.parametrize("answer", [b"[]", b'{"status": "ok"}'])
def test_it_takes_nobody_else_for_the_console(answer: bytes, repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(200, {"Retry-After": "0"}, answer)]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert done.returncode == 69
    assert "nothing was recorded" in done.stderr


@pytest.mark.parametrize(
    ("told", "seconds"), [(None, 2.0), ("7", 7.0), ("0", 0.0), ("900", 30.0), ("-5", 0.0), ("nan", 2.0), ("Fri", 2.0)]
)
def test_it_waits_as_it_is_told_within_bounds(told: str | None, seconds: float) -> None:
    assert pause_of(told, 2.0) == seconds


NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("told", "more", "code"),
    [
        ((), {}, 69),
        ((), {"CI": "true"}, 1),
        ((), {"CI": "false"}, 69),
        ((), {"TEAMCITY_VERSION": "2026.1"}, 1),
        ((), {"CI": "true", "READINESS_IF_AWAY": "fail"}, 69),
        (("--if-away", "fail"), {"CI": "true"}, 69),
        (("--if-away", "pass"), {}, 1),
    ],
)
def test_it_fails_no_build_for_the_console_being_away_unless_told_to(
    told: tuple[str, ...], more: dict[str, str], code: int, repository: Repository
) -> None:
    done = client(repository.path, "control", "CTL-7", *told, "--", "false", url=NOWHERE, **more)
    assert done.returncode == code
    assert "nothing was recorded" in done.stderr


def test_it_refuses_a_setting_that_it_does_not_know(repository: Repository) -> None:
    done = client(repository.path, "control", "CTL-7", "--", "true", url=NOWHERE, READINESS_IF_AWAY="never")
    assert done.returncode == 64
    assert "READINESS_IF_AWAY" in done.stderr


def test_it_takes_no_answer_for_no_verdict(repository: Repository) -> None:
    assert client(repository.path, "verdict", "pilot", url=NOWHERE, CI="true").returncode == 69


@pytest.mark.parametrize("status", [401, 404, 422])
def test_it_tells_a_refusal_and_does_not_try_again(status: int, repository: Repository, recorder: Recorder) -> None:
    problem = {"detail": "Because.", "errors": [{"pointer": "/commit", "detail": "seven digits"}]}
    recorder.answers = [(status, {}, json.dumps(problem).encode())]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert done.returncode == 65
    assert "Because." in done.stderr
    assert "/commit: seven digits" in done.stderr
    assert len(recorder.requests) == 1


def test_it_follows_no_redirect(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(302, {"Location": "https://elsewhere.example/"}, b"")]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert done.returncode == 65
    assert "https://elsewhere.example/" in done.stderr


@pytest.mark.parametrize(("verdict", "code"), [("GO", 0), ("EXTEND", 1), ("NO-GO", 1), ("CANCEL", 2), ("?", 3)])
def test_it_exits_by_the_verdict(verdict: str, code: int, repository: Repository, recorder: Recorder) -> None:
    answer = {"program": "pilot", "verdict": verdict, "blockers": [{"text": "Gate G5 is open."}]}
    recorder.answers = [(200, {}, json.dumps(answer).encode())]
    done = client(repository.path, "verdict", "pilot", url=recorder.url)
    assert done.returncode == code
    assert "Gate G5 is open." in done.stdout
    assert recorder.requests[0][0] == "/ops/verdicts/pilot"


# --- evidence, and what is due ----------------------------------------------------------------------------------------


def test_it_hands_in_a_figure_and_a_report(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(201, {}, b'{"evidence": "EV-31", "sha256": "00"}')]
    figure = ("evidence", "coverage", "--value", "87.5", "--unit", "%", "--program", "pilot")
    assert client(repository.path, *figure, url=recorder.url).returncode == 0
    repository.write("out.xml", JUNIT % "")
    done = client(repository.path, "evidence", "tests", "--junit", "out.xml", "--ref", "E-1", url=recorder.url)
    assert "EV-31 is kept" in done.stderr
    (path, _, body), (report_path, headers, _) = recorder.requests
    assert path == "/v1/evidence"
    assert (body["kind"], body["value"], body["unit"], body["program"]) == ("coverage", "87.5", "%", "pilot")
    assert body["commit"] == repository.fixed
    assert report_path == f"/v1/evidence?kind=tests&commit={repository.fixed}&ref=E-1"
    assert headers["Content-Type"] == "application/xml"


def test_it_lists_what_is_due_and_runs_it_when_told_to(repository: Repository, recorder: Recorder) -> None:
    due = {"due_at": "2026-11-30T08:00:00Z", "state": "proven", "overdue": False}
    waiting = [{"control": "CTL-7", "command": "true", **due}, {"control": "CTL-8", "command": "sh -c 'exit 3'", **due}]
    recorder.answers = [(200, {}, json.dumps({"controls": waiting}).encode())] * 2 + [PROVEN]
    done = client(repository.path, "due", url=recorder.url)
    assert done.returncode == 0
    assert "CTL-8  proven, due 2026-11-30T08:00:00Z  sh -c 'exit 3'" in done.stdout
    assert client(repository.path, "due", "--run", url=recorder.url).returncode == 3
    assert [path for path, _, _ in recorder.requests[2:]] == ["/v1/controls/CTL-7/runs", "/v1/controls/CTL-8/runs"]
    assert [body["command"] for body in recorder.bodies[2:]] == ["true", "sh -c 'exit 3'"]


def test_it_runs_what_else_is_due_beside_a_command_that_is_none(repository: Repository, recorder: Recorder) -> None:
    due = {"due_at": None, "state": "stale", "overdue": True}
    waiting = [{"control": "CTL-7", "command": "echo it's", **due}, {"control": "CTL-8", "command": "true", **due}]
    recorder.answers = [(200, {}, json.dumps({"controls": waiting}).encode()), PROVEN]
    done = client(repository.path, "due", "--run", url=recorder.url)
    assert done.returncode == 64
    assert [path for path, _, _ in recorder.requests[1:]] == ["/v1/controls/CTL-8/runs"]


def test_it_runs_what_else_is_due_beside_one_that_is_refused(repository: Repository, recorder: Recorder) -> None:
    due = {"due_at": None, "state": "stale", "overdue": True, "command": "true"}
    waiting = [{"control": "CTL-7", **due}, {"control": "CTL-8", **due}]
    recorder.answers = [(200, {}, json.dumps({"controls": waiting}).encode()), (422, {}, b'{"detail": "No."}'), PROVEN]
    done = client(repository.path, "due", "--run", url=recorder.url)
    assert done.returncode == 65
    assert [path for path, _, _ in recorder.requests[1:]] == ["/v1/controls/CTL-7/runs", "/v1/controls/CTL-8/runs"]


def test_it_lets_no_escape_sequence_through(repository: Repository, recorder: Recorder) -> None:
    hostile = "\x1b[2J\x9b31m\n::set-output name=x::y\u202e"
    recorder.answers = [(201, {}, json.dumps({"state": "proven", "reason": hostile}).encode())]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert "CTL-7 is proven." in done.stderr
    assert not {"\x1b", "\x9b", "\u202e"} & set(done.stderr)
    assert not any(line.startswith("::") for line in done.stderr.splitlines())
