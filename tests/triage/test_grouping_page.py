"""The page that tells why an event landed in its incident, and what has been merged into it or split off."""

from typing import Any

import pytest
from django.test import Client

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentFingerprint, IncidentMerge
from incidents.triage.workflows import grouping_page_read, incident_merge, incident_split, incident_unmerge
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_captured_error, a_viewer, an_engineer, an_incident
from tests.triage.test_grouping_upgrade import of_version_1
from tests.triage.test_merging import happens

pytestmark = pytest.mark.django_db
QUERIES = 14
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def engineer() -> Client:
    client = Client()
    client.force_login(an_engineer())
    return client


def shown(client: Client, incident: Incident, **query: Any) -> str:
    answer = client.get(f"/incidents/{incident.public_id}/grouping/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def came(incident: Incident) -> list[tuple[str, str, str]]:
    found = grouping_page_read(incident_id=incident.pk).hashes
    return [(one.came.kind, one.came.other, one.came.actor) for one in found]


def test_it_asks_strangers_to_sign_in() -> None:
    assert Client().get("/incidents/INC-1/grouping/").status_code == 302


def test_the_incident_leads_there(engineer: Client) -> None:
    incident = an_incident()
    page = engineer.get(f"/incidents/{incident.public_id}/").content.decode()
    assert f'href="/incidents/{incident.public_id}/grouping/"' in page
    assert f'href="/incidents/merge/?incident={incident.pk}"' in page


def test_it_says_which_rule_decided_and_what_was_hashed(engineer: Client) -> None:
    errors_commit(errors=[a_captured_error()])
    page = shown(engineer, Incident.objects.get())
    for expected in (
        "Why did this event land here?", "the frames of your own code decided", "shop.orders:settle", "1 of 2 frames",
        "library: frames of your own code are there", "by version 2 of the algorithm", "Line numbers never count",
    ):  # fmt: skip
        assert expected in page, expected
    assert "under another hash" not in page


def test_it_shows_a_message_before_and_after(engineer: Client) -> None:
    errors_commit(errors=[a_captured_error(exception=None, message="order 4711 failed")])
    page = shown(engineer, Incident.objects.get())
    assert "order 4711 failed" in page
    assert "order &lt;number&gt; failed" in page


def test_an_event_of_an_older_version_is_told_as_such(engineer: Client) -> None:
    errors_commit(errors=[of_version_1()])
    page = shown(engineer, Incident.objects.get())
    assert "earlier version of the algorithm" in page
    assert "version 1, superseded" in page


def test_it_tells_how_each_hash_came() -> None:
    errors_commit(errors=[of_version_1()])
    own = Incident.objects.get()
    errors_commit(errors=[a_captured_error()])
    other = an_incident(fingerprint=["two"])
    incident_merge(source_ids=[other.pk], target_id=own.pk, actor=ANYBODY)
    assert came(own) == [("own", "", ""), ("upgraded", "", ""), ("merged", other.public_id, "Ada")]
    moved = IncidentFingerprint.objects.filter(incident=own).latest("pk")
    new = Incident.objects.get(
        pk=incident_split(incident_id=own.pk, fingerprint_ids=[moved.pk], actor=ANYBODY).incident_id
    )
    assert came(new) == [("split", own.public_id, "Ada")]
    incident_merge(source_ids=[new.pk], target_id=own.pk, actor=ANYBODY)
    assert came(own)[-1] == ("merged", new.public_id, "Ada")
    incident_unmerge(merge_id=IncidentMerge.objects.latest("pk").pk, actor=ANYBODY)
    assert came(new) == [("split", own.public_id, "Ada")]


def test_the_chosen_hash_is_the_one_that_is_explained(engineer: Client) -> None:
    one = an_incident(fingerprint=["one"])
    other = an_incident(fingerprint=["two"], exception=None, message="quite another thing")
    incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
    first, second = IncidentFingerprint.objects.filter(incident=one).order_by("pk")
    assert "one" in [part.text for part in explained(one, first.pk)]
    assert "two" in [part.text for part in explained(one, second.pk)]
    assert "The newest event of the chosen hash" in shown(engineer, one, hash=second.pk)


def explained(incident: Incident, fingerprint_id: int) -> Any:
    why = grouping_page_read(incident_id=incident.pk, fingerprint_id=fingerprint_id).why
    assert why is not None
    assert why.agrees
    return why.parts


def test_counts_are_bounded_and_times_are_of_what_is_stored() -> None:
    incident = an_incident(fingerprint=["one"])
    happens("one", "one")
    stored = grouping_page_read(incident_id=incident.pk).hashes[0].stored
    assert stored is not None
    assert stored.events == 3
    assert stored.first_seen <= stored.last_seen
    assert stored.first_seen.tzinfo is not None
    assert stored.last_type == "KeyError"


def test_past_retention_it_says_so(engineer: Client) -> None:
    incident = an_incident(incident={"last_error_id": "err_gone"})
    assert "The newest event that is left" in shown(engineer, incident)
    with atomic_write():
        IncidentFingerprint.objects.filter(incident=incident).update(fingerprint="0" * 32)
    page = shown(engineer, incident)
    assert "kept in full any more" in page
    assert "nothing kept" in page


@pytest.mark.parametrize("query", ["?page=x", "?page=999", "?hash=x", "?hash=9999999999999999999999", "?hash=7"])
def test_it_answers_nonsense_with_a_page(engineer: Client, query: str) -> None:
    assert engineer.get(f"/incidents/{an_incident().public_id}/grouping/{query}").status_code == 200


def test_what_is_no_incident_is_not_found(engineer: Client) -> None:
    assert engineer.get("/incidents/INC-987654/grouping/").status_code == 404
    assert engineer.get("/incidents/INC-987654/split/").status_code == 404
    assert engineer.get("/incidents/merges/987654/undo/").status_code == 404
    assert engineer.get("/incidents/merge/?incident=987654").status_code == 404


def test_hostile_words_are_text(engineer: Client) -> None:
    one = an_incident(fingerprint=[HOSTILE], exception=None, message=HOSTILE, transaction=HOSTILE)
    other = an_incident(exception={"values": [{"type": HOSTILE, "value": HOSTILE}]}, fingerprint=None)
    for incident in (one, other):
        assert "<script>alert(1)" not in shown(engineer, incident)
    pair = f"incident={one.pk}&incident={other.pk}"
    for path in (f"merge/?{pair}", f"merge/?{pair}&into={one.pk}", f"merge/?incident={one.pk}&q=%3Cscript%3Ealert(1)"):
        assert "<script>alert(1)" not in engineer.get(f"/incidents/{path}").content.decode()


def test_a_viewer_reads_and_is_offered_nothing() -> None:
    viewer, incident = Client(), an_incident()
    viewer.force_login(a_viewer())
    page = shown(viewer, incident)
    assert "/incidents/merge/" not in page
    assert 'type="checkbox"' not in page
    assert "Choose INC-" not in viewer.get("/incidents/").content.decode()


def test_its_queries_do_not_grow_with_hashes_or_events(engineer: Client, django_assert_max_num_queries: Any) -> None:
    incident = an_incident(fingerprint=["one"])
    others = [an_incident() for _ in range(15)]
    incident_merge(source_ids=[other.pk for other in others], target_id=incident.pk, actor=ANYBODY)
    with atomic_write():
        IncidentFingerprint.objects.bulk_create(
            IncidentFingerprint(project_id=1, version=2, fingerprint=f"{n:032x}", incident=incident) for n in range(60)
        )
    happens(*["one"] * 20)
    with django_assert_max_num_queries(QUERIES):
        page = shown(engineer, incident)
    assert "1–20 of 76" in page
    with django_assert_max_num_queries(QUERIES):
        shown(engineer, incident, page=3)
