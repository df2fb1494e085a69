"""A new version of the grouping algorithm splits nothing: what an older version's hash leads to, the new one joins."""

import datetime as dt
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from incidents.errors.services import grouping_v1
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.errors.services.native import native_capture
from incidents.errors.workflows import errors_commit
from incidents.triage.models import GroupingEpoch, Incident, IncidentFingerprint, IncidentMerge
from incidents.triage.workflows import incident_merge, incident_split, incident_unmerge
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, KEYS, a_captured_error, an_incident

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
    errors_commit(errors=[a_captured_error(exception=None, message="the first of version 2")])
    with atomic_write():
        GroupingEpoch.objects.filter(version=GROUPING_VERSION).update(began_at=utcnow() - dt.timedelta(days=31))
    errors_commit(errors=[a_captured_error()])
    assert Incident.objects.count() == 3


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


# --- the version after this one ---------------------------------------------------------------------------------------


def of_the_next_version(name: str, **fields: Any) -> CapturedError:
    """The error as it will be captured when GROUPING_VERSION is raised, and this version frozen."""
    error = a_captured_error(fingerprint=[name], **fields)
    return replace(
        error,
        fingerprint=hashlib.sha256(b"next" + error.fingerprint.encode()).hexdigest()[:32],
        fingerprint_version=GROUPING_VERSION + 1,
        previous=lambda: error.fingerprint,
    )


def lands(*errors: CapturedError) -> list[str]:
    return [str(stored.incident) for stored in errors_commit(errors=list(errors))]


def test_raising_the_version_splits_no_incident() -> None:
    one, two = an_incident(fingerprint=["one"]), an_incident(fingerprint=["two"])
    assert lands(*(of_the_next_version(name) for name in ("one", "two", "one"))) == [
        one.public_id, two.public_id, one.public_id,
    ]  # fmt: skip
    assert Incident.objects.count() == 2
    new = IncidentFingerprint.objects.get(incident=two, version=GROUPING_VERSION + 1)
    assert new.previous is not None
    assert new.previous.version == GROUPING_VERSION


def test_a_merge_survives_the_next_version_and_so_does_its_undoing() -> None:
    target, source = an_incident(fingerprint=["one"]), an_incident(fingerprint=["two"])
    incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ANYBODY)
    assert lands(of_the_next_version("two"), of_the_next_version("one")) == [target.public_id] * 2
    incident_unmerge(merge_id=IncidentMerge.objects.get().pk, actor=ANYBODY)
    assert lands(of_the_next_version("two"), of_the_next_version("one")) == [source.public_id, target.public_id]


def test_a_split_survives_the_next_version() -> None:
    one, two = an_incident(fingerprint=["one"]), an_incident(fingerprint=["two"])
    incident_merge(source_ids=[two.pk], target_id=one.pk, actor=ANYBODY)
    moved = IncidentFingerprint.objects.filter(incident=one).latest("pk")
    new = incident_split(incident_id=one.pk, fingerprint_ids=[moved.pk], actor=ANYBODY).incident_id
    assert lands(of_the_next_version("two"), of_the_next_version("one")) == [f"INC-{new}", one.public_id]


def test_a_hash_that_came_by_two_upgrades_goes_back_with_the_first_one() -> None:
    first = of_version_1()
    errors_commit(errors=[first])
    source, target = Incident.objects.get(), an_incident(fingerprint=["other"])
    incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ANYBODY)
    second = a_captured_error()
    third = replace(
        second, fingerprint="3" * 32, fingerprint_version=GROUPING_VERSION + 1, previous=lambda: second.fingerprint,
        envelope=a_captured_error().envelope,
    )  # fmt: skip
    assert lands(second) == lands(third) == [target.public_id]
    incident_unmerge(merge_id=IncidentMerge.objects.get().pk, actor=ANYBODY)
    assert IncidentFingerprint.objects.filter(incident=source).count() == 3
