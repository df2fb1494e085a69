"""The playbook on the database: proposed, reviewed, versioned, compared, exported; and its pages."""

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client

from incidents.lessons.models import Playbook, PlaybookProposal, PlaybookSection, PlaybookVersion
from incidents.lessons.services.playbook import BookVersion
from incidents.lessons.workflows import lesson_write
from incidents.lessons.workflows.playbook import (
    playbook_version_raise,
    proposal_accept,
    proposal_decline,
    proposal_make,
)
from incidents.lessons.workflows.reading.playbook import (
    playbook_for_class_read,
    playbook_page_read,
    proposal_page_read,
    section_page_read,
)
from incidents.lessons.workflows.reading.playbook_edits import edit_start_read
from incidents.lessons.workflows.reading.playbook_versions import section_compare_read, versions_compare_read
from readiness.infra.actor import Actor
from readiness.infra.models import OutboxMessage
from readiness.infra.refusals import Conflict, Forbidden, Invalid, NotFound
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_control, a_founder, a_viewer, an_engineer, an_incident

pytestmark = pytest.mark.django_db
BOB = Actor(kind="person", name="Bob")
SCRIPT = "<script>alert('it')</script>"


def an_edit(**fields: Any) -> PlaybookProposal:
    known = {"error_class": "infra.timeout", "title": "Gateways time out", "why": "INC-1 taught it"}
    return proposal_make(**{"actor": ANYBODY, "check_first": ["Is the gateway up?"], **known, **fields})


def a_section(**fields: Any) -> PlaybookSection:
    proposal_accept(proposal_id=an_edit(**fields).pk, actor=BOB)
    section = PlaybookSection.objects.order_by("-pk").first()
    assert section is not None
    return section


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(an_engineer())
    return client


# --- growing ------------------------------------------------------------------------------------------------------


def test_it_grows_from_a_lesson_and_from_a_control_by_a_reviewed_edit() -> None:
    incident = an_incident(incident={"error_class": "infra.timeout", "component": "billing.engine"})
    lesson = lesson_write(incident_id=incident.pk, believed="It answers.", was_true="b", do_now="Ask.", actor=ANYBODY)
    assert [item.ref for item in playbook_page_read().waiting] == [f"LES-{lesson.pk}"]
    start = edit_start_read(lesson=lesson.pk)
    assert (start.section, start.error_class, start.text.check_first) == (None, "infra.timeout", ("Ask.",))
    edit = an_edit(grown_from=start.text.grown_from, check_first=start.text.check_first)
    assert playbook_page_read().waiting == []
    version = proposal_accept(proposal_id=edit.pk, actor=BOB)
    assert (str(version.version), version.author, version.reviewer) == ("v0.1", "Ada", "Bob")
    assert incident.timeline.filter(kind="playbook").get().text.startswith("Playbook 1 (v0.1) grew from it")

    control = a_control(incident=incident, kind="playbook", command="", never_again="Retry a charge.")
    again = edit_start_read(control=control.pk)
    assert again.section is not None
    assert again.text.check_first == ("Ask.",)
    assert again.text.never_again == ("Retry a charge.",)
    assert again.text.grown_from == (f"INC-{incident.pk}", f"LES-{lesson.pk}", f"CTL-{control.pk}")
    assert again.base_version == 1


def test_it_answers_an_incident_with_the_narrowest_section_first(django_assert_num_queries: Any) -> None:
    a_section(number=16)
    a_section(component="billing", title="Billing waits", never_again=["Retry a charge."], check_first=[])
    a_section(error_class="infra.queue", title="Queues")
    with django_assert_num_queries(1):
        found = playbook_for_class_read(error_class="infra.timeout", component="billing.engine")
    assert [(item.number, item.scope) for item in found] == [
        (17, "infra.timeout in billing"),
        (16, "infra.timeout"),
    ]
    assert found[0].never_again == ("Retry a charge.",)
    assert [item.number for item in playbook_for_class_read(error_class="infra.timeout", component="billings")] == [16]
    assert playbook_for_class_read(error_class="system.bug") == ()


def test_it_searches_its_updates_alike_on_every_database() -> None:
    a_section(root_cause="Über die Straße: 100% Ärger_mit \\ 'Zeit'; DROP", evolved="new_primitive")
    for query in ("über", "ÜBER", "straße", "ärger_mit", "ÄRGER", "100%", "'zeit'", "\\", "DROP; über"):
        assert [update.minor for update in playbook_page_read(query=query).updates] == [1], query
    for query in ("%", "_", "100_", "über nichts", "\0"):
        assert len(playbook_page_read(query=query).updates) == (query in "%_"), query


