"""Merging, splitting and undoing by hand: what each page says before, what it does, and what it refuses."""

from typing import Any

import pytest
from django.test import Client

from incidents.lessons.workflows import root_cause_write
from incidents.triage.models import Incident, IncidentFingerprint, IncidentMerge, IncidentSplit
from incidents.triage.store import timeline_of
from incidents.triage.workflows import incident_merge
from tests.factories import ANYBODY, a_founder, a_viewer, an_api_key, an_engineer, an_incident
from tests.triage.test_merging import figures, happens

pytestmark = pytest.mark.django_db
MERGE = "/incidents/merge/"


@pytest.fixture
def engineer() -> Client:
    client = Client()
    client.force_login(an_engineer(email="grace@example.test"))
    return client


def two(**fields: Any) -> tuple[Incident, Incident]:
    return an_incident(fingerprint=["one"]), an_incident(**{"fingerprint": ["two"], **fields})


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def seen(answer: Any) -> list[str]:
    """What the confirmation carries along of what the person saw."""
    preview = answer.context["preview"]
    return [f"{pk}:{moves}" for pk, moves in preview.seen.items()]


def test_the_list_offers_the_choice(engineer: Client) -> None:
    one, other = two()
    page = engineer.get("/incidents/").content.decode()
    assert f'value="{one.pk}" aria-label="Choose {one.public_id}"' in page
    assert 'name="action" value="merge"' in page
    chosen = text(engineer.get(MERGE, {"incident": [one.pk, other.pk]}))
    assert "Which incident stays?" in chosen
    assert chosen.count('type="radio"') == 2


def test_it_says_in_numbers_what_would_happen_and_does_it(engineer: Client) -> None:
    one, other = two()
    happens("one", "two", "two")
    asked: dict[str, Any] = {"incident": [one.pk, other.pk], "into": one.pk}
    preview = engineer.get(MERGE, asked)
    said = text(preview)
    for expected in (
        f"Merge 1 incident into {one.public_id}?", "5 times, now 2", "<dd>2, now 1</dd>",
        f"Later events of {other.public_id}",
    ):  # fmt: skip
        assert expected in said, expected
    assert Incident.objects.filter(status="merged").count() == 0
    done = engineer.post(MERGE, {**asked, "seen": seen(preview)}, follow=True)
    assert f"{other.public_id} was merged into {one.public_id}" in text(done)
    assert figures(one) == (5, 5, 5)
    assert happens("two") == [one.public_id]
    merge = IncidentMerge.objects.get()
    assert (merge.actor, merge.source, merge.target) == ("grace@example.test", other, one)
    for incident in (one, other):
        assert timeline_of(incident.pk)[-1].kind == "merged"


def test_a_merged_incident_leads_to_the_one_that_it_is_now(engineer: Client) -> None:
    one, other = two()
    incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
    answer = engineer.get(f"/incidents/{other.public_id}/", follow=True)
    assert answer.redirect_chain == [(f"/incidents/{one.public_id}/", 302)]
    assert f"{other.public_id} was merged into {one.public_id}" in text(answer)
    assert "Its first event" not in text(answer)
    own = text(engineer.get(f"/incidents/{other.public_id}/grouping/"))
    assert f"{other.public_id} was merged into" in own
    assert "merged_from" not in own
    listed = text(engineer.get("/incidents/?state=merged"))
    assert other.public_id in listed
    assert f"Choose {other.public_id}" not in listed


def test_a_machine_is_told_where_its_events_are() -> None:
    one, other = two()
    incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
    key = {"Authorization": f"Bearer {an_api_key('ops:read').key}"}
    told = [Client().get(f"/ops/incidents/{incident.public_id}", headers=key).json() for incident in (one, other)]
    assert [(view["status"], view["merged_into"]) for view in told] == [("detected", None), ("merged", one.public_id)]


def test_one_incident_is_merged_into_what_a_search_finds(engineer: Client) -> None:
    one, _ = two(exception=None, message="the mail was not sent")
    elsewhere = an_incident(fingerprint=["three"], project_id=2, exception=None, message="the mail of others")
    for words in ("mail", "Mail "):
        said = text(engineer.get(MERGE, {"incident": str(one.pk), "q": words}))
        assert "the mail was not sent" in said
        assert elsewhere.title not in said
    assert "No incident of this project matches" in text(engineer.get(MERGE, {"incident": str(one.pk), "q": "nothing"}))
    assert "the mail was not sent" in text(engineer.get(MERGE, {"incident": str(one.pk)}))


