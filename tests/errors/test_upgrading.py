"""The envelope's versions: older ones are upgraded, newer ones refused, and rows are read in the present one."""

from types import SimpleNamespace
from typing import Any

import pytest

from incidents.errors.adapters import error_view
from incidents.errors.models import ErrorEvent
from incidents.errors.services.normalising import payload_compress
from incidents.errors.services.upgrading import OLDEST, envelope_upgrade, row_upgrade, version_read
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ENVELOPE_VERSION, ErrorClass
from readiness.infra.refusals import Invalid
from tests.errors.conftest import NativeDoor

# The nine fields of the document's first draft (1.1, requirements 12-20).
DRAFT = {
    "envelope_version": 0,
    "error_id": "err_0123456789ab",
    "timestamp": "2026-01-01T00:00:00Z",
    "layer": "L4",
    "component": "billing.engine",
    "correlation_id": "c-1",
    "decision_id": "dec_1",
    "input_hash": "0123456789abcdef",
    "error_class": "domain.budget",
    "severity": "ERROR",
}
# Its taxonomy (87-89): each of the nine has a place in today's.
DRAFT_CLASSES = ["infra.network", "infra.database", "infra.timeout", "domain.validation", "domain.authorization",
                 "domain.budget", "system.configuration", "system.recovery", "system.corruption"]  # fmt: skip


def an_envelope(**fields: Any) -> dict[str, Any]:
    return {"layer": "L4", "component": "billing.engine", "error_class": "domain.budget_exceeded",
            "severity": "ERROR", "message": "Budget exhausted for run", **fields}  # fmt: skip


def test_the_draft_becomes_the_present_envelope() -> None:
    upgraded = envelope_upgrade(DRAFT, 0)
    assert upgraded["error_class"] == "domain.budget_exceeded"
    assert upgraded["message"] == "domain.budget_exceeded in billing.engine"
    assert "envelope_version" not in upgraded
    assert {**upgraded, "error_class": 0, "message": 0} == {
        **{name: value for name, value in DRAFT.items() if name != "envelope_version"}, "error_class": 0, "message": 0,
    }  # fmt: skip


@pytest.mark.parametrize("error_class", DRAFT_CLASSES)
def test_each_class_of_the_draft_has_its_present_name(error_class: str) -> None:
    assert ErrorClass(envelope_upgrade({**DRAFT, "error_class": error_class}, 0)["error_class"])


def test_a_present_one_passes_as_it_is_and_every_known_version_has_a_way() -> None:
    assert envelope_upgrade(an_envelope(), ENVELOPE_VERSION) == an_envelope()
    for version in range(OLDEST, ENVELOPE_VERSION + 1):
        assert envelope_upgrade(an_envelope(), version) == an_envelope()
    for version in (OLDEST - 1, ENVELOPE_VERSION + 1):
        with pytest.raises(ValueError, match="envelope_version"):
            envelope_upgrade(an_envelope(), version)


@pytest.mark.parametrize("broken", [{"error_class": []}, {"error_class": None}, {"component": {}}, {"message": 7}])
def test_what_is_wrong_with_a_draft_is_left_to_the_check(broken: dict[str, Any]) -> None:
    assert envelope_upgrade({**DRAFT, **broken}, 0)["severity"] == "ERROR"


def test_a_missing_version_is_the_first_that_had_no_field_for_it() -> None:
    assert version_read(an_envelope()) == 1
    assert version_read({"envelope_version": None}) == 1


@pytest.mark.parametrize("sent", [True, "1", 1.5, -1, [1]])
def test_what_is_no_version_is_refused(sent: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        version_read({"envelope_version": sent})
    assert refusal.value.errors[0].detail.startswith("A whole number from 0 to 1 is needed")


def test_the_door_stores_an_older_one_upgraded_and_says_what_came(native: NativeDoor) -> None:
    assert native.post(DRAFT).status_code == 201
    event = ErrorEvent.objects.get()
    assert (event.error_class, event.message) == ("domain.budget_exceeded", "domain.budget_exceeded in billing.engine")
    assert (event.envelope_version, event.context) == (ENVELOPE_VERSION, {"sent_version": 0})
    assert (event.decision_id, event.input_hash) == ("dec_1", "0123456789abcdef")
    assert native.post(DRAFT).status_code == 201  # a retry is one error
    assert ErrorEvent.objects.count() == 1


def test_the_door_takes_the_present_one_named_or_not(native: NativeDoor) -> None:
    assert native.post(an_envelope(error_id="err_0123456789ab", envelope_version=1)).status_code == 201
    assert native.post(an_envelope(error_id="err_0123456789ab")).status_code == 201
    event = ErrorEvent.objects.get()  # one error, told of twice
    assert (event.envelope_version, event.context) == (1, {})


def test_the_door_refuses_a_newer_one_and_says_what_to_do(native: NativeDoor) -> None:
    answer = native.post(an_envelope(envelope_version=2, shape="of tomorrow"))
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/0/envelope_version"
    assert "Version 2 is newer than this console" in error["detail"]
    assert "Update the console, or send version 1." in error["detail"]
    assert not ErrorEvent.objects.exists()
    both = native.post([an_envelope(), an_envelope(envelope_version=99)])
    assert (both.status_code, len(both.json()["accepted"]), len(both.json()["rejected"])) == (200, 1, 1)


def test_a_row_of_an_older_version_is_shown_in_the_present_one() -> None:
    row = SimpleNamespace(
        **{**DRAFT, "message": ""}, at=utcnow(), context={}, release=None, environment="production",
        payload=payload_compress(b"{}"), exception_type=None, exception_chain=[],
    )  # fmt: skip
    view = error_view(row)
    assert (view.error_class, view.message) == ("domain.budget_exceeded", "domain.budget_exceeded in billing.engine")
    newer = row_upgrade({"error_class": "infra.weather"}, ENVELOPE_VERSION + 1)
    assert newer == {"error_class": "infra.weather"}