def test_it_shows_an_edit_that_was_written_before_there_was_its_section() -> None:
    unaware = an_edit(title="Somebody else's")
    section = a_section()
    assert [edit.pk for edit in section_page_read(number=section.number).proposals] == [unaware.pk]


# --- reviewing ----------------------------------------------------------------------------------------------------


def test_it_wants_a_second_pair_of_eyes_where_there_is_one() -> None:
    ada = a_founder()
    me = Actor(kind="person", name=str(ada), id=ada.pk)
    alone = proposal_accept(proposal_id=an_edit(actor=me).pk, actor=me)
    assert alone.self_reviewed
    an_engineer()
    edit = an_edit(actor=me, base_version=1, check_first=["Another"])
    with pytest.raises(Forbidden, match="somebody else"):
        proposal_accept(proposal_id=edit.pk, actor=me)
    assert proposal_decline(proposal_id=edit.pk, actor=me).state == "withdrawn"
    with pytest.raises(Conflict, match="withdrawn already"):
        proposal_accept(proposal_id=edit.pk, actor=BOB)


def test_it_loses_nothing_when_two_edit_one_section() -> None:
    a_section(check_first=["one", "two"])
    mine = an_edit(base_version=1, check_first=["one", "mine", "two"])
    theirs = an_edit(base_version=1, check_first=["one", "two", "theirs"], actor=BOB)
    proposal_accept(proposal_id=theirs.pk, actor=ANYBODY)
    with pytest.raises(Conflict, match="version 1 of the section, which is at version 2"):
        proposal_accept(proposal_id=mine.pk, actor=BOB)
    page = proposal_page_read(proposal_id=mine.pk, actor=BOB)
    assert "Bring it up to date" in page.stale
    assert [line.text for field in page.since for line in field.lines if line.mark == "+"] == ["theirs"]

    start = edit_start_read(replaces=mine.pk)
    assert start.text.check_first == ("one", "mine", "two", "theirs")
    carried = an_edit(replaces=mine.pk, base_version=start.base_version, check_first=start.text.check_first)
    assert PlaybookProposal.objects.get(pk=mine.pk).state == "replaced"
    assert proposal_accept(proposal_id=carried.pk, actor=BOB).minor == 3
    with pytest.raises(Conflict):
        an_edit(replaces=mine.pk, base_version=3, check_first=["x"])


def test_it_refuses_what_is_no_edit() -> None:
    with pytest.raises(Invalid, match="no INC-999999"):
        an_edit(grown_from=["INC-999999"])
    with pytest.raises(Invalid, match="no such version"):
        an_edit(base_version=2)
    a_section(number=7)
    with pytest.raises(Invalid, match="word for word"):
        an_edit(base_version=1)
    with pytest.raises(NotFound):
        proposal_accept(proposal_id=999_999, actor=BOB)
    with pytest.raises(Conflict, match="number 7 by now"):
        a_section(error_class="infra.queue", number=7)
    unaware = an_edit(check_first=["written without knowing of the section"])
    with pytest.raises(Conflict, match="was made since"):
        proposal_accept(proposal_id=unaware.pk, actor=BOB)


def test_an_edit_that_waits_is_told_once_and_not_to_its_author_alone() -> None:
    ada = a_founder(email="ada@example.test")
    me = Actor(kind="person", name=str(ada), id=ada.pk)
    an_edit(actor=me)
    assert told_of() == [], "alone, she reviews it herself"
    an_engineer(email="bob@example.test")
    edit = an_edit(actor=me, title="Gateways")
    assert [notice["facts"]["To"] for notice in told_of()] == ["bob@example.test"]
    cleo = a_founder(email="cleo@example.test")
    an_edit(actor=me, title="Gateways again")
    assert [notice["facts"]["To"] for notice in told_of()] == ["bob@example.test", "cleo@example.test"]
    carried = an_edit(actor=Actor(kind="person", name=str(cleo), id=cleo.pk), title="Better", replaces=edit.pk)
    assert len(told_of()) == 2, "it is the same edit, mended"
    assert told_of()[0]["page"] == f"/playbook/proposals/{edit.pk}/", "which leads to the mended one"
    assert (told_of()[0]["kind"], told_of()[0]["title"]) == ("playbook.review_waiting", "A new section: Gateways")
    assert carried.replaces == edit


def told_of() -> list[dict[str, Any]]:
    """The notices of edits that wait, the oldest first."""
    return [m.payload for m in OutboxMessage.objects.filter(topic="notice", key__startswith="playbook:").order_by("pk")]


def test_an_edit_carries_on_only_one_of_its_own_section() -> None:
    edit = an_edit()
    with pytest.raises(Invalid, match=r"is of infra\.timeout; what carries it on is too"):
        an_edit(error_class="infra.queue", replaces=edit.pk)
    edit.refresh_from_db()
    assert edit.state == "proposed"


