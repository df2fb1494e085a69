"""Splitting: a hash of an incident becomes an incident of its own, and later events find it there."""

from dataclasses import replace
from typing import Any

import pytest

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentFingerprint, IncidentMerge, TimelineEntry
from incidents.triage.workflows import incident_merge, incident_split, incident_unmerge
from readiness.infra.actor import Actor
from readiness.infra.refusals import Conflict, Invalid, NotFound
from tests.factories import a_captured_error, an_incident
from tests.triage.test_merging import figures, happens

pytestmark = pytest.mark.django_db
ADA = Actor("person", "ada@example.test", 1)


def hashes(incident: Incident) -> list[int]:
    return list(IncidentFingerprint.objects.filter(incident=incident).order_by("pk").values_list("pk", flat=True))


def joined(**fields: Any) -> tuple[Incident, Incident]:
    """`one` holds the hashes `one` and `two`, by a merge."""
    one, two = an_incident(fingerprint=["one"]), an_incident(**{"fingerprint": ["two"], **fields})
    incident_merge(source_ids=[two.pk], target_id=one.pk, actor=ADA)
    return one, two


def split(incident: Incident, *ids: int) -> Incident:
    return Incident.objects.get(pk=incident_split(incident_id=incident.pk, fingerprint_ids=ids, actor=ADA).incident_id)


def test_a_split_sticks() -> None:
    one, _ = joined(exception=None, message="the mail was not sent", release="shop@2.0.0")
    happens("two", exception=None, message="the mail was not sent", release="shop@2.0.0")
    new = split(one, hashes(one)[1])
    assert (new.title, new.status, new.last_release) == ("the mail was not sent", "detected", "shop@2.0.0")
    assert (figures(new), figures(one)) == ((2, 2, 2), (1, 1, 1))
    assert happens("one", "two", "two") == [one.public_id, new.public_id, new.public_id]
    assert (figures(new), figures(one)) == ((4, 4, 4), (2, 2, 2))


def test_the_old_incident_says_what_its_own_events_say() -> None:
    one, _ = joined(release="shop@2.0.0")
    assert Incident.objects.get(pk=one.pk).last_release == "shop@2.0.0"
    split(one, hashes(one)[1])
    assert Incident.objects.get(pk=one.pk).last_release == "shop@1.0.0"
    kinds = list(TimelineEntry.objects.filter(incident=one).values_list("kind", flat=True))
    assert kinds == ["detected", "merged", "split"]


def test_what_was_split_off_does_not_come_back_when_the_merge_is_undone() -> None:
    one, two = joined()
    new = split(one, hashes(one)[1])
    incident_unmerge(merge_id=IncidentMerge.objects.get().pk, actor=ADA)
    assert happens("two") == [new.public_id]
    two.refresh_from_db()
    assert two.status == "detected"


def test_a_hash_that_an_upgrade_attached_splits_off_for_good() -> None:
    """The older hash still leads to the old incident; the new one, once split off, is known and is not asked again."""
    old = a_captured_error(fingerprint=["one"])
    assert old.previous is not None
    errors_commit(errors=[replace(old, fingerprint=old.previous(), fingerprint_version=1, previous=None)])
    one = Incident.objects.get()
    happens("one")
    new = split(one, IncidentFingerprint.objects.get(version=2).pk)
    assert happens("one") == [new.public_id]


def test_undoing_a_merge_takes_along_what_an_upgrade_attached_since() -> None:
    old = a_captured_error(fingerprint=["one"])
    assert old.previous is not None
    errors_commit(errors=[replace(old, fingerprint=old.previous(), fingerprint_version=1, previous=None)])
    source, target = Incident.objects.get(), an_incident(fingerprint=["other"])
    incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ADA)
    assert happens("one") == [target.public_id]
    incident_unmerge(merge_id=IncidentMerge.objects.get().pk, actor=ADA)
    assert happens("one") == [source.public_id]
    assert (figures(source)[0], figures(target)[0]) == (3, 1)


def test_it_refuses_nonsense() -> None:
    one, two = joined()
    ids = hashes(one)
    with pytest.raises(Invalid, match="choose at least one"):
        incident_split(incident_id=one.pk, fingerprint_ids=[], actor=ADA)
    with pytest.raises(Conflict, match="would have no hash left"):
        incident_split(incident_id=one.pk, fingerprint_ids=ids, actor=ADA)
    with pytest.raises(Conflict, match="no hash of"):
        incident_split(incident_id=one.pk, fingerprint_ids=[987_654], actor=ADA)
    with pytest.raises(Conflict, match="split it there"):
        incident_split(incident_id=two.pk, fingerprint_ids=ids, actor=ADA)
    with pytest.raises(NotFound):
        incident_split(incident_id=987_654, fingerprint_ids=ids, actor=ADA)
    new = split(one, ids[1])
    with pytest.raises(Conflict, match="no hash of"):
        incident_split(incident_id=one.pk, fingerprint_ids=[ids[1]], actor=ADA)
    assert happens("two") == [new.public_id]
