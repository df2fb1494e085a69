"""The smallest facts and definitions that the pure rules of programs take."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from readiness.programs.services.definition import (
    CategoryDefinition,
    CriterionDefinition,
    GateDefinition,
    ProgramDefinition,
    ProgramKind,
)
from readiness.programs.services.facts import (
    AttestationFact,
    Claim,
    EvidenceFact,
    IncidentFact,
    ProgramFacts,
    ScoreFact,
)
from readiness.programs.services.program_file import LIBRARY, ProgramFile

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LIBRARY_BYTES = (LIBRARY / "phase-1-exit.yaml").read_bytes()


def evidence(ref: str = "EV-1", **fields: Any) -> EvidenceFact:
    known = {"kind": "document", "title": "A document", "collected_at": NOW - timedelta(days=1)}
    return EvidenceFact(ref=ref, **{**known, **fields})


def attestation(criterion: str, *pieces: EvidenceFact, claim: Claim = Claim.MET) -> AttestationFact:
    return AttestationFact(criterion=criterion, claim=claim, evidence=pieces, by="Steph", at=NOW)


def score(category: str, value: int, *pieces: EvidenceFact) -> ScoreFact:
    return ScoreFact(category=category, score=value, evidence=pieces or (evidence(),), by="Steph", at=NOW)


def gate(key: str, **fields: Any) -> GateDefinition:
    criterion = fields.pop("criterion", {})
    criteria = (CriterionDefinition(key=key, text=f"{key} holds", **criterion),)
    return GateDefinition(**{"key": key, "title": f"Gate {key}", "criteria": criteria, **fields})


def category(key: str, weight: int) -> CategoryDefinition:
    return CategoryDefinition(key=key, title=key.capitalize(), weight=weight)


def definition(**fields: Any) -> ProgramDefinition:
    return ProgramDefinition(**{"slug": "pilot", "kind": ProgramKind.GO, "title": "Pilot", **fields})


def incident(priority: str = "P1", **fields: Any) -> IncidentFact:
    known = {"ref": "INC-1", "title": "Money lost", "open": True, "confirmed": True, "first_seen": NOW}
    return IncidentFact(**{**known, "priority": priority, **fields})


def document_facts(file: ProgramFile, *, scores: dict[str, int] | None = None) -> ProgramFacts:
    """What the file's example attests, with some scores set otherwise."""
    example = file.example
    assert example is not None
    known = {
        item.key: EvidenceFact(
            ref=item.key, kind=item.kind, title=item.title, url=item.url, collected_at=item.collected_at
        )
        for item in example.evidence
    }
    return ProgramFacts(
        attestations=tuple(
            attestation(word.criterion, *(known[key] for key in word.evidence), claim=word.claim)
            for word in example.attestations
        ),
        scores=tuple(
            score(word.category, (scores or {}).get(word.category, word.score), *(known[key] for key in word.evidence))
            for word in example.scores
        ),
    )


AS_OF = date(2026, 2, 19)
THRESHOLD = Decimal("80.00")
