"""Attesting to gates and setting scores: always with evidence, always by somebody, the verdict at once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from readiness.infra.clock import utcnow
from readiness.infra.refusals import Invalid, NotFound
from readiness.programs import store
from readiness.programs.models import Attestation, Evidence, Program, ScoreChange, Verdict
from readiness.programs.services.facts import AttestationFact, Claim, Outcome
from readiness.programs.workflows import ProgramView, evidence_add, gate_attest, score_set, verdict_evaluate
from tests.factories import ANYBODY, a_draft, a_program

pytestmark = pytest.mark.django_db
SLUG = "phase-1-exit"


@pytest.fixture(autouse=True)
def program() -> Program:
    return a_program()


def total(view: ProgramView) -> str:
    assert view.evaluation.rubric is not None
    return str(view.evaluation.rubric.total)


def piece(title: str = "The window's report", **fields: Any) -> int:
    return evidence_add(slug=SLUG, draft=a_draft(title, **fields), actor=ANYBODY).evidence.pk


def attest(criterion: str, *evidence: int, claim: Claim = Claim.MET, **fields: Any) -> ProgramView:
    known: dict[str, Any] = {"slug": SLUG, "criterion": criterion, "claim": claim, "actor": ANYBODY}
    return gate_attest(**{**known, "evidence": list(evidence), **fields})


def rate(category: str, score: int, *evidence: int, **fields: Any) -> ProgramView:
    known: dict[str, Any] = {"slug": SLUG, "category": category, "score": score, "actor": ANYBODY}
    return score_set(**{**known, "evidence": list(evidence), **fields})


def test_two_scores_with_new_evidence_reach_exactly_80_and_remove_the_score_blocker() -> None:
    rate("reliability", 3, piece("Seven days without a Sev-1"))
    view = rate("measurement", 4, piece("Dashboards and alerts"))
    assert total(view) == "80.00"
    assert [b.ref for b in view.evaluation.blockers] == ["G5", "G6", "G7"]


def test_the_whole_way_to_go() -> None:
    rate("reliability", 3, piece("Seven days without a Sev-1"))
    rate("measurement", 4, piece("Dashboards and alerts"))
    attest("G5.2", piece("SLOs attained over seven days"))
    attest("G6.3", piece("Dashboard links"))
    view = attest("G7", piece("Budget over the window"))
    assert view.evaluation.verdict == "GO"
    assert Verdict.objects.latest("sequence").verdict == "GO"


def test_g7_passes_only_after_g5() -> None:
    view = attest("G7", piece())
    assert (view.evaluation.gates[6].status, view.evaluation.gates[6].note) == ("IN_PROGRESS", "waits for G5")
    assert attest("G5.2", piece("The window")).evaluation.gates[6].status == "PASS"


def test_a_word_says_who_and_when() -> None:
    attest("G6.3", piece(), note="All three boards, token=abcdefgh12345678")
    word = Attestation.objects.latest("pk")
    assert (word.actor_kind, word.actor_name, word.claim) == ("person", "Ada", "met")
    assert "abcdefgh12345678" not in word.note
    assert word.at <= utcnow()


def test_the_newest_word_decides_and_the_older_stay() -> None:
    attest("G6.3", piece())
    view = attest("G6.3", piece("Boards are down"), claim=Claim.NOT_MET)
    assert view.evaluation.gates[5].status == "FAIL"
    assert "Ada attested" in view.evaluation.gates[5].note
    assert attest("G6.3", piece("Boards are up")).evaluation.gates[5].status == "PASS"
    assert Attestation.objects.filter(criterion__key="G6.3", from_document=False).count() == 3


def test_noted_evidence_passes_nothing() -> None:
    assert attest("G6.3", piece(), claim=Claim.NOTED).evaluation.gates[5].status == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"outcome": Outcome.FAILED}, "failed"),
        ({"outcome": Outcome.SKIPPED}, "was skipped"),
        ({"collected_at": utcnow() - timedelta(days=3650)}, "older than 90 days"),
    ],
)
def test_unfit_evidence_shows_nothing_as_met(fields: dict[str, Any], reason: str) -> None:
    pk = piece(**fields)
    with pytest.raises(Invalid, match=reason):
        attest("G6.3", pk)
    assert attest("G6.3", pk, claim=Claim.NOTED).evaluation.gates[5].status != "PASS"


def test_a_word_without_evidence_is_refused() -> None:
    with pytest.raises(Invalid, match="rests on evidence"):
        attest("G6.3")
    with pytest.raises(Invalid, match="names its evidence"):
        rate("reliability", 3)
    assert not Attestation.objects.filter(from_document=False).exists()
    assert not ScoreChange.objects.filter(from_document=False).exists()


def test_a_score_rises_only_on_new_data() -> None:
    behind = [link.evidence_id for link in ScoreChange.objects.get(category__key="reliability").links.all()]
    with pytest.raises(Invalid, match="rises only on new data"):
        rate("reliability", 3, *behind)
    assert total(rate("reliability", 1, *behind)) == "62.50"


def test_unknown_evidence_criteria_categories_and_programs_are_refused() -> None:
    with pytest.raises(Invalid, match="EV-999999 is no evidence"):
        attest("G6.3", 999999)
    with pytest.raises(NotFound, match="no criterion"):
        attest("G6.9", piece())
    with pytest.raises(NotFound, match="no category"):
        rate("beauty", 3, piece())
    with pytest.raises(NotFound, match="no program"):
        attest("G6.3", piece(), slug="other")
    with pytest.raises(Invalid, match="0 to 4"):
        rate("reliability", 5, piece())


def test_new_evidence_that_is_refused_leaves_nothing_behind() -> None:
    before = Evidence.objects.count()
    with pytest.raises(Invalid, match="future"):
        rate("reliability", 3, new=a_draft("Tomorrow's", collected_at=utcnow() + timedelta(days=1)))
    with pytest.raises(Invalid, match="no place"):
        rate("reliability", 3, new=a_draft("A script", url="javascript:alert(1)"))
    assert Evidence.objects.count() == before


def test_evidence_typed_twice_is_the_same_piece() -> None:
    when = utcnow()
    first = piece("Once", collected_at=when)
    assert piece("Once", collected_at=when) == first
    assert attest("G6.3", first, new=a_draft("Once", collected_at=when)).evaluation.gates[5].status == "PASS"


def test_secrets_in_evidence_are_scrubbed_before_the_first_write() -> None:
    pk = piece(
        "Run with password=hunter2hunter2", url="https://user:s3cret99@ci.example/1", note="key ada@example.test"
    )
    row = Evidence.objects.get(pk=pk)
    assert not any(secret in f"{row.title} {row.url} {row.note}" for secret in ("hunter2", "s3cret99", "ada@"))


def test_looking_writes_nothing() -> None:
    before = Verdict.objects.count()
    verdict_evaluate(slug=SLUG)
    assert Verdict.objects.count() == before


def test_a_verdict_reads_the_same_words_as_their_pages(program: Program) -> None:
    until = utcnow() + timedelta(days=30, microseconds=7)
    measured = {"value": Decimal("0.950000"), "unit": "ratio", "valid_until": until, "note": "Over seven days"}
    pieces = [piece("Boards", outcome=Outcome.PASSED), piece("Budget", **measured), piece("Load", value=Decimal(45))]
    attest("G6.3", piece("An older word"))
    attest("G6.3", *reversed(pieces), note="All of them")
    rate("reliability", 1, pieces[1], note="Less than it was")
    facts = store.program_facts(program)
    assert {fact.criterion: fact for fact in facts.attestations} == {
        row.criterion.key: AttestationFact(
            criterion=row.criterion.key,
            claim=Claim(row.claim),
            evidence=tuple(store.evidence_fact(link.evidence) for link in row.links.all()),
            by=row.actor_name,
            at=row.at,
            note=row.note,
        )
        for row in store.attestations_newest(program)
    }
    scores = [store.score_fact(row) for row in store.scores_newest(program)]
    assert {fact.category: fact for fact in facts.scores} == {fact.category: fact for fact in scores}
    newest = next(fact for fact in facts.attestations if fact.criterion == "G6.3")
    assert [(fact.title, fact.value) for fact in newest.evidence] == [
        ("Load", Decimal(45)), ("Budget", Decimal("0.95")), ("Boards", None),
    ]  # fmt: skip
    assert newest.evidence[1].valid_until == until


def test_moves_are_what_was_said_since_the_import_the_newest_first(program: Program) -> None:
    assert store.moves_recent(program, limit=6) == []
    attest("G6.3", piece(), claim=Claim.NOTED)
    rate("reliability", 3, piece("Seven days without a Sev-1"))
    attest("G7", piece("Budget over the window"))
    moves = store.moves_recent(program, limit=6)
    assert [(move.kind, move.key, move.said, move.by) for move in moves] == [
        ("attestation", "G7", "met", "Ada"), ("score", "reliability", "3", "Ada"),
        ("attestation", "G6.3", "noted", "Ada"),
    ]  # fmt: skip
    assert [move.at for move in moves] == sorted((move.at for move in moves), reverse=True)
    assert moves[0].at == Attestation.objects.latest("pk").at
    assert store.moves_recent(program, limit=2) == moves[:2]
