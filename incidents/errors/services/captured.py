"""What capture hands to the store: one scrubbed, classified, fingerprinted error, ready to be a row."""

from dataclasses import dataclass
from datetime import datetime

from readiness.infra.envelope import ErrorEnvelope


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an error came from, taken from the key and never from the body.

    `trusted`: the key is kept server-side, so its events may act by themselves (DESIGN). `synthetic`: a self-check.
    `correlation_id`: of the trace that the sending request belongs to, for errors that name none themselves.
    """

    project_id: int
    trusted: bool = False
    synthetic: bool = False
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class CapturedError:
    """`content_hmac`: 32 bytes over the item as sent, so that a retry is told from a collision (DESIGN). `title` and
    `culprit` name the group for people; `payload` is the scrubbed detail, zstd-compressed JSON.
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


@dataclass(frozen=True, slots=True)
class StoredError:
    """The answer for one captured error: the id it is stored under, whether it was a retry, its incident (`INC-12`)."""

    error_id: str
    duplicate: bool
    incident: str | None
