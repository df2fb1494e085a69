"""OpsRiskFinding: a preflight risk, the answer to "What breaks if users arrive?" (140, 147). Pure.

Each subject reads what it knows into findings (settings.READINESS_RISK_SOURCES); here they become one list. Nothing is
shaped for a page, and nobody is asked who reads.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

FINDINGS_A_SOURCE = 50
REFS_NAMED = 5


class OpsRiskLevel(StrEnum):
    """How much would break, in rising order. Critical: data, money or everybody; low: worth knowing."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(OpsRiskLevel).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpsRiskFinding:
    """One thing that breaks, or that nobody would see breaking (`blind`). `kind` is a rule's name (ops_rules), `title`
    says what, `why` how it is known, `todo` what to do. `component` is where, empty for the installation; `count` how
    many things it stands for. `page`: the console page that shows it, as the name of an address and its arguments.
    `now`: it breaks already, and not only for those who arrive.
    """

    level: OpsRiskLevel
    kind: str
    component: str
    title: str
    why: str
    todo: str
    page: tuple[str, ...] = ()
    project_id: int = 0
    count: int = 1
    blind: bool = False
    now: bool = False


def risks_order(findings: Iterable[OpsRiskFinding]) -> list[OpsRiskFinding]:
    """The gravest first; of one level what breaks already, blind spots last, else in the order of their sources."""
    return sorted(findings, key=lambda finding: (-finding.level.rank, finding.blind, not finding.now))


def risk_counts(findings: Iterable[OpsRiskFinding]) -> dict[OpsRiskLevel, int]:
    """How many findings of each level, the gravest first; every level is named, also at zero."""
    counted = Counter(finding.level for finding in findings)
    return {level: counted[level] for level in reversed(OpsRiskLevel)}


def risks_from(findings: Iterable[OpsRiskFinding], *, floor: OpsRiskLevel) -> list[OpsRiskFinding]:
    """Those at or above a level, in the order they came."""
    return [finding for finding in findings if finding.level.rank >= floor.rank]


def risks_sentence(findings: Sequence[OpsRiskFinding]) -> str:
    """`2 critical and 1 high.`, or that nothing grave is known, or nothing at all; blind spots are not counted."""
    known = [finding for finding in findings if not finding.blind]
    counts = risk_counts(known)
    grave = [f"{counts[level]} {level.value}" for level in (OpsRiskLevel.CRITICAL, OpsRiskLevel.HIGH) if counts[level]]
    if grave:
        return f"{' and '.join(grave)}."
    if not known:
        return "Nothing is known to break."
    return f"Nothing critical or high is known; {len(known)} lesser finding{'' if len(known) == 1 else 's'}."


def refs_words(refs: Sequence[str], *, total: int | None = None) -> str:
    """`INC-1, INC-2 and 7 more`; `total` where more are known of than are named."""
    named, number = list(refs[:REFS_NAMED]), total if total is not None else len(refs)
    rest = number - len(named)
    if rest > 0:
        return f"{', '.join(named)} and {rest} more"
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)
