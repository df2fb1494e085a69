"""@sentry/node as it is, in a process of its own, against the running console: nothing of either is a stand-in."""

import json
from pathlib import Path
from typing import Any

import pytest

from incidents.errors.adapters import error_view
from incidents.errors.models import CheckIn, DroppedCount, ErrorEvent, Monitor, UserReport
from tests.console import Console
from tests.javascript import node
from tests.servers import wait_until

pytestmark = pytest.mark.once

PROGRAM = Path(__file__).parent / "sdk" / "program.cjs"


@pytest.fixture(scope="module")
def sent(console: Console) -> dict[str, Any]:
    """What one run of the program left behind; a tenant of its own, so that no other test's errors are among it."""
    made = json.loads(console.manage("onboard_tenant", "shop-node", "--json").stdout)
    done = node(PROGRAM, made["dsn"])
    assert done.returncode == 0, done.stderr
    with console.tables():
        said = DroppedCount.objects.filter(project_id=made["project_id"])  # gathered for a second before it is written
        wait_until(said.exists, what="what the SDK said that it dropped")
        rows: dict[str, list[Any]] = {
            model.__name__: list(model.objects.filter(project_id=made["project_id"]))
            for model in (ErrorEvent, UserReport, CheckIn, Monitor, DroppedCount)
        }
    errors = {error.message: error for error in rows["ErrorEvent"]}
    return {**rows, "errors": errors, "views": {message: error_view(error) for message, error in errors.items()}}


def test_it_stores_each_error_once_and_nothing_beside(sent: dict[str, Any]) -> None:
    assert sorted(error.message for error in sent["ErrorEvent"]) == [
        "a promise that nobody held",
        "asked about",
        "no such order",
        "the charge failed",
        "the queue is long",
    ]
    assert {(error.release, error.environment) for error in sent["ErrorEvent"]} == {("shop-node@1.2.0", "staging")}


def test_it_keeps_the_chain_of_causes_the_level_and_the_place(sent: dict[str, Any]) -> None:
    charge = sent["errors"]["the charge failed"]
    assert charge.exception_chain == ["Error: the charge failed", "TypeError: card [Filtered] was refused"]
    frames = sent["views"]["the charge failed"].exceptions[0].frames
    assert (frames[0].place.rsplit("/", 1)[-1], frames[0].function) == ("program.cjs", "charge")
    assert "throw new Error" in "".join(line for _, line in frames[0].lines)
    assert (charge.severity, sent["errors"]["the queue is long"].severity) == ("ERROR", "WARNING")


def test_it_keeps_the_request_without_its_query_and_the_trace_that_it_was_in(sent: dict[str, Any]) -> None:
    order = sent["errors"]["no such order"]
    shown = sent["views"]["no such order"]
    assert shown.request.startswith("GET http://127.0.0.1:")
    assert shown.request.endswith("/orders/12")
    assert order.layer == "L2"
    assert len(order.correlation_id) == 32
    assert order.correlation_id == sent["UserReport"][0].correlation_id, "one program, one trace"


def test_no_card_no_address_and_no_token_of_it_is_stored(sent: dict[str, Any]) -> None:
    kept = json.dumps([str(vars(error)) for error in sent["ErrorEvent"]] + [str(v) for v in sent["views"].values()])
    for secret in ("4111", "ada@example.test", "s3cret-s3cret"):
        assert secret not in kept


def test_what_the_user_said_leads_to_the_error_and_not_to_the_user(sent: dict[str, Any]) -> None:
    (said,) = sent["UserReport"]
    asked = sent["errors"]["asked about"]
    assert said.comments == "[Filtered] here: I paid twice, write to [Filtered]"
    assert said.error_id == asked.error_id
    assert said.fingerprint in (asked.fingerprint, ""), "the SDK sends both at once: either may come first"
    assert said.user_hash == asked.context["user_hash"], "the same person, whoever it is"


def test_a_job_is_one_run_with_its_schedule(sent: dict[str, Any]) -> None:
    (run,) = sent["CheckIn"]
    (job,) = sent["Monitor"]
    assert (run.monitor, run.status) == ("nightly-report", "ok")
    assert (job.schedule, job.timezone, job.margin_minutes, job.longest_minutes) == (
        "0 4 * * *", "Europe/Berlin", 5, 10,
    )  # fmt: skip
    assert (job.last_check_in_id, job.last_ok_at is not None) == (run.check_in_id, True)


def test_what_the_sdk_dropped_itself_is_counted(sent: dict[str, Any]) -> None:
    assert [(drop.source, drop.reason, drop.quantity) for drop in sent["DroppedCount"]] == [("sdk", "before_send", 1)]
