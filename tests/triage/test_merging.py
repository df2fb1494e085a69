"""Merging: two incidents become one, later events follow, nothing is hidden by it, and it can be undone."""

import datetime as dt
from typing import Any

import pytest

from incidents.errors.workflows import errors_commit
from incidents.lessons.workflows import incident_close, root_cause_write
from incidents.triage import store
from incidents.triage.models import Incident, IncidentHour, IncidentMerge, IncidentRelease
from incidents.triage.workflows import (
    incident_acknowledge,
    incident_merge,
    incident_note,
    incident_set_priority,
    incident_unmerge,
)
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_pending
from readiness.infra.refusals import Conflict, Invalid, NotFound
from readiness.infra.transactions import atomic_write
from tests.factories import a_captured_error, a_control, an_incident

pytestmark = pytest.mark.django_db
ADA = Actor("person", "ada@example.test", 1)


def two(**fields: Any) -> tuple[Incident, Incident]:
    """Two incidents, of the hashes `one` and `two`; `fields` are the second one's."""
    return an_incident(fingerprint=["one"]), an_incident(**{"fingerprint": ["two"], **fields})


def merged(target: Incident, *sources: Incident) -> IncidentMerge:
    incident_merge(source_ids=[source.pk for source in sources], target_id=target.pk, actor=ADA)
    for incident in (target, *sources):
        incident.refresh_from_db()
    return IncidentMerge.objects.latest("pk")


def happens(*names: str, **fields: Any) -> list[str]:
    stored = errors_commit(errors=[a_captured_error(fingerprint=[name], **fields) for name in names])
    return [str(error.incident) for error in stored]


def figures(incident: Incident) -> tuple[int, int, int]:
    incident.refresh_from_db()
    return (
        incident.occurrences,
        sum(row.occurrences for row in IncidentRelease.objects.filter(incident=incident)),
        sum(row.occurrences for row in IncidentHour.objects.filter(incident=incident)),
    )


def test_later_events_of_both_count_into_the_target() -> None:
    target, source = two(release="shop@2.0.0")
    merged(target, source)
    assert (source.status, source.merged_into_id) == ("merged", target.pk)
    assert happens("one", "two") == [target.public_id] * 2
    assert figures(target) == (4, 4, 4)
    assert figures(source) == (1, 1, 1)
    places = {row.release for row in IncidentRelease.objects.filter(incident=target)}
    assert places == {"shop@1.0.0", "shop@2.0.0"}


def test_the_target_was_seen_when_either_was() -> None:
    now = utcnow().replace(microsecond=0)
    early, late = ((now - dt.timedelta(hours=hours)).isoformat() for hours in (9, 1))
    target = an_incident(fingerprint=["one"], timestamp=(now - dt.timedelta(hours=5)).isoformat())
    older = an_incident(fingerprint=["two"], timestamp=early)
    newer = an_incident(fingerprint=["three"], timestamp=late, release="shop@3.0.0", environment="staging")
    merged(target, older, newer)
    assert (target.first_seen.isoformat(), target.last_seen.isoformat()) == (early, late)
    assert (target.first_error_id, target.last_error_id) == (older.first_error_id, newer.last_error_id)
    assert (target.last_release, target.last_environment) == ("shop@3.0.0", "staging")


def test_the_timelines_are_read_together() -> None:
    target, source = two()
    incident_note(incident_id=source.pk, text="seen by support first", actor=ADA)
    merged(target, source)
    texts = [entry.text for entry in store.timeline_of(target.pk, merged=store.merged_ids(target.pk))]
    assert "seen by support first" in texts
    assert any("was merged into this one by ada" in text for text in texts)


def test_the_graver_priority_wins_so_that_no_blocker_goes_by_being_merged() -> None:
    target, source = two()
    incident_set_priority(incident_id=source.pk, priority="P0", actor=ADA)
    merge = merged(target, source)
    assert (target.priority, target.priority_confirmed) == ("P0", True)
    assert [incident.pk for incident in store.incidents_blocking()] == [target.pk]
    incident_unmerge(merge_id=merge.pk, actor=ADA)
    target.refresh_from_db()
    assert target.priority == "P2"


def test_a_merged_incident_counts_nowhere_else() -> None:
    target, source = two()
    merged(target, source)
    assert store.incidents_open_count() == 1
    now = utcnow()
    window: dict[str, Any] = {"since": now - dt.timedelta(hours=1), "until": now + dt.timedelta(hours=1)}
    assert [incident.pk for incident in store.incidents_in_window(**window)] == [target.pk]
    assert sum(store.severity_counts(**window).values()) == 1
    assert store.incidents_like(target, **window) == []