def test_into_itself_is_refused_in_words(engineer: Client) -> None:
    one, _ = two()
    for send in (engineer.get, engineer.post):
        answer = send(MERGE, {"incident": one.pk, "into": one.pk})
        assert answer.status_code == 422
        assert "cannot be merged into itself" in text(answer)


@pytest.mark.parametrize("query", ["", "?incident=x", "?q=%00&incident=", "?into=7"])
def test_without_a_choice_it_says_what_to_do(engineer: Client, query: str) -> None:
    answer = engineer.get(f"{MERGE}{query}")
    assert answer.status_code == 422
    assert "Choose" in text(answer)


def test_what_would_be_hidden_is_told_before(engineer: Client) -> None:
    one, other = two()
    root_cause_write(incident_id=other.pk, text="Read twice.", actor=ANYBODY)
    asked: dict[str, Any] = {"incident": [one.pk, other.pk], "into": one.pk}
    said = text(engineer.get(MERGE, asked))
    assert "has a root cause, which would be out of sight" in said
    assert "Merge it into" not in said
    assert engineer.post(MERGE, asked).status_code == 409
    choice = engineer.get(MERGE, {"incident": [one.pk, other.pk]}).context["choice"]
    assert choice.best == other.pk


def test_the_second_of_two_people_is_told(engineer: Client) -> None:
    one, other = two()
    third = an_incident(fingerprint=["three"])
    asked: dict[str, Any] = {"incident": [one.pk, other.pk], "into": one.pk}
    preview = engineer.get(MERGE, asked)
    incident_merge(source_ids=[third.pk], target_id=one.pk, actor=ANYBODY)
    late = engineer.post(MERGE, {**asked, "seen": seen(preview)})
    assert late.status_code == 409
    assert "while you were looking" in text(late)
    assert "3 times, now 2" in text(late)  # the new numbers
    assert engineer.post(MERGE, {**asked, "seen": seen(late)}).status_code == 302
    assert "was merged into" in text(engineer.post(MERGE, {**asked, "seen": seen(late)}))


def test_a_merge_is_undone_after_saying_what_goes_back(engineer: Client) -> None:
    one, other = two()
    incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
    happens("two", "two", "one")
    merge = IncidentMerge.objects.get()
    assert f"/incidents/merges/{merge.pk}/undo/" in text(engineer.get(f"/incidents/{one.public_id}/grouping/"))
    preview = engineer.get(f"/incidents/merges/{merge.pk}/undo/")
    for expected in ("1 hash to", "3 times, 2 of them stored since the merge", "2 times, now 5"):
        assert expected in text(preview), expected
    done = engineer.post(f"/incidents/merges/{merge.pk}/undo/", {"seen": seen(preview)}, follow=True)
    assert "an incident of its own again" in text(done)
    assert (figures(one)[0], figures(other)[0]) == (2, 3)
    assert happens("two") == [other.public_id]
    again = engineer.post(f"/incidents/merges/{merge.pk}/undo/")
    assert again.status_code == 409
    assert "already, by grace@example.test" in text(again)


def split_of_two(engineer: Client) -> tuple[Incident, Incident, dict[str, Any]]:
    one, other = two()
    incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
    moved = IncidentFingerprint.objects.filter(incident=one).latest("pk")
    return one, other, {"hash": moved.pk}


def test_hashes_are_split_off_after_saying_what_goes(engineer: Client) -> None:
    one, _, chosen = split_of_two(engineer)
    happens("two")
    assert f'name="hash" value="{chosen["hash"]}"' in text(engineer.get(f"/incidents/{one.public_id}/grouping/"))
    preview = engineer.get(f"/incidents/{one.public_id}/split/", chosen)
    for expected in ("1 hash and 2 stored events", "1 hash and 1 time, now 3"):
        assert expected in text(preview), expected
    done = engineer.post(f"/incidents/{one.public_id}/split/", {**chosen, "seen": seen(preview)}, follow=True)
    split = IncidentSplit.objects.get()
    assert f"{split.new.public_id} was split off {one.public_id}" in text(done)
    assert (split.parent, split.actor, split.moved) == (one, "grace@example.test", [chosen["hash"]])
    assert happens("two", "one") == [split.new.public_id, one.public_id]
    assert timeline_of(one.pk)[-1].kind == timeline_of(split.new_id)[-1].kind == "split"


