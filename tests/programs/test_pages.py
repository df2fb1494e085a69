"""The pages of programs: what they show, who may write, and what they cost."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from readiness.programs.models import Attestation, Evidence, Program, ScoreChange
from tests.factories import a_draft, a_founder, a_program, a_viewer, an_engineer, an_incident
from tests.programs.test_words import attest, piece, rate

pytestmark = pytest.mark.django_db
PAGE = "/programs/phase-1-exit/"
PAGES = [
    "/",
    "/programs/",
    PAGE,
    f"{PAGE}gates/G6/",
    f"{PAGE}rubric/reliability/",
    f"{PAGE}evidence/",
    f"{PAGE}history/",
]


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder())
    return client


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return unescape(answer.content.decode())


def test_home_teaches_the_next_command_while_there_is_no_program(founder: Client) -> None:
    incident = an_incident()
    page = text(founder, "/")
    assert "manage.py import_program phase-1-exit --example" in page
    assert incident.public_id in page


def test_home_says_the_verdict_why_and_what_to_do(founder: Client) -> None:
    a_program()
    page = text(founder, reverse("home"))
    for words in (
        "NO-GO", "68.75", "of 80.00 needed", "the score is under its threshold and three gates wait",
        "the 7-day window has not started", "dashboard links missing", "waits for G5", "nothing to do yet",
        "Measurement Completeness", "+5.00", "+6.25", "next review Monday 23 February", "as of 19 February 2026",
        "Client telemetry sink built and tested",
    ):  # fmt: skip
        assert words in page, words


def test_home_says_go_when_nothing_blocks(founder: Client) -> None:
    a_program()
    rate("reliability", 3, new=a_draft("a"))
    rate("measurement", 4, new=a_draft("b"))
    for criterion in ("G5.2", "G6.3", "G7"):
        attest(criterion, new=a_draft(criterion))
    page = text(founder, "/")
    assert "every required gate passes and the score holds" in page
    assert "Why not GO" not in page
    assert "G6.3 met" in page


@pytest.mark.parametrize("url", PAGES)
def test_every_page_opens_with_and_without_attestations_for_every_role(client: Client, url: str) -> None:
    a_program(example=False)
    for person in (a_founder(), an_engineer(), a_viewer()):
        client.force_login(person)
        text(client, url)
    a_program()
    text(client, url)


@pytest.mark.parametrize("url", ["/", "/programs/", PAGE, f"{PAGE}gates/G6/", f"{PAGE}rubric/reliability/"])
def test_a_page_costs_the_same_however_much_is_recorded(
    founder: Client, url: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    a_program()
    with django_assert_max_num_queries(30) as few:
        founder.get(url)
    for n in range(4):
        rate("reliability", 3 - n % 2, new=a_draft(f"Run {n}"))
        attest("G6.3", *[piece(f"Board {n}.{m}") for m in range(3)])
    with django_assert_max_num_queries(30) as many:
        founder.get(url)
    assert len(many) == len(few), [query["sql"] for query in many.captured_queries]


def test_a_person_attests_on_the_gates_page(founder: Client) -> None:
    a_program()
    url = f"{PAGE}gates/G6/"
    given = {
        "criterion": "G6.3",
        "claim": "met",
        "new_title": "Links to the boards",
        "new_url": "https://grafana.example/d",
    }
    answer = founder.post(url, given)
    assert answer.status_code == 302
    word = Attestation.objects.latest("pk")
    assert (word.criterion.key, word.claim, word.actor_kind) == ("G6.3", "met", "person")
    page = text(founder, url)
    assert "Everything that it asks for is shown" in page
    assert 'href="https://grafana.example/d"' in page


def test_a_person_sets_a_score_and_the_page_follows(founder: Client) -> None:
    a_program()
    founder.post(f"{PAGE}rubric/reliability/", {"score": "3", "evidence": [str(piece("Seven days"))]})
    founder.post(f"{PAGE}rubric/measurement/", {"score": "4", "new_title": "Boards and alerts"})
    page = text(founder, PAGE)
    assert "80.00" in page
    assert "The score holds: 80.00 of 80.00." in page


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        (f"{PAGE}gates/G6/", {"criterion": "G6.3", "claim": "met"}, "rests on evidence"),
        (f"{PAGE}gates/G6/", {"criterion": "G6.3", "new_title": "x"}, "This field is required"),
        (f"{PAGE}gates/G6/", {"criterion": "G6.3", "claim": "met", "evidence": ["999999"]}, "Select a valid choice"),
        (
            f"{PAGE}gates/G6/",
            {"criterion": "G6.3", "claim": "met", "new_title": "x", "new_url": "file:///x"},
            "no place",
        ),
        (f"{PAGE}rubric/reliability/", {"score": "3"}, "names its evidence"),
        (f"{PAGE}rubric/reliability/", {"score": "9", "new_title": "x"}, "Select a valid choice"),
        (f"{PAGE}evidence/", {"title": "x", "kind": "doc", "collected_on": "2999-01-01"}, "lies in the future"),
        (f"{PAGE}evidence/", {"title": "", "kind": "doc", "collected_on": "2026-01-01"}, "This field is required"),
    ],
)
def test_a_refused_form_says_why_and_writes_nothing(
    founder: Client, url: str, given: dict[str, str], expected: str
) -> None:
    a_program()
    before = [model.objects.count() for model in (Evidence, Attestation, ScoreChange)]
    answer = founder.post(url, given)
    assert answer.status_code == 422
    assert expected in unescape(answer.content.decode())
    assert [model.objects.count() for model in (Evidence, Attestation, ScoreChange)] == before


def test_a_person_adds_evidence(founder: Client) -> None:
    a_program()
    given = {
        "title": "Flake rate 0.0 %",
        "kind": "flake-rate-proof",
        "collected_on": "2026-02-19",
        "value": "0",
        "unit": "%",
    }
    assert founder.post(f"{PAGE}evidence/", given).status_code == 302
    assert "Flake rate 0.0 %" in text(founder, f"{PAGE}evidence/")


@pytest.mark.parametrize("url", [f"{PAGE}gates/G6/", f"{PAGE}rubric/reliability/", f"{PAGE}evidence/", f"{PAGE}today/"])
def test_a_viewer_reads_and_does_not_write(client: Client, url: str) -> None:
    a_program()
    client.force_login(a_viewer())
    answer = client.post(url, {"title": "x", "score": "3", "new_title": "x", "claim": "met", "criterion": "G6.3"})
    assert answer.status_code == 403
    assert not Attestation.objects.filter(from_document=False).exists()
    assert Program.objects.get().as_of is not None
    if not url.endswith("today/"):
        assert '<form class="form"' not in text(client, url)


def test_nobody_is_led_to_the_sign_in_page(client: Client) -> None:
    a_program()
    for url in PAGES:
        assert client.get(url)["Location"].startswith("/login/")


def test_a_pinned_program_can_be_judged_as_of_today(founder: Client) -> None:
    a_program()
    assert founder.get(f"{PAGE}today/").status_code == 405
    assert founder.post(f"{PAGE}today/").status_code == 302
    page = text(founder, PAGE)
    assert "Pinned to" not in page
    assert "older than 90 days" in page


@pytest.mark.parametrize(
    "path", ["/programs/other/", f"{PAGE}gates/G9/", f"{PAGE}rubric/beauty/", "/programs/other/history/"]
)
def test_what_is_not_there_is_a_page_that_says_so(founder: Client, path: str) -> None:
    a_program()
    answer = founder.get(path)
    assert answer.status_code == 404
    assert "lists those" in unescape(answer.content.decode())


def test_hostile_texts_are_escaped(founder: Client) -> None:
    a_program()
    hostile = "<script>alert(1)</script>"
    attest("G6.3", piece(hostile, url="docs/<b>x</b>", note=hostile), note=hostile)
    for url in PAGES:
        assert "<script>alert" not in founder.get(url).content.decode()
        assert "<b>x</b>" not in founder.get(url).content.decode()


def test_the_history_tells_of_tampering(founder: Client, settings: Any) -> None:
    a_program()
    assert "the chain holds" in text(founder, f"{PAGE}history/")
    settings.READINESS_HASH_KEY = "another key"
    assert "The chain breaks at #1" in text(founder, f"{PAGE}history/")
