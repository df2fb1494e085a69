"""What a verdict says to the outside, in the shape of INTERFACES ("Verdict"): decimals as strings, dates as ISO text.

It is also what is recorded and hashed, so that a recorded verdict and the answer of that moment are the same words.
"""

import hashlib
import json
from typing import Any

from readiness.infra.clock import isoz
from readiness.programs.services.blockers import Blocker
from readiness.programs.services.evaluation import Evaluation
from readiness.programs.services.freshness import EvidenceState
from readiness.programs.services.gates import GateResult
from readiness.programs.services.rubric import CategoryResult


def verdict_statement(evaluation: Evaluation, *, uplift_status: dict[str, str] | None = None) -> dict[str, Any]:
    """The whole verdict as plain JSON data. `uplift_status` is what the program's document says of each step."""
    rubric, uplift = evaluation.rubric, evaluation.uplift
    words = uplift_status or {}
    return {
        "program": evaluation.program.slug,
        "title": evaluation.program.title,
        "kind": evaluation.program.kind.value,
        "target": evaluation.program.target,
        "verdict": evaluation.verdict.value,
        "evaluable": evaluation.evaluable,
        "score": str(rubric.total) if rubric else None,
        "threshold": str(rubric.threshold) if rubric else None,
        "gap": str(rubric.gap) if rubric else None,
        "blockers": [_blocker(blocker) for blocker in evaluation.blockers],
        "gates": [_gate(gate) for gate in evaluation.gates],
        "rubric": [_category(category) for category in rubric.categories] if rubric else [],
        "uplift": [
            {
                "category": step.title,
                "key": step.step.category,
                "from": step.step.from_score,
                "to": step.step.to_score,
                "points": str(step.points),
                "requirement": step.step.requirement,
                "status": words.get(step.step.category, ""),
                "total_after": str(step.total_after),
            }
            for step in (uplift.steps if uplift else ())
        ],
        "uplift_reaches": str(uplift.reaches) if uplift else None,
        "earliest": evaluation.earliest.isoformat() if evaluation.earliest else None,
        "next_review": evaluation.next_review.isoformat() if evaluation.next_review else None,
        "warnings": list(evaluation.warnings),
        "as_of": evaluation.as_of.isoformat() if evaluation.as_of else None,
        "frozen": {"reason": evaluation.frozen.reason, "since": str(evaluation.frozen.since or "") or None}
        if evaluation.frozen
        else None,
        "evaluated_at": isoz(evaluation.evaluated_at),
    }


def _blocker(blocker: Blocker) -> dict[str, Any]:
    return {"kind": blocker.kind, "ref": blocker.ref, "text": blocker.text, "next": blocker.next_step}


def _gate(gate: GateResult) -> dict[str, Any]:
    evidence = {state.evidence.ref: state for criterion in gate.criteria for state in criterion.evidence}
    return {
        "key": gate.key,
        "title": gate.title,
        "status": gate.status.value,
        "required": gate.required,
        "note": gate.note,
        "waits_for": list(gate.waiting_for),
        "criteria": [
            {"key": c.key, "text": c.text, "status": c.status.value, "reason": c.reason} for c in gate.criteria
        ],
        "evidence": [_evidence(state) for state in evidence.values()],
    }


def _evidence(state: EvidenceState) -> dict[str, Any]:
    evidence = state.evidence
    return {
        "id": evidence.ref,
        "kind": evidence.kind,
        "title": evidence.title,
        "url": evidence.url,
        "note": evidence.note,
        "outcome": evidence.outcome.value,
        "collected_at": isoz(evidence.collected_at),
        "valid_until": isoz(evidence.valid_until),
        "fresh": state.fresh,
    }


def _category(category: CategoryResult) -> dict[str, Any]:
    return {
        "category": category.title,
        "key": category.key,
        "weight": category.weight,
        "score": category.score,
        "points": str(category.points),
        "counts": category.counts,
        "note": category.note,
        "evidence": [_evidence(state) for state in category.evidence],
    }


def verdict_state(evaluation: Evaluation) -> str:
    """SHA-256 over what the verdict turns on: two evaluations that agree in it need no second record on one day."""
    rubric = evaluation.rubric
    turns_on = [
        evaluation.verdict.value,
        str(rubric.total) if rubric else "",
        str(rubric.threshold) if rubric else "",
        [(b.kind, b.ref) for b in evaluation.blockers],
        [(g.key, g.status.value) for g in evaluation.gates],
        [(c.key, c.weight, c.score, c.counts) for c in rubric.categories] if rubric else [],
    ]
    return hashlib.sha256(json.dumps(turns_on).encode()).hexdigest()
