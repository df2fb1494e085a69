"""The register of locked risks: locked in this house, open as soon as what holds a risk gives way."""

from pathlib import Path

import pytest

from readiness.infra import envelope
from readiness.lint.risks import Risk, risks_check
from readiness.lint.sources import SourceFile, python_files

ROOT = Path(__file__).resolve().parent.parent.parent


def test_both_risks_of_the_document_are_locked() -> None:
    risks = risks_check(ROOT, python_files(ROOT))
    assert [(risk.title, risk.status, list(risk.open_because)) for risk in risks] == [
        ("Error Classification Drift", "LOCKED", []),
        ("Product API Leak", "LOCKED", []),
    ]


def test_a_layer_that_may_emit_more_opens_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    families = {**envelope.ALLOWED_FAMILIES, "L4": frozenset({"domain", "system", "infra"})}
    monkeypatch.setattr(envelope, "ALLOWED_FAMILIES", families)
    drift, _ = risks_check(ROOT, [])
    assert drift.status == "OPEN"
    assert "L4 may emit infra.timeout, against the table" in drift.open_because


@pytest.mark.parametrize("path", ["incidents/errors/api.py", "incidents/errors/admin/rules.py", "flags/views.py"])
def test_an_envelope_in_what_answers_or_shows_opens_the_second(path: str) -> None:
    leaking = SourceFile(path, "from readiness.infra.envelope import ErrorEnvelope\n")
    _, leak = risks_check(ROOT, [leaking])
    assert str(leak).startswith("Risk 2: Product API Leak — OPEN")
    assert leak.open_because == [f"{path}:1 imports ErrorEnvelope, which is infrastructure only"]


def test_a_document_that_is_gone_opens_its_risks(tmp_path: Path) -> None:
    assert all(risk.status == "OPEN" for risk in risks_check(tmp_path, []))


def test_a_row_names_its_documents() -> None:
    assert str(Risk(3, "A risk", ("a.py", "b.md"))) == "Risk 3: A risk — LOCKED (a.py, b.md)"
