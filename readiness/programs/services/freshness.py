"""Whether a piece of evidence may still be relied on. Stale, skipped and failed evidence is never a pass."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from readiness.programs.services.facts import EvidenceFact, Outcome

# Clocks of CI machines run a little ahead; more than this is evidence from the future.
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceState:
    """`fresh` is about time alone; `relied_on` is fresh and neither failed nor skipped; `reason` explains a no, as in
    “failed” or “was valid until 2026-02-19”.
    """

    evidence: EvidenceFact
    fresh: bool
    relied_on: bool
    reason: str = ""

    @property
    def named_reason(self) -> str:
        """`Rollback drill (EV-4) was valid until 2026-02-19`."""
        return f"{self.evidence.title} ({self.evidence.ref}) {self.reason}" if self.reason else ""


def evidence_from_future(*, collected_at: datetime, now: datetime) -> bool:
    """Evidence cannot have been collected later than now (a few minutes of clock skew aside)."""
    return collected_at > now + CLOCK_SKEW


def evidence_state(*, evidence: EvidenceFact, at: datetime, max_age_days: int) -> EvidenceState:
    """The evidence as seen at `at`: stale when its own validity has run out or it is older than `max_age_days`.

    Evidence collected after `at` counts as fresh: a program pinned to its document's date goes on to take evidence.
    """
    reason = _stale_reason(evidence=evidence, at=at, max_age_days=max_age_days)
    fresh = not reason
    if evidence.outcome is Outcome.FAILED:
        reason = "failed"
    elif evidence.outcome is Outcome.SKIPPED:
        reason = "was skipped"
    return EvidenceState(evidence=evidence, fresh=fresh, relied_on=fresh and not reason, reason=reason)


def _stale_reason(*, evidence: EvidenceFact, at: datetime, max_age_days: int) -> str:
    if evidence.valid_until is not None and evidence.valid_until < at:
        return f"was valid until {evidence.valid_until:%Y-%m-%d}"
    if at - evidence.collected_at > timedelta(days=max_age_days):
        return f"is of {evidence.collected_at:%Y-%m-%d}, older than {max_age_days} days"
    return ""