def test_a_merged_incident_is_frozen() -> None:
    target, source = two()
    merged(target, source)
    with pytest.raises(Conflict, match=rf"was merged into {target.public_id}; do it there"):
        incident_acknowledge(incident_id=source.pk, actor=ADA)
    with pytest.raises(Conflict, match="do it there"):
        root_cause_write(incident_id=source.pk, text="It broke.", actor=ADA)
    with pytest.raises(Conflict, match="do it there"):
        incident_close(incident_id=source.pk, actor=ADA)


# --- refusals -------------------------------------------------------------------------------------------------------


def test_it_refuses_nonsense() -> None:
    target, source = two()
    with pytest.raises(Invalid, match="cannot be merged into itself"):
        incident_merge(source_ids=[target.pk], target_id=target.pk, actor=ADA)
    with pytest.raises(Invalid, match="choose at least two"):
        incident_merge(source_ids=[], target_id=target.pk, actor=ADA)
    with pytest.raises(Invalid, match="At most 20"):
        incident_merge(source_ids=range(1_000, 1_030), target_id=target.pk, actor=ADA)
    with pytest.raises(NotFound, match="INC-987654"):
        incident_merge(source_ids=[987_654], target_id=target.pk, actor=ADA)
    with pytest.raises(NotFound):
        incident_merge(source_ids=[source.pk], target_id=987_654, actor=ADA)


def test_it_refuses_to_merge_twice_or_into_a_merged_one() -> None:
    target, source = two()
    other = an_incident(fingerprint=["three"])
    merged(target, source)
    with pytest.raises(Conflict, match=rf"INC-{source.pk} was merged into INC-{target.pk} already"):
        incident_merge(source_ids=[source.pk], target_id=other.pk, actor=ADA)
    with pytest.raises(Conflict, match="was merged into"):
        incident_merge(source_ids=[other.pk], target_id=source.pk, actor=ADA)
    assert happens("three") == [other.public_id]


def test_projects_and_samples_stay_apart() -> None:
    target = an_incident(fingerprint=["one"])
    elsewhere, sample = an_incident(fingerprint=["two"]), an_incident(fingerprint=["three"])
    with atomic_write():
        Incident.objects.filter(pk=elsewhere.pk).update(project_id=2)
        Incident.objects.filter(pk=sample.pk).update(synthetic=True)
    with pytest.raises(Conflict, match="different projects"):
        incident_merge(source_ids=[elsewhere.pk], target_id=target.pk, actor=ADA)
    with pytest.raises(Conflict, match="A sample must not count"):
        incident_merge(source_ids=[sample.pk], target_id=target.pk, actor=ADA)


def test_what_people_wrote_is_never_merged_away() -> None:
    target, source = two()
    root_cause_write(incident_id=source.pk, text="Nobody checked.", actor=ADA)
    a_control(incident=source)
    with pytest.raises(Conflict, match=rf"has a root cause and 1 control.*keep INC-{source.pk}"):
        incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ADA)
    incident_merge(source_ids=[target.pk], target_id=source.pk, actor=ADA)
    assert happens("one") == [source.public_id]


def test_two_that_both_have_lessons_are_kept_apart() -> None:
    target, source = two()
    for incident in (target, source):
        root_cause_write(incident_id=incident.pk, text="Nobody checked.", actor=ADA)
    with pytest.raises(Conflict, match="keep both"):
        incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ADA)


# --- resolved ones --------------------------------------------------------------------------------------------------


def closed(minutes: int = 5, **fields: Any) -> Incident:
    """Closed some minutes ago, last seen in shop@1.0.0 before that."""
    ended = utcnow() - dt.timedelta(minutes=minutes)
    return an_incident(
        fingerprint=["one"], timestamp=(ended - dt.timedelta(hours=1)).isoformat(),
        incident={"status": "closed", "closed_at": ended, **fields},
    )  # fmt: skip


def test_a_closed_incident_recurs_when_what_joins_it_came_after_in_a_new_release() -> None:
    target = closed()
    source = an_incident(fingerprint=["two"], release="shop@2.0.0", trusted=True)
    merged(target, source)
    assert (target.status, target.recurrences, target.recurrence_confirmed) == ("recurred", 1, True)
    assert [message.topic for message in outbox_pending(utcnow())] == ["incident.recurred", "notice"]


def test_under_a_public_key_that_recurrence_waits_for_a_person() -> None:
    target = closed()
    merged(target, an_incident(fingerprint=["two"], release="shop@2.0.0"))
    assert (target.status, target.recurrence_confirmed) == ("recurred", False)
    assert not outbox_pending(utcnow()).exists()


def test_what_came_before_the_end_reopens_nothing() -> None:
    target = closed()
    early = (utcnow() - dt.timedelta(hours=3)).isoformat()
    merged(target, an_incident(fingerprint=["two"], release="shop@2.0.0", timestamp=early))
    assert target.status == "closed"


