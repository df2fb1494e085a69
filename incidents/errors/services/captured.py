"""What capture hands to the store: one scrubbed, classified, fingerprinted error, ready to be a row."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from readiness.infra.envelope import ErrorEnvelope


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an error came from, taken from the key and never from the body.

    `trusted`: the key is kept server-side, so its events may act by themselves (DESIGN). `synthetic`: a self-check.
    `correlation_id`: of the trace that the sending request belongs to, for errors that name none themselves.
    `key_kind` (`dsn` or `api`) and `key_id`: the key that sent it; empty and 0 for the console's own errors.
    `told`: whoever captures it tells people of it, so that its incident does not tell them once more.
    """

    project_id: int
    trusted: bool = False
    synthetic: bool = False
    correlation_id: str | None = None
    key_kind: str = ""
    key_id: int = 0
    told: bool = False


# Asked with (project id, fingerprint) before the costly part: why an error is only counted, empty when it is kept.
Admit = Callable[[int, str], str]


@dataclass(frozen=True, slots=True)
class CapturedError:
    """`content_hmac`: 32 bytes over the item as sent, so that a retry is told from a collision (DESIGN). `title` and
    `culprit` name the group for people; `payload` is the scrubbed detail, zstd-compressed JSON. `sampled`: why it is
    counted and not kept (services.limits), empty when it is kept, None while nobody has asked. `previous`: computes its
    hash under the algorithm's version before; called only when the new one is unknown, and only for a time.
    """

    origin: Origin
    envelope: ErrorEnvelope
    fingerprint: str
    fingerprint_version: int
    title: str
    culprit: str
    content_hmac: bytes
    payload: bytes
    received_at: datetime
    sampled: str | None = None
    previous: Callable[[], str] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class StoredError:
    """The answer for one captured error: the id it is stored under, whether it was a retry, its incident (`INC-12`);
    `sampled`: why it was only counted, empty as a rule.
    """

    error_id: str
    duplicate: bool
    incident: str | None
    sampled: str = ""