# --- versions -----------------------------------------------------------------------------------------------------


def test_it_keeps_every_version_and_tells_any_two_apart() -> None:
    incident = an_incident()
    a_section(check_first=["Is the gateway up?"])
    assert str(playbook_version_raise(actor=ANYBODY, why="As our old one", to="v2.26").version) == "v2.26"
    edit = an_edit(
        base_version=1, check_first=["Is the gateway down?", "The queue"], never_again=["Retry"],
        grown_from=[incident.public_id], evolved="stricter_intent", root_cause="Intent was not explicit.",
        before="Block it after.", after="Guide before.", files_changed=["app/infra/transaction.py"],
    )  # fmt: skip
    proposal_accept(proposal_id=edit.pk, actor=BOB)
    compared = versions_compare_read(older="v2.27", newer="2.26")
    assert (str(compared.older), str(compared.newer)) == ("v2.26", "v2.27")
    assert [field.label for field in compared.sections[0].changes] == ["Check first", "Never again", "Grown from"]
    whole = versions_compare_read(older="v0.0", newer="v2.27")
    assert whole.sections[0].is_new
    assert len(whole.updates) == 3
    assert versions_compare_read(older="v0.0", newer="v0.1").sections[0].changes != whole.sections[0].changes
    assert section_compare_read(number=1, older=2, newer=1).changes == compared.sections[0].changes
    with pytest.raises(NotFound, match="never had a version"):
        versions_compare_read(older="v1.0", newer="v2.27")
    with pytest.raises(NotFound):
        section_compare_read(number=1, older=1, newer=3)
    with pytest.raises(Invalid):
        playbook_version_raise(actor=ANYBODY, why="Back", to="v2.27")
    assert Playbook.objects.get().version == BookVersion(2, 27)
    assert [row.version for row in section_page_read(number=1).history] == [2, 1]


def test_it_never_changes_a_version() -> None:
    a_section()
    with pytest.raises(IntegrityError, match="append-only"), atomic_write():
        PlaybookVersion.objects.update(why="something else")


def test_it_is_exported_the_same_each_time(tmp_path: Any) -> None:
    incident = an_incident()
    control = a_control(incident=incident)
    a_section(
        number=16, check_first=[SCRIPT, "a: b # no comment", "=cmd()", "yes"], component="billing",
        grown_from=[incident.public_id, control.public_id], evolved="new_primitive", root_cause="One\n\n  two: three",
    )  # fmt: skip
    for name in ("one", "two"):
        call_command("export_playbook", "--output", str(tmp_path / name))
    text = (tmp_path / "one").read_text()
    assert text == (tmp_path / "two").read_text()
    read = yaml.safe_load(text)
    assert (read["directive"], read["version"]) == ("MIRROR, NOT AUTHORITY", "v0.1")
    (section,) = read["sections"]
    assert (section["number"], section["class"], section["component"]) == (16, "infra.timeout", "billing")
    assert section["check_first"] == [SCRIPT, "a: b # no comment", "=cmd()", "yes"]
    assert section["references"][1] == {
        "ref": control.public_id, "title": control.title, "incident": incident.public_id, "state": "unproven",
    }  # fmt: skip
    assert read["updates"][0]["root_cause"] == "One\n\n  two: three"
    assert read["updates"][0]["evolved"] == "new_primitive"
    assert read["l4_aggregation_rules"]["category.infra.timeout"] == "execution_failure"


# --- pages --------------------------------------------------------------------------------------------------------


def test_it_says_which_known_incident_classes_have_a_section(page: Client) -> None:
    a_section(number=16)
    for error_class in ("infra.timeout", "infra.queue", "infra.queue"):
        an_incident(incident={"error_class": error_class})
    an_incident(synthetic=True, incident={"error_class": "system.security"})
    shown = page.get("/playbook/").content.decode()
    assert "Of 2 classes that incidents were of, 1 has a section." in shown
    assert re.search(r'href="\?class=infra.queue"><code>infra.queue</code></a></div><span[^>]*>2 incidents<', shown)
    assert yaml.safe_load(page.get("/playbook/SESSION_PLAYBOOK.yaml").content)["known_incident_classes"] == [
        {"class": "infra.queue", "sections": []}, {"class": "infra.timeout", "sections": [16]},
    ]  # fmt: skip


