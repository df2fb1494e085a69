"""What errors ask of people: category, operator severity, proposed priority (144-145, 157-158, 349-352)."""

from enum import StrEnum

from readiness.infra.envelope import ErrorClass, ErrorSeverity


class OpsSeverity(StrEnum):
    """What an operator is asked for, in rising order."""

    INFO = "info"
    ATTENTION = "attention"
    ACTION = "action"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        return list(OpsSeverity).index(self)


class OpsIncidentCategory(StrEnum):
    """What kind of failure it is, in an operator's words."""

    EXECUTION_FAILURE = "execution_failure"
    BUDGET_EXHAUSTION = "budget_exhaustion"
    POLICY_VIOLATION = "policy_violation"
    INVALID_INPUT = "invalid_input"
    DEPENDENCY_FAILURE = "dependency_failure"
    DATA_INTEGRITY = "data_integrity"
    CONFIGURATION = "configuration"
    SECURITY = "security"
    UNCLASSIFIED = "unclassified"


_CATEGORIES: dict[ErrorClass, OpsIncidentCategory] = {
    ErrorClass.INFRA_NETWORK: OpsIncidentCategory.DEPENDENCY_FAILURE,
    ErrorClass.INFRA_DATABASE: OpsIncidentCategory.DEPENDENCY_FAILURE,
    ErrorClass.INFRA_TIMEOUT: OpsIncidentCategory.EXECUTION_FAILURE,
    ErrorClass.INFRA_STORAGE: OpsIncidentCategory.DEPENDENCY_FAILURE,
    ErrorClass.INFRA_QUEUE: OpsIncidentCategory.DEPENDENCY_FAILURE,
    ErrorClass.INFRA_DEPENDENCY: OpsIncidentCategory.DEPENDENCY_FAILURE,
    ErrorClass.INFRA_RESOURCE: OpsIncidentCategory.EXECUTION_FAILURE,
    ErrorClass.DOMAIN_VALIDATION: OpsIncidentCategory.INVALID_INPUT,
    ErrorClass.DOMAIN_AUTHORIZATION: OpsIncidentCategory.POLICY_VIOLATION,
    ErrorClass.DOMAIN_BUDGET_EXCEEDED: OpsIncidentCategory.BUDGET_EXHAUSTION,
    ErrorClass.DOMAIN_CONFLICT: OpsIncidentCategory.DATA_INTEGRITY,
    ErrorClass.DOMAIN_NOT_FOUND: OpsIncidentCategory.EXECUTION_FAILURE,
    ErrorClass.DOMAIN_POLICY: OpsIncidentCategory.POLICY_VIOLATION,
    ErrorClass.SYSTEM_CONFIGURATION: OpsIncidentCategory.CONFIGURATION,
    ErrorClass.SYSTEM_RECOVERY: OpsIncidentCategory.EXECUTION_FAILURE,
    ErrorClass.SYSTEM_CORRUPTION: OpsIncidentCategory.DATA_INTEGRITY,
    ErrorClass.SYSTEM_MONEY_LEAK: OpsIncidentCategory.DATA_INTEGRITY,
    ErrorClass.SYSTEM_BUG: OpsIncidentCategory.EXECUTION_FAILURE,
    ErrorClass.SYSTEM_SECURITY: OpsIncidentCategory.SECURITY,
    ErrorClass.SYSTEM_UNCLASSIFIED: OpsIncidentCategory.UNCLASSIFIED,
}
# What 349 calls critical by what it is: money leak, data corruption, breach.
GRAVEST_CLASSES = frozenset({ErrorClass.SYSTEM_MONEY_LEAK, ErrorClass.SYSTEM_CORRUPTION, ErrorClass.SYSTEM_SECURITY})
# Incidents in one of these wait for a person.
OPEN_STATES = ("detected", "acknowledged", "diagnosed", "recurred")
_RANK = {severity: rank for rank, severity in enumerate(ErrorSeverity)}
# Occurrences from which on an ERROR asks for more: once is attention, ten is action, a hundred is urgent.
ACTION_FROM = 10
URGENT_FROM = 100
# Times within an hour from which on errors are a high rate (350), and no minor bug any more.
HIGH_RATE = 100


def incident_category(error_class: ErrorClass) -> OpsIncidentCategory:
    """The operator's category of an error class."""
    return _CATEGORIES[error_class]


def worse_severity(one: str, other: str) -> str:
    """The worse of two severities by name."""
    return max(ErrorSeverity(one), ErrorSeverity(other), key=_RANK.__getitem__).value


def ops_severity_compute(*, severity: ErrorSeverity, error_class: ErrorClass, occurrences: int) -> OpsSeverity:
    """What an incident asks for, from its worst severity, its class and how often it happened."""
    if severity is ErrorSeverity.CRITICAL or error_class in GRAVEST_CLASSES:
        return OpsSeverity.URGENT
    if severity is ErrorSeverity.ERROR:
        if occurrences >= URGENT_FROM:
            return OpsSeverity.URGENT
        return OpsSeverity.ACTION if occurrences >= ACTION_FROM else OpsSeverity.ATTENTION
    if severity is ErrorSeverity.WARNING:
        return OpsSeverity.ATTENTION if occurrences >= ACTION_FROM else OpsSeverity.INFO
    return OpsSeverity.INFO


def priority_propose(*, severity: ErrorSeverity, error_class: ErrorClass) -> str:
    """P0 to P3 as a rule proposes it (349-352); a person confirms or corrects it.

    Money leak, corruption and breach are P0; a critical error is P1; an error is P2, until it comes often
    (priority_raise); anything less is P3.
    """
    if error_class in GRAVEST_CLASSES and _RANK[severity] >= _RANK[ErrorSeverity.ERROR]:
        return "P0"
    if severity is ErrorSeverity.CRITICAL:
        return "P1"
    return "P2" if severity is ErrorSeverity.ERROR else "P3"


def priority_raise(*, proposed: str, last_hour: int) -> str:
    """The priority to propose once it is known how often it came within an hour: a high error rate is P1 (350). Only
    what was proposed as P2 is raised, and nothing is ever lowered: that is a person's to say.
    """
    return "P1" if proposed == "P2" and last_hour >= HIGH_RATE else proposed
