"""Field selection and renaming for what programs say to machines (INTERFACES.md)."""

from typing import Any

from readiness.programs.services.evaluation import Evaluation
from readiness.programs.services.evidence import evidence_ref
from readiness.programs.services.statement import verdict_statement


def verdict_body(evaluation: Evaluation, *, uplift_status: dict[str, str]) -> dict[str, Any]:
    """`GET /ops/verdicts/<program>` and `manage.py verdict --json`: the statement, just as it is recorded."""
    return verdict_statement(evaluation, uplift_status=uplift_status)


def evidence_answer(*, pk: int, sha256: str, repeated: bool) -> dict[str, Any]:
    """`POST /v1/evidence`: `{"evidence": "EV-31", "sha256": "…"}`; `repeated` marks a retry that added nothing."""
    return {"evidence": evidence_ref(pk), "sha256": sha256, **({"repeated": True} if repeated else {})}