def test_it_shows_its_sections_and_where_they_come_from(page: Client, django_assert_num_queries: Any) -> None:
    assert "No section yet" in page.get("/playbook/").content.decode()
    incident = an_incident(incident={"title": SCRIPT})
    for number in range(30):
        grown_from = [incident.public_id] if number == 29 else []
        a_section(component=f"part.n{number}", title=f"{SCRIPT} {number}", grown_from=grown_from)
    with django_assert_num_queries(10):  # two for the session and the person
        shown = page.get("/playbook/").content.decode()
    assert "MIRROR, NOT AUTHORITY" in shown
    assert "l4_aggregation_rules" in shown
    assert "<code>category.infra.timeout</code></dt><dd>execution_failure" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert "?page=2" in shown
    found = page.get("/playbook/?q=n17&class=infra.timeout").content.decode()
    assert 'href="/playbook/18/"' in found
    assert 'href="/playbook/17/"' not in found
    with django_assert_num_queries(6):
        section = page.get("/playbook/30/").content.decode()
    assert f"/incidents/{incident.public_id}/" in section
    assert "<script>alert" not in section
    assert page.get("/playbook/31/").status_code == 404


def test_it_offers_the_built_in_questions_as_not_reviewed(page: Client) -> None:
    shown = page.get("/playbook/?class=infra.queue&q=&component=x").content.decode()
    assert "not reviewed" in shown
    assert "only growing?" in shown
    assert not PlaybookSection.objects.exists()
    assert page.get("/playbook/?class=%00&component=%00&q=%00" + "x" * 5000).status_code == 200
    assert page.get("/playbook/proposals/new/?class=%00&component=%00").status_code == 200


def test_it_is_proposed_and_accepted_on_the_pages(page: Client) -> None:
    sent = {"error_class": "infra.timeout", "title": SCRIPT, "why": "It broke", "check_first": "one\ntwo"}
    refused = page.post("/playbook/proposals/new/", {**sent, "base_version": 0, "check_first": ""})
    assert refused.status_code == 422
    assert "what never to do again" in refused.content.decode()
    made = page.post("/playbook/proposals/new/", {**sent, "base_version": 0})
    assert made.status_code == 302
    shown = page.get(made["Location"]).content.decode()
    assert "You are the only one who may write here" in shown
    assert "added: " in shown
    assert "<script>alert" not in shown
    other = Client()
    other.force_login(an_engineer())
    assert page.post(f"{made['Location']}accept/", {}).status_code == 422
    assert page.post(f"{made['Location']}burn/", {}).status_code == 404
    accepted = other.post(f"{made['Location']}accept/", {"note": "Good."}, follow=True).content.decode()
    assert "the playbook is at v0.1" in accepted
    again = page.get("/playbook/proposals/new/?section=1").content.decode()
    assert "one\ntwo" in again
    assert 'name="number"' not in again
    for address in ("proposals/?state=all", "proposals/", "versions/", "versions/v0.0..v0.1/", "1/0..1/"):
        assert page.get(f"/playbook/{address}").status_code == 200, address
    asked = page.get("/playbook/versions/compare/?older=v0.0&newer=v0.1")
    assert asked["Location"] == "/playbook/versions/v0.0..v0.1/"
    assert page.get("/playbook/versions/x..y/").status_code == 422
    assert page.get("/playbook/versions/compare/?older=v0.0").status_code == 404
    assert page.get("/playbook/proposals/new/?lesson=99999999").status_code == 404
    file = page.get("/playbook/SESSION_PLAYBOOK.yaml")
    assert file["Content-Disposition"].startswith("attachment")
    assert yaml.safe_load(file.content)["sections"][0]["title"] == SCRIPT


def test_it_lets_viewers_read_and_founders_raise_the_version(page: Client) -> None:
    section = a_section()
    edit = an_edit(base_version=1, check_first=["Else"])
    viewer, founder = Client(), Client()
    viewer.force_login(a_viewer())
    founder.force_login(a_founder())
    assert "?section=1" not in viewer.get(f"/playbook/{section.number}/").content.decode()
    assert viewer.post("/playbook/proposals/new/", {"base_version": 0}).status_code == 403
    assert viewer.post(f"/playbook/proposals/{edit.pk}/accept/").status_code == 403
    assert page.post("/playbook/versions/raise/", {"why": "x"}).status_code == 403
    assert founder.post("/playbook/versions/raise/", {"why": "x", "version": "v0.1"}).status_code == 422
    assert "v1.0" in founder.post("/playbook/versions/raise/", {"why": "Ours now"}, follow=True).content.decode()
    assert Client().get("/playbook/").status_code == 302
    for name in ("section", "proposal", "version"):
        assert founder.get(f"/admin/lessons/playbook{name}/").status_code == 200
        assert founder.post(f"/admin/lessons/playbook{name}/add/").status_code == 403
    assert page.get("/playbook/proposals/1/accept/").status_code == 405
