"""Programs in the admin: words are added through workflows, all that was recorded is only to look at."""

import pytest
from django.test import Client

from readiness.programs.models import (
    Attestation,
    Criterion,
    Evidence,
    Gate,
    Program,
    RubricCategory,
    ScoreChange,
    Verdict,
)
from tests.factories import a_founder, a_program, a_viewer
from tests.programs.test_words import piece

pytestmark = pytest.mark.django_db
MODELS = [Attestation, Criterion, Evidence, Gate, Program, RubricCategory, ScoreChange, Verdict]


@pytest.fixture
def founder(client: Client) -> Client:
    a_program()
    client.force_login(a_founder())
    return client


def url(model: type, what: str, *pk: int) -> str:
    return "/".join(["/admin/programs", model.__name__.lower(), *map(str, pk), what, ""]).replace("//", "/")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_and_row_opens_and_none_can_be_changed_or_deleted(founder: Client, model: type) -> None:
    row = model.objects.first()  # type: ignore[attr-defined]
    assert founder.get(f"/admin/programs/{model.__name__.lower()}/").status_code == 200
    page = founder.get(url(model, "change", row.pk))
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert founder.post(url(model, "change", row.pk), {"title": "x", "note": "x"}).status_code == 403
    assert founder.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [Criterion, Gate, Program, RubricCategory, Verdict], ids=lambda model: model.__name__)
def test_definitions_and_verdicts_cannot_be_added(founder: Client, model: type) -> None:
    assert founder.get(url(model, "add")).status_code == 403


def test_a_score_is_set_through_the_workflow(founder: Client) -> None:
    given = {
        "category": RubricCategory.objects.get(key="reliability").pk,
        "score": 3,
        "evidence": f"EV-{piece()}",
    }
    assert founder.post(url(ScoreChange, "add"), given).status_code == 302
    row = ScoreChange.objects.latest("pk")
    assert (row.score, row.actor_kind, Verdict.objects.latest("sequence").score) == (3, "person", 75)


def test_an_attestation_is_made_through_the_workflow(founder: Client) -> None:
    given = {"criterion": Criterion.objects.get(key="G6.3").pk, "claim": "met", "evidence": f"EV-{piece()}", "note": ""}
    assert founder.post(url(Attestation, "add"), given).status_code == 302
    assert Attestation.objects.latest("pk").claim == "met"


def test_evidence_is_added_through_the_workflow(founder: Client) -> None:
    given = {
        "program": Program.objects.get().pk,
        "title": "Drill",
        "kind": "drill",
        "collected_on": "2026-02-19",
    }
    assert founder.post(url(Evidence, "add"), given).status_code == 302
    assert Evidence.objects.latest("pk").sha256


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [("EV-999999", "is no evidence of this program"), ("33", "is no evidence id"), ("", "required")],
)
def test_a_refusal_is_shown_on_the_form(founder: Client, evidence: str, reason: str) -> None:
    given = {"category": RubricCategory.objects.get(key="tests").pk, "score": 4, "evidence": evidence}
    page = founder.post(url(ScoreChange, "add"), given)
    assert page.status_code == 200
    assert reason in page.content.decode()
    assert not ScoreChange.objects.filter(from_document=False).exists()


def test_a_viewer_adds_nothing(client: Client) -> None:
    a_program()
    client.force_login(a_viewer())
    for model in (Attestation, Evidence, ScoreChange):
        assert client.get(f"/admin/programs/{model.__name__.lower()}/").status_code == 200
        assert client.get(url(model, "add")).status_code == 403
