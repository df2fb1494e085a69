"""A new version of the grouping algorithm splits nothing: what an older version's hash leads to, the new one joins."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from incidents.errors.services import grouping_v1
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.errors.services.native import native_capture
from incidents.errors.workflows import errors_commit
from incidents.triage.models import GroupingEpoch, Incident, IncidentFingerprint
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import KEYS, a_captured_error

pytestmark = pytest.mark.django_db


def of_version_1(**fields: Any) -> CapturedError:
    """The error as it was captured before the upgrade."""
    error = a_captured_error(**fields)
    assert error.previous is not None
    return replace(error, fingerprint=error.previous(), fingerprint_version=grouping_v1.VERSION, previous=None)


def test_errors_grouped_under_version_1_keep_landing_in_their_incident() -> None:
    errors_commit(errors=[of_version_1()])
    errors_commit(errors=[a_captured_error(), a_captured_error(), a_captured_error()])
    incident = Incident.objects.get()
    assert incident.occurrences == 4
    old, new = IncidentFingerprint.objects.order_by("version")
    assert (old.version, new.version, new.previous) == (grouping_v1.VERSION, GROUPING_VERSION, old)
    assert new.first_error_id


def test_the_attached_hash_is_found_without_the_old_one_from_then_on() -> None:
    errors_commit(errors=[of_version_1()])
    errors_commit(errors=[a_captured_error()])
    asked: list[str] = []

    def older_hash() -> str:
        asked.append("asked")
        return "0" * 32

    errors_commit(errors=[replace(a_captured_error(), previous=older_hash)])
    assert not asked
    assert Incident.objects.get().occurrences == 3


def test_two_new_groups_of_one_old_incident_stay_together() -> None:
    """Version 1 merged what version 2 tells apart: the upgrade splits nothing by itself."""
    one, other = (a_captured_error(message=f"the {word} failed", exception=None) for word in ("mail", "letter"))
    errors_commit(errors=[of_version_1()])
    old = IncidentFingerprint.objects.get().fingerprint
    errors_commit(errors=[replace(error, previous=lambda: old) for error in (one, other)])
    assert Incident.objects.get().occurrences == 3
    assert IncidentFingerprint.objects.filter(version=GROUPING_VERSION).count() == 2


def test_an_error_that_was_never_seen_opens_an_incident() -> None:
    errors_commit(errors=[of_version_1()])
    errors_commit(errors=[a_captured_error(exception=None, message="something else")])
    assert Incident.objects.count() == 2


def test_the_dual_look_up_ends_thirty_days_after_the_first_event_of_the_version() -> None:
    errors_commit(errors=[of_version_1()])
    with atomic_write():
        GroupingEpoch.objects.filter(version=GROUPING_VERSION).update(began_at=utcnow() - dt.timedelta(days=31))
    errors_commit(errors=[a_captured_error()])
    assert Incident.objects.count() == 2


def test_the_beginning_of_a_version_is_noted_once() -> None:
    errors_commit(errors=[a_captured_error()])
    began = GroupingEpoch.objects.get(version=GROUPING_VERSION).began_at
    errors_commit(errors=[a_captured_error(exception=None, message="another")])
    assert GroupingEpoch.objects.get().began_at == began


def an_envelope(number: int) -> CapturedError:
    entry = {
        "layer": "L4", "component": "shop.orders", "error_class": "domain.validation", "severity": "ERROR",
        "message": f"order {number}.5 of cus_8812 is broken",
    }  # fmt: skip
    return native_capture(entry=entry, origin=Origin(1), keys=KEYS, received_at=utcnow())


def test_an_envelope_of_version_1_keeps_its_incident_too() -> None:
    one, other = an_envelope(1), an_envelope(2)
    assert one.previous is not None
    errors_commit(errors=[replace(one, fingerprint=one.previous(), fingerprint_version=1, previous=None)])
    errors_commit(errors=[other])
    assert Incident.objects.get().occurrences == 2
