"""One id from browser or caller through API, workflow, outbox, worker and error, in a console as it really runs; and
what its log files say of it.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.plugin import DjangoDbBlocker

from incidents.triage.models import Incident
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.browser import OpenPage, axe, sign_in
from tests.console import Console, running_console
from tests.databases import Template
from tests.servers import wait_until

pytestmark = pytest.mark.once


SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.triage.traced_settings"}
Events = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def traced(
    template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    """A console whose view, job and handler break (tests.triage.traced_breaks)."""
    home = tmp_path_factory.mktemp("traced") / "home"
    with running_console(template_database, django_db_blocker, home, env=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def reader(traced: Console) -> str:
    return traced.key("ops:read")


@pytest.fixture
def trace() -> str:
    return secrets.token_hex(16)


def header(trace: str) -> str:
    return f"00-{trace}-{secrets.token_hex(8)}-01"


def story(console: Console, reader: str, trace: str, *, until: Callable[[Events], object]) -> Events:
    """The correlation's events by kind, once they are all there."""
    found: Events = {}

    def complete() -> bool:
        answer = console.call("GET", f"/ops/correlations/{trace}", key=reader)
        found.clear()
        for event in answer.json().get("events", ()):
            found.setdefault(event["kind"], []).append(event)
        return answer.status == 200 and bool(until(found))

    wait_until(complete, what=f"the whole story of {trace}", within_s=40, log=console.home / "logs" / "worker.log")
    return found


def an_envelope(**fields: Any) -> dict[str, Any]:
    known = {"layer": "L4", "component": "billing.engine", "error_class": "domain.policy", "severity": "ERROR"}
    return {**known, "message": f"Refused {secrets.token_hex(4)}", **fields}


def test_it_follows_a_browser_through_api_outbox_worker_and_error(
    traced: Console, reader: str, open_page: OpenPage, trace: str
) -> None:
    page = sign_in(open_page(traced))
    page.goto("/operations/")
    page.set_extra_http_headers({"traceparent": header(trace)})
    with page.expect_response(lambda answer: "/run/" in answer.url) as answered:
        page.get_by_role("button", name="Run Retention now").click()
    assert answered.value.headers["x-correlation-id"] == trace
    page.set_extra_http_headers({})

    found = story(traced, reader, trace, until=_all_of_it)
    assert [event["component"] for event in found["outbox"]] == ["outbox.job.run"] * 2
    assert [event["component"] for event in found["error"]] == ["job.retention"]
    assert found["error"][0]["title"] == "LookupError: nothing to forget"
    assert found["job"][0]["severity"] == "action"
    assert found["incident"][0]["incident"] == found["error"][0]["incident"]
    _reads_on_the_page(page, trace)