def test_a_graver_open_incident_does_not_end_in_a_closed_one() -> None:
    target = closed(priority="P3")
    early = (utcnow() - dt.timedelta(hours=3)).isoformat()
    source = an_incident(fingerprint=["two"], timestamp=early, incident={"priority": "P1"})
    with pytest.raises(Conflict, match="would end unproven"):
        incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ADA)


def test_a_merged_hash_reopens_its_closed_target_like_its_own() -> None:
    target, source = two()
    merged(target, source)
    with atomic_write():
        past = utcnow() - dt.timedelta(minutes=5)
        Incident.objects.filter(pk=target.pk).update(status="closed", closed_at=past)
        IncidentRelease.objects.filter(incident=target).update(first_seen=past - dt.timedelta(hours=1))
    happens("two", release="shop@1.0.0")
    target.refresh_from_db()
    assert target.status == "closed"
    happens("two", release="shop@9.0.0")
    target.refresh_from_db()
    assert target.status == "recurred"


# --- undone ---------------------------------------------------------------------------------------------------------


def test_undone_each_has_its_own_again_also_what_came_since() -> None:
    target, source = two(release="shop@2.0.0")
    merge = merged(target, source)
    happens("one", "two", "two", release="shop@2.0.0")
    incident_unmerge(merge_id=merge.pk, actor=ADA)
    source.refresh_from_db()
    assert (source.status, source.merged_into_id) == ("detected", None)
    assert figures(source) == (3, 3, 3)
    assert figures(target) == (2, 2, 2)
    assert happens("one", "two") == [target.public_id, source.public_id]
    assert (figures(target), figures(source)) == ((3, 3, 3), (4, 4, 4))


def test_undoing_gives_back_what_the_merge_changed_and_nothing_else() -> None:
    now = utcnow().replace(microsecond=0)
    target = an_incident(fingerprint=["one"], timestamp=(now - dt.timedelta(hours=1)).isoformat())
    before = (target.first_seen, target.last_seen, target.first_error_id, target.last_error_id, target.severity)
    source = an_incident(
        fingerprint=["two"], timestamp=(now - dt.timedelta(hours=9)).isoformat(), level="fatal", release="shop@0.1.0"
    )
    merge = merged(target, source)
    assert target.severity == "CRITICAL"
    incident_set_priority(incident_id=target.pk, priority="P0", actor=ADA)
    incident_unmerge(merge_id=merge.pk, actor=ADA)
    target.refresh_from_db()
    after = (target.first_seen, target.last_seen, target.first_error_id, target.last_error_id, target.severity)
    assert after == before
    assert target.priority == "P0"


def test_undoing_one_of_two_merges_leaves_what_the_other_asks() -> None:
    target, one, other = (an_incident(fingerprint=[name]) for name in ("one", "two", "three"))
    for source in (one, other):
        incident_set_priority(incident_id=source.pk, priority="P1", actor=ADA)
    merged(target, one, other)
    incident_unmerge(merge_id=IncidentMerge.objects.get(source=one).pk, actor=ADA)
    target.refresh_from_db()
    assert target.priority == "P1"
    assert figures(target) == (2, 2, 2)


def test_it_is_undone_once_and_only_where_it_is() -> None:
    target, source = two()
    merge = merged(target, source)
    incident_unmerge(merge_id=merge.pk, actor=ADA)
    with pytest.raises(Conflict, match="already, by ada"):
        incident_unmerge(merge_id=merge.pk, actor=ADA)
    with pytest.raises(NotFound):
        incident_unmerge(merge_id=987_654, actor=ADA)
    merged(target, source)
    assert happens("two") == [target.public_id]


def test_merges_of_merges_lead_to_the_last_one_in_one_step() -> None:
    one, two_, three = (an_incident(fingerprint=[name]) for name in ("one", "two", "three"))
    inner = merged(two_, one)
    outer = merged(three, two_)
    one.refresh_from_db()
    assert one.merged_into_id == three.pk
    assert happens("one", "two", "three") == [three.public_id] * 3
    with pytest.raises(Conflict, match="undo that merge first"):
        incident_unmerge(merge_id=inner.pk, actor=ADA)
    incident_unmerge(merge_id=outer.pk, actor=ADA)
    one.refresh_from_db()
    assert one.merged_into_id == two_.pk
    assert happens("one", "two", "three") == [two_.public_id, two_.public_id, three.public_id]
    incident_unmerge(merge_id=inner.pk, actor=ADA)
    assert happens("one", "two") == [one.public_id, two_.public_id]
    assert [figures(incident)[0] for incident in (one, two_, three)] == [4, 4, 3]


def test_an_incident_that_was_closed_before_the_merge_recurs_by_what_came_since() -> None:
    source = closed()
    target = an_incident(fingerprint=["two"])
    merge = merged(target, source)
    happens("one", release="shop@7.0.0")
    incident_unmerge(merge_id=merge.pk, actor=ADA)
    source.refresh_from_db()
    assert (source.status, source.recurrences) == ("recurred", 1)
