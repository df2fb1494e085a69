"""The moves by hand: forms carry what they saw, a refusal keeps what was typed, the timeline pages on."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.workflows import incident_set_priority
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import User
from tests.factories import ANYBODY, a_viewer, an_engineer, an_incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return an_engineer(name="Ada")


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def move(client: Client, incident: Incident, name: str, **sent: object) -> tuple[int, str]:
    response = client.post(f"/incidents/INC-{incident.pk}/life/{name}/", sent)
    return response.status_code, response.content.decode()


def test_a_p0_says_how_to_roll_back_while_it_is_open(client: Client) -> None:
    incident = an_incident(incident={"priority": "P0"})
    address = f"/incidents/INC-{incident.pk}/life/"
    page = client.get(address).content.decode()
    assert "Roll back immediately." in page
    assert 'href="/flags/">kill switch</a>' in page
    assert "deploy the release before" in page
    incident_set_priority(incident_id=incident.pk, priority="P1", actor=ANYBODY)
    assert "kill switch" not in client.get(address).content.decode()


def test_each_move_is_one_click_and_leads_back_to_the_incident(client: Client, ada: User) -> None:
    bob, incident = an_engineer(name="Bob"), an_incident(incident={"priority": "P1"})
    page = client.get(f"/incidents/INC-{incident.pk}/life/").content.decode()
    assert "Investigate within 1 hour." in page
    assert "Confirm P1" in page
    for name, sent in (
        ("take", {"seen": 0}),
        ("priority", {"seen": 1, "priority": "P1"}),
        ("update", {"text": "Rolled back."}),
        ("owner", {"seen": 2, "owner": bob.pk}),
        ("take-over", {"seen": 3}),
        ("snooze", {"seen": 4, "wake": "4h", "until": "", "more": ""}),
        ("wake", {"seen": 5}),
        ("drop", {"seen": 6}),
        ("note", {"text": "<script>alert(1)</script>"}),
    ):
        assert move(client, incident, name, **sent)[0] == 302, name
    page = client.get(f"/incidents/INC-{incident.pk}/timeline/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    for words in ("Ada took it.", "P1 confirmed.", "Status update</b> Rolled back.", "Handed to Bob", "Woken by Ada"):
        assert words in page, words


def test_it_says_who_was_faster_and_keeps_what_was_typed(client: Client) -> None:
    incident = an_incident(incident={"status": "closed", "prevented_at": utcnow(), "closed_at": utcnow()})
    incident_set_priority(incident_id=incident.pk, priority="P1", actor=Actor("person", "Bob <b>", 9))
    status, page = move(client, incident, "reopen", seen=0, reason='Still <i>"failing"</i> in the EU.')
    assert status == 409
    assert "Bob &lt;b&gt;</b> P2 → P1." in page
    assert "Still &lt;i&gt;&quot;failing&quot;&lt;/i&gt; in the EU.</textarea>" in page
    assert 'name="seen" value="1"' in page, "a second try carries what is shown now"
    assert Incident.objects.get(pk=incident.pk).status == "closed"
    assert move(client, incident, "reopen", seen=1, reason="Still failing.")[0] == 302


@pytest.mark.parametrize(
    ("name", "sent", "status"),
    [
        ("note", {"text": " "}, 422), ("update", {}, 422), ("priority", {"priority": "P9"}, 422),
        ("owner", {"owner": "x"}, 422), ("snooze", {"wake": "until", "until": "gestern"}, 422),
        ("snooze", {"wake": "more", "more": "9" * 30}, 422), ("undo", {"move": "12"}, 404),
        ("reopen", {"reason": "x"}, 409), ("wake", {}, 409), ("fly", {}, 404), ("note", {"text": "\x00"}, 422),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_a_page(client: Client, name: str, sent: dict[str, str], status: int) -> None:
    incident = an_incident()
    answered, page = move(client, incident, name, **sent)
    assert answered == status
    assert "<h1>" in page
    assert TimelineEntry.objects.filter(incident=incident).count() == 1


def test_a_viewer_reads_and_moves_nothing() -> None:
    viewer, incident = Client(), an_incident()
    viewer.force_login(a_viewer())
    assert "<form" not in viewer.get(f"/incidents/INC-{incident.pk}/life/").content.decode().split("<main")[1]
    assert move(viewer, incident, "take", seen=0)[0] == 403
    assert viewer.get(f"/incidents/INC-{incident.pk}/life/take/").status_code == 405
    assert viewer.get("/incidents/INC-99999999/life/").status_code == 404


def test_the_timeline_is_read_a_page_at_a_time_and_misses_nothing(client: Client) -> None:
    incident, at = an_incident(), utcnow() - timedelta(days=1)
    with atomic_write():
        TimelineEntry.objects.bulk_create(
            TimelineEntry(
                project_id=1, incident=incident, at=at + timedelta(seconds=n // 3), kind="note", text=f"note {n};",
                actor="Ada",
            )
            for n in range(120)
        )  # fmt: skip
    found, address = [], f"/incidents/INC-{incident.pk}/timeline/"
    for _ in range(4):
        page = client.get(address).content.decode()
        found += re.findall(r"note (\d+);", page)
        older = re.search(r'href="([^"]+before=[^"]+)"', page)
        if older is None:
            break
        address = older[1]
    assert [int(n) for n in found] == list(range(119, -1, -1))
    for before in ("x", "9" * 39, "1.5-", "%00", "1e9-1"):
        assert client.get(f"/incidents/INC-{incident.pk}/timeline/?before={before}").status_code == 200


def test_many_are_moved_at_once_each_with_its_own_answer(client: Client, ada: User) -> None:
    mine, taken, gone = an_incident(), an_incident(incident={"acknowledged_at": utcnow(), "owner": "Bob"}), 987_654
    stale = an_incident()
    incident_set_priority(incident_id=stale.pk, priority="P1", actor=Actor("person", "Bob", 9))
    sent = {"action": "take", "incident": [mine.pk, taken.pk, gone, stale.pk], f"seen-{stale.pk}": "0"}
    page = client.post("/incidents/bulk/", sent).content.decode()
    assert "1 of 4 taken, 3 left as they were" in page
    assert f"<b>INC-{mine.pk}</b>KeyError" in page
    assert "acknowledged by Bob already" in page
    assert "Bob: P2 → P1." in page
    assert f"There is no INC-{gone}." in page
    assert Incident.objects.get(pk=mine.pk).owner_id == ada.pk
    page = client.post("/incidents/bulk/", {"action": "snooze", "wake": "1d", "incident": [mine.pk]}).content.decode()
    assert "1 of 1 snoozed" in page
    assert client.post("/incidents/bulk/", {"action": "merge", "incident": [1, 2]})["Location"] == (
        "/incidents/merge/?incident=1&incident=2"
    )
    for nonsense in ({}, {"action": "fly", "incident": [1]}, {"action": "take", "incident": list(range(101))}):
        answer = client.post("/incidents/bulk/", {**nonsense, "back": "//evil.test/"})
        assert (answer.status_code, answer["Location"]) == (302, "/incidents/")
