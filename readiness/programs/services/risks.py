"""What a program knows of "What breaks if users arrive?": its required gates that are not passed. Pure."""

from collections.abc import Sequence
from datetime import date

from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel
from readiness.programs.services.gates import GateResult, GateStatus


def gate_risks(*, slug: str, gates: Sequence[GateResult], as_of: date | None, project_id: int) -> list[OpsRiskFinding]:
    """Each required gate that is not PASS: FAIL is high, IN_PROGRESS medium."""
    pinned = f" As of {as_of:%Y-%m-%d}, to which the program is pinned." if as_of else ""
    return [
        OpsRiskFinding(
            level=OpsRiskLevel.HIGH if gate.status is GateStatus.FAIL else OpsRiskLevel.MEDIUM,
            kind="gate_failed" if gate.status is GateStatus.FAIL else "gate_open",
            component=slug,
            title=f"{gate.key} {gate.title} is not passed",
            why=f"{gate.note[:1].upper()}{gate.note[1:].removesuffix('.')}.{pinned}",
            todo=f"{gate.next_step[:1].upper()}{gate.next_step[1:].removesuffix('.')}."
            if gate.next_step
            else "Nothing to do here yet: another gate comes first.",
            page=("program-gate", slug, gate.key),
            project_id=project_id,
        )
        for gate in gates
        if gate.required and gate.status is not GateStatus.PASS
    ]
