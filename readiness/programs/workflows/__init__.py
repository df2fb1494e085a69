"""Use-cases of programs: import and export, evidence, attestations and scores, the verdict."""

from readiness.programs.workflows.definitions import ImportResult, program_export, program_import, program_unpin
from readiness.programs.workflows.evidence import EvidenceRecorded, evidence_add, evidence_receive
from readiness.programs.workflows.home import HomeView, home_read
from readiness.programs.workflows.verdicts import (
    ProgramView,
    control_changed_handle,
    program_main_view,
    program_view,
    programs_overview,
    verdict_chain_verify,
    verdict_evaluate,
    verdict_record,
    verdicts_record_daily,
)
from readiness.programs.workflows.words import gate_attest, score_set

__all__ = [
    "EvidenceRecorded",
    "HomeView",
    "ImportResult",
    "ProgramView",
    "control_changed_handle",
    "evidence_add",
    "evidence_receive",
    "gate_attest",
    "home_read",
    "program_export",
    "program_import",
    "program_main_view",
    "program_unpin",
    "program_view",
    "programs_overview",
    "score_set",
    "verdict_chain_verify",
    "verdict_evaluate",
    "verdict_record",
    "verdicts_record_daily",
]
