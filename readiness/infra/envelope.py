"""The unified error envelope (requirements 11-20, 70-90): what every failure leaves behind.

INFRASTRUCTURE ONLY (131-134): an envelope is never returned by an API, never rendered on a page, never a product
contract; readers get what `incidents.errors.adapters` makes of it. Pure: no Django, no tables.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from readiness.infra.clock import utcnow
from readiness.infra.correlation import current_correlation

ENVELOPE_VERSION = 1
LAYERS = ("L2", "L3", "L4", "L5", "L6")


class ErrorSeverity(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class ErrorClass(StrEnum):
    """The taxonomy: each class with the one line on when to use it (`when`), as people are shown it.

    `infra.*` the ground gave way, `domain.*` the business rules said no, `system.*` we ourselves are at fault
    (87-89). The document names nine families by example; the full list is ours (DESIGN A18).
    """

    when: str

    def __new__(cls, value: str, when: str = "") -> "ErrorClass":  # what is called later looks a member up by value
        member = str.__new__(cls, value)
        member._value_, member.when = value, when
        return member

    INFRA_NETWORK = "infra.network", "A peer could not be reached or hung up: refused, reset, no such name, bad TLS."
    INFRA_DATABASE = "infra.database", "A database refused a statement, lost the connection or ended a deadlock."
    INFRA_TIMEOUT = "infra.timeout", "No answer came in time, whoever was asked; it may have worked all the same."
    INFRA_STORAGE = "infra.storage", "A file, bucket or disk is missing, full, or does not let itself be read."
    INFRA_QUEUE = "infra.queue", "A broker or queue did not take, keep or deliver a message."
    INFRA_DEPENDENCY = "infra.dependency", "A third party answered in time, and wrongly: a 5xx, or what cannot be read."
    INFRA_RESOURCE = "infra.resource", "Memory, handles, connections or threads of our own machine ran out."
    DOMAIN_VALIDATION = "domain.validation", "An input is well formed and breaks a business rule."
    DOMAIN_AUTHORIZATION = "domain.authorization", "Somebody known, or nobody, asked for what they may not do."
    DOMAIN_BUDGET_EXCEEDED = "domain.budget_exceeded", "A limit of money, credit or quota was reached."
    DOMAIN_CONFLICT = "domain.conflict", "Two changes met, or the thing is in a state that does not allow it."
    DOMAIN_NOT_FOUND = "domain.not_found", "What the business expects to exist does not: an order, a customer."
    DOMAIN_POLICY = "domain.policy", "A policy of the product or of the law forbids it, whoever asks."
    SYSTEM_CONFIGURATION = "system.configuration", "A setting, secret, module or migration is missing or wrong."
    SYSTEM_RECOVERY = "system.recovery", "What was to mend a failure failed itself: a retry, restart or compensation."
    SYSTEM_CORRUPTION = "system.corruption", "Stored data contradict themselves: a checksum, a sum, a broken reference."
    SYSTEM_MONEY_LEAK = "system.money_leak", "Money moved that no record accounts for: charged or settled otherwise."
    SYSTEM_BUG = "system.bug", "Our own code is wrong: a wrong type, a missing key, a broken assumption."
    SYSTEM_SECURITY = "system.security", "A guard was met or broken: a bad signature, a forged form, a broken policy."
    SYSTEM_UNCLASSIFIED = "system.unclassified", "Nothing fits yet. Never choose it: add a rule that says what it is."

    @property
    def family(self) -> str:
        """`infra`, `domain` or `system`."""
        return self.value.split(".", 1)[0]


FAMILIES: Mapping[str, str] = {
    "infra": "The ground gave way: what we run on, or who we call, did not do its part.",
    "domain": "The business rules said no: the code did what it should, and somebody did not get what they asked for.",
    "system": "We ourselves are at fault: code, configuration, data or guards of our own.",
}
LAYER_NAMES: Mapping[str, str] = {
    "L2": "API: takes requests, answers them",
    "L3": "Adapter: selects and renames what the API shows",
    "L4": "Domain: decides by the rules of the business",
    "L5": "Worker: does what may take longer",
    "L6": "Platform: database, broker, files, other services",
}
# Semantic lockdown (126-130): which families a layer may speak of.
ALLOWED_FAMILIES: Mapping[str, frozenset[str]] = {
    "L2": frozenset({"infra", "system"}),
    "L3": frozenset({"infra", "system"}),
    "L4": frozenset({"domain", "system"}),
    "L5": frozenset({"infra", "system"}),
    "L6": frozenset({"infra", "system"}),
}


def layer_may(layer: str, error_class: ErrorClass) -> bool:
    """Whether the lockdown lets the layer speak of the class; a layer that is none may speak of nothing."""
    return error_class.family in ALLOWED_FAMILIES.get(layer, ())


def new_error_id() -> str:
    """`err_` and 12 hex characters (requirement 71): 48 bits, for envelopes that we mint ourselves."""
    return f"err_{secrets.token_hex(6)}"


def input_hash(data: bytes, key: str) -> str:
    """The first 16 hex of HMAC-SHA256 of the input under the installation's key (requirement 83).

    A bare SHA-256 of an e-mail address can be guessed, hence the key (DESIGN).
    """
    return hmac.new(key.encode(), data, hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ErrorEnvelope:
    """One failure. Times are aware UTC; `context` holds only scrubbed, bounded values."""

    error_id: str
    timestamp: datetime
    layer: str
    component: str
    error_class: ErrorClass
    severity: ErrorSeverity
    message: str
    correlation_id: str | None = None
    span_id: str | None = None
    decision_id: str | None = None
    run_id: str | None = None
    agent_id: str | None = None
    tenant_id: str | None = None
    input_hash: str | None = None
    exception_type: str | None = None
    exception_chain: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    release: str | None = None
    environment: str | None = None
    envelope_version: int = ENVELOPE_VERSION

    def __post_init__(self) -> None:
        """Raises ValueError, naming the field, when layer and class do not go together (126-130)."""
        allowed = ALLOWED_FAMILIES.get(self.layer)
        if allowed is None:
            raise ValueError(f"layer: {self.layer!r} is none of {', '.join(LAYERS)}.")
        if self.error_class.family not in allowed:
            raise ValueError(
                f"error_class: {self.layer} may not emit {self.error_class.value}; it speaks of "
                f"{' and '.join(sorted(f'{name}.*' for name in allowed))} only."
            )

    @classmethod
    def create(
        cls,
        *,
        layer: str,
        component: str,
        error_class: ErrorClass,
        severity: ErrorSeverity,
        message: str,
        correlation_id: str | None = None,
        exception_chain: Sequence[str] = (),
        **optional: Any,
    ) -> "ErrorEnvelope":
        """A new envelope, stamped now, with the correlation under way unless another is given (requirement 90)."""
        scope = current_correlation()
        if scope is not None:
            correlation_id = correlation_id or scope.correlation_id
            optional.setdefault("span_id", scope.span_id)
        return cls(
            error_id=new_error_id(),
            timestamp=utcnow(),
            layer=layer,
            component=component,
            error_class=error_class,
            severity=severity,
            message=message,
            correlation_id=correlation_id,
            exception_chain=tuple(exception_chain),
            **optional,
        )
