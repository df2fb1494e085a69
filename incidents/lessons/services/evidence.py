"""Which of the expected kinds of evidence an incident has: what is missing is shown and counted (requirements 5-8)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What the newest events of an incident carry, as their L3 view says."""

    exception: bool
    release: bool
    environment: bool
    correlation: bool
    input_hash: bool
    breadcrumbs: bool


@dataclass(frozen=True, slots=True)
class EvidenceCompleteness:
    """Names of the kinds of evidence, in reading order."""

    present: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def expected(self) -> int:
        return len(self.present) + len(self.missing)


_NAMES = {
    "exception": "exception chain",
    "release": "release",
    "environment": "environment",
    "correlation": "correlation id",
    "input_hash": "input hash",
    "breadcrumbs": "breadcrumbs",
}


def evidence_completeness_compute(*, facts: EvidenceFacts) -> EvidenceCompleteness:
    """Six kinds are expected in this release; decisions and their replay join them with their own subject."""
    held = {name: bool(getattr(facts, field)) for field, name in _NAMES.items()}
    return EvidenceCompleteness(
        present=tuple(name for name, has in held.items() if has),
        missing=tuple(name for name, has in held.items() if not has),
    )