def _reads_on_the_page(page: Page, trace: str) -> None:
    page.goto("/correlations/")
    page.get_by_role("searchbox").fill(header(trace))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/correlations/{trace}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("What happened together?")
    sequence = page.get_by_role("region", name="What happened, in order of time")
    for said in (
        "LookupError: nothing to forget",
        "is to be done after the commit",
        "was delivered",
        "Job retention failed",
    ):
        expect(sequence).to_contain_text(said)
    assert axe(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _all_of_it(kinds: Events) -> bool:
    """The message, its delivery and the run, and the error and the incident that the run recorded before it ended."""
    return len(kinds.get("outbox", ())) == 2 and kinds.keys() >= {"job", "error", "incident"}


def test_one_id_goes_from_caller_and_browser_to_the_decision(
    traced: Console, reader: str, open_page: OpenPage, trace: str
) -> None:
    """Caller → API → domain service → incident; browser → outbox → Celery task → verdict: one trace, one story."""
    traced.manage("import_program", "phase-1-exit")
    envelope = an_envelope(severity="CRITICAL", component="billing.engine")
    key = traced.demo["keys"]["errors:write"]
    sent = traced.call("POST", "/v1/errors", body=envelope, key=key, headers={"traceparent": header(trace)})
    incident = sent.json()["accepted"][0]["incident"]
    page = sign_in(open_page(traced))
    page.goto("/operations/")
    page.set_extra_http_headers({"traceparent": header(trace)})
    page.get_by_role("button", name="Run Verdicts now").click()
    expect(page.get_by_text("Verdicts is asked for")).to_be_visible()
    page.set_extra_http_headers({})

    found = story(
        traced,
        reader,
        trace,
        until=lambda kinds: len(kinds.get("outbox", ())) == 2 and kinds.keys() >= {"job", "verdict"},
    )
    assert found["verdict"][0]["title"].startswith("phase-1-exit: NO-GO recorded")
    assert found["error"][0]["incident"] == found["incident"][0]["incident"] == incident
    body = traced.call("GET", f"/ops/correlations/{trace}", key=reader).json()
    assert body["components"][:3] == ["billing.engine", "console.incidents", "outbox.job.run"]
    assert set(body["components"][3:]) == {"job.verdicts", "console.verdicts"}
    assert {event["layer"] for event in body["events"]} == {"L4", "L5"}
    in_order = [event["kind"] for event in body["events"] if "delivered" not in event["title"]]
    assert in_order == ["error", "incident", "outbox", "job", "verdict"]
    page.goto(f"/correlations/{trace}/")
    shown = page.get_by_role("region", name="What happened, in order of time").locator("tbody tr").all_inner_texts()
    assert len(shown) == len(body["events"])
    for row, event in zip(shown, body["events"], strict=True):
        assert event["title"] in row


def test_it_follows_a_callers_error_into_the_delivery_of_its_recurrence(
    traced: Console, reader: str, trace: str
) -> None:
    key, envelope = traced.demo["keys"]["errors:write"], an_envelope()
    opened = traced.call("POST", "/v1/errors", body=envelope, key=key).json()["accepted"][0]
    with traced.tables(), atomic_write():
        Incident.objects.filter(pk=int(opened["incident"].removeprefix("INC-"))).update(
            status="prevented", prevented_at=utcnow()
        )
    # A browser that runs Sentry's SDK sends these two, and no traceparent.
    sent = {"sentry-trace": f"{trace}-{secrets.token_hex(8)}-1", "baggage": f"sentry-trace_id={trace}"}
    answer = traced.call("POST", "/v1/errors", body=envelope, key=key, headers=sent)
    assert answer.headers["X-Correlation-Id"] == trace

    def handled(kinds: Events) -> bool:
        return any(event["component"] == "outbox.incident.recurred" for event in kinds.get("error", ()))

    found = story(traced, reader, trace, until=handled)
    assert {event["incident"] for event in found["error"]} >= {opened["incident"]}
    assert {"billing.engine", "outbox.incident.recurred"} <= {event["component"] for event in found["error"]}
    assert "recurred" in found["incident"][0]["title"]
    assert found["outbox"][0]["title"].startswith(f"incident.recurred {opened['incident']}")
    wait_until(lambda: _lines(traced, "worker", rid=trace), what="the line of the failed delivery")
    lines = _lines(traced, "worker", rid=trace)
    assert "outbox.incident.recurred failed" in lines[0]["event"]
    assert {line["tenantId"] for line in lines} == {"demo"}


def test_an_envelope_that_names_a_correlation_keeps_it(traced: Console, reader: str, trace: str) -> None:
    key, own = traced.demo["keys"]["errors:write"], secrets.token_hex(16)
    envelope = an_envelope(correlation_id=own)
    assert (
        traced.call("POST", "/v1/errors", body=envelope, key=key, headers={"traceparent": header(trace)}).status == 201
    )
    assert story(traced, reader, own, until=lambda kinds: "error" in kinds)["error"][0]["title"] == envelope["message"]
    assert traced.call("GET", f"/ops/correlations/{trace}", key=reader).status == 404


def test_errors_without_any_trace_are_not_thrown_together(traced: Console, reader: str) -> None:
    answer = traced.call(
        "POST", "/v1/errors", body=[an_envelope(), an_envelope()], key=traced.demo["keys"]["errors:write"]
    )
    assert answer.status == 201
    assert traced.call("GET", f"/ops/correlations/{answer.headers['X-Correlation-Id']}", key=reader).status == 404


def test_a_tenants_key_does_not_see_the_consoles_own_errors(traced: Console, reader: str, trace: str) -> None:
    key = traced.demo["keys"]["errors:write"]
    assert traced.call("POST", "/v1/break", key=key, headers={"traceparent": header(trace)}).status == 503
    found = story(traced, reader, trace, until=lambda kinds: "error" in kinds)
    assert found["error"][0]["component"] == "/v1/break"
    own = json.loads(traced.manage("create_key", "own", "--scope", "ops:read", "--tenant", "demo", "--json").stdout)[
        "key"
    ]
    assert traced.call("GET", f"/ops/correlations/{trace}", key=own).status == 404


# --- the log files --------------------------------------------------------------------------------------------------


def _all_lines(console: Console) -> dict[str, list[dict[str, Any]]]:
    """The JSON lines of each program's log file."""
    files = sorted(Path(console.home / "logs").glob("*.log"))
    return {
        file.stem: [json.loads(line) for line in file.read_text(errors="replace").splitlines() if line.startswith("{")]
        for file in files
    }


def _lines(console: Console, program: str, *, rid: str) -> list[dict[str, Any]]:
    return [line for line in _all_lines(console)[program] if line["rid"] == rid]


def test_every_line_of_the_log_says_whose_work_it_is(traced: Console, reader: str, trace: str) -> None:
    key = traced.demo["keys"]["errors:write"]
    traced.call("POST", "/v1/break", key=key, headers={"traceparent": header(trace)})
    wait_until(lambda: _lines(traced, "web", rid=trace), what="the line of the broken view")
    [line] = _lines(traced, "web", rid=trace)
    assert (line["tenantId"], line["level"]) == ("demo", "error")
    assert line["event"].startswith("/v1/break failed: the shelf is empty, password=[Filtered]")
    programs = _all_lines(traced)
    assert all(programs[program] for program in ("web", "worker", "beat")), "each of them has something to say"
    assert {(line["rid"], line["tenantId"]) for line in programs["beat"]} == {(None, None)}, "the scheduler is nobody's"
    for program, lines in programs.items():
        for entry in lines:
            assert entry.keys() >= {"ts", "level", "logger", "event", "rid", "tenantId"}, (program, entry)
    assert "hunter2" not in "".join(file.read_text(errors="replace") for file in (traced.home / "logs").glob("*.log"))


def test_the_worker_says_under_which_id_it_received_and_ended_a_task(
    traced: Console, reader: str, open_page: OpenPage, trace: str
) -> None:
    page = sign_in(open_page(traced))
    page.goto("/operations/")
    page.set_extra_http_headers({"traceparent": header(trace)})
    page.get_by_role("button", name="Run Housekeeping now").click()
    expect(page.get_by_text("Housekeeping is asked for")).to_be_visible()
    page.set_extra_http_headers({})
    story(traced, reader, trace, until=lambda kinds: "job" in kinds)

    def said() -> bool:
        events = [line["event"] for line in _lines(traced, "worker", rid=trace)]
        return any("received" in event for event in events) and any("succeeded" in event for event in events)

    wait_until(said, what="both lines of the task", log=traced.home / "logs" / "worker.log")


@pytest.mark.parametrize("named", [{}, {"contexts": {"trace": {"trace_id": "ab" * 16}}}])
def test_an_sdks_event_without_a_trace_takes_that_of_its_request(
    traced: Console, reader: str, trace: str, named: dict[str, Any]
) -> None:
    event = {"event_id": secrets.token_hex(16), "message": f"stuck {secrets.token_hex(4)}", **named}
    sent = "\n".join(json.dumps(part) for part in ({"dsn": traced.dsn}, {"type": "event"}, event)).encode()
    answer = traced.call(
        "POST", f"/api/{traced.demo['project_id']}/envelope/", body=sent, headers={"traceparent": header(trace)}
    )
    assert answer.status == 200
    under = "ab" * 16 if named else trace
    assert story(traced, reader, under, until=lambda kinds: "error" in kinds)["error"][0]["title"] == event["message"]
