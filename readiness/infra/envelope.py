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
    """The taxonomy: `infra.*` the ground gave way, `domain.*` the business rules said no, `system.*` we ourselves
    are at fault. The document names nine families by example; the full list is ours (DESIGN A18)."""

    INFRA_NETWORK = "infra.network"  # a peer could not be reached, or hung up
    INFRA_DATABASE = "infra.database"  # a database refused, lost or deadlocked
    INFRA_TIMEOUT = "infra.timeout"  # no answer in time
    INFRA_STORAGE = "infra.storage"  # files, buckets, disks
    INFRA_QUEUE = "infra.queue"  # brokers and queues
    INFRA_DEPENDENCY = "infra.dependency"  # a third party answered, and wrongly
    INFRA_RESOURCE = "infra.resource"  # memory, handles, connections ran out
    DOMAIN_VALIDATION = "domain.validation"  # an input broke a business rule
    DOMAIN_AUTHORIZATION = "domain.authorization"  # someone may not do this
    DOMAIN_BUDGET_EXCEEDED = "domain.budget_exceeded"  # a limit of money or quota was reached
    DOMAIN_CONFLICT = "domain.conflict"  # two truths met: a state that may not be
    DOMAIN_NOT_FOUND = "domain.not_found"  # a thing that must exist does not
    DOMAIN_POLICY = "domain.policy"  # a policy forbids it
    SYSTEM_CONFIGURATION = "system.configuration"  # a setting is missing or wrong
    SYSTEM_RECOVERY = "system.recovery"  # retry, restart or compensation failed
    SYSTEM_CORRUPTION = "system.corruption"  # data contradict themselves
    SYSTEM_BUG = "system.bug"  # a programming error: wrong type, missing attribute
    SYSTEM_SECURITY = "system.security"  # a guard was met or broken
    SYSTEM_UNCLASSIFIED = "system.unclassified"  # nothing fits yet; a rule is missing

    @property
    def family(self) -> str:
        """`infra`, `domain` or `system`."""
        return self.value.split(".", 1)[0]


# Semantic lockdown (126-130): which families a layer may speak of.
ALLOWED_FAMILIES: Mapping[str, frozenset[str]] = {
    "L2": frozenset({"infra", "system"}),
    "L3": frozenset({"infra", "system"}),
    "L4": frozenset({"domain", "system"}),
    "L5": frozenset({"infra", "system"}),
    "L6": frozenset({"infra", "system"}),
}


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