def test_a_split_is_put_back(engineer: Client) -> None:
    one, _, chosen = split_of_two(engineer)
    engineer.post(f"/incidents/{one.public_id}/split/", chosen)
    new = IncidentSplit.objects.get().new
    back = f"{MERGE}?incident={new.pk}&amp;into={one.pk}"
    for incident in (one, new):
        assert back in engineer.get(f"/incidents/{incident.public_id}/grouping/").content.decode()
    assert f"into {one.public_id}?" in text(engineer.get(back.replace("&amp;", "&")))
    assert engineer.post(MERGE, {"incident": new.pk, "into": one.pk}).status_code == 302
    assert happens("two", "one") == [one.public_id] * 2
    assert figures(one) == (4, 4, 4)
    assert "Put back" not in text(engineer.get(f"/incidents/{one.public_id}/grouping/"))


def test_splitting_refuses_nonsense_in_words(engineer: Client) -> None:
    one, other, chosen = split_of_two(engineer)
    everything = list(IncidentFingerprint.objects.filter(incident=one).values_list("pk", flat=True))
    for sent, status, told in (
        ({}, 422, "choose at least one"),
        ({"hash": everything}, 409, "would have no hash left"),
        ({"hash": 987_654}, 409, "look at the page again"),
    ):
        assert told in text(engineer.get(f"/incidents/{one.public_id}/split/", sent))
        answer = engineer.post(f"/incidents/{one.public_id}/split/", sent)
        assert (answer.status_code, told in text(answer)) == (status, True)
    assert engineer.post(f"/incidents/{other.public_id}/split/", chosen).status_code == 409
    preview = engineer.get(f"/incidents/{one.public_id}/split/", chosen)
    engineer.post(f"/incidents/{one.public_id}/split/", chosen)
    late = engineer.post(f"/incidents/{one.public_id}/split/", {**chosen, "seen": seen(preview)})
    assert late.status_code == 409
    assert "while you were looking" in text(late)


def test_figures_of_what_was_split_off_stay_there_when_the_merge_is_undone(engineer: Client) -> None:
    one, other = two()
    third = an_incident(fingerprint=["three"])
    incident_merge(source_ids=[third.pk], target_id=other.pk, actor=ANYBODY)
    incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
    chosen = {"hash": IncidentFingerprint.objects.filter(incident=one).latest("pk").pk}
    engineer.post(f"/incidents/{one.public_id}/split/", chosen)
    new = IncidentSplit.objects.get().new
    undo = f"/incidents/merges/{IncidentMerge.objects.get(source=other).pk}/undo/"
    assert "1 time, now 2" in text(engineer.get(undo))
    engineer.post(undo)
    assert [figures(incident) for incident in (one, other, new)] == [(1, 1, 1)] * 3


def test_a_viewer_may_do_none_of_it() -> None:
    viewer, founder = Client(), Client()
    viewer.force_login(a_viewer())
    founder.force_login(a_founder())
    one, other = two()
    asked: dict[str, Any] = {"incident": [one.pk, other.pk], "into": one.pk}
    for path in (MERGE, f"/incidents/{one.public_id}/split/", "/incidents/merges/1/undo/"):
        assert viewer.get(path, asked).status_code == 403
        assert viewer.post(path, asked).status_code == 403
        assert founder.put(path).status_code == 405
    assert not IncidentMerge.objects.exists()
    assert founder.post(MERGE, asked).status_code == 302


@pytest.mark.parametrize("sent", ["x", "1:2:3", ":", "99999999999999999999:1", "-1:4"])
def test_a_broken_confirmation_is_no_error_of_ours(engineer: Client, sent: str) -> None:
    one, other = two()
    asked: dict[str, Any] = {"incident": [one.pk, other.pk], "into": one.pk, "seen": sent}
    assert engineer.post(MERGE, asked).status_code == 302
