"""Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a retry gets the first answer again.

The draft has a quoted structured-field string; bare tokens are taken too. Answers are kept for a day.
"""

import hashlib
from datetime import timedelta
from typing import Any, NamedTuple

from readiness.infra.clock import utcnow
from readiness.infra.models import IdempotentAnswer
from readiness.infra.refusals import FieldError, Invalid, Malformed
from readiness.infra.transactions import Session, TransactionIntent, transactional

KEPT = timedelta(hours=24)
MAX_KEY = 255


class KeptAnswer(NamedTuple):
    status: int
    answer: Any


def idempotency_key_read(header: str | None) -> str | None:
    """The key of the header, unquoted; None without one. Raises Malformed."""
    if header is None:
        return None
    key = header.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not key or len(key) > MAX_KEY or not key.isprintable():
        raise Malformed(f"Idempotency-Key must be a string of 1 to {MAX_KEY} printable characters.")
    return key


def body_hash(body: bytes) -> str:
    """64 hex: tells a retry from another request under the same key."""
    return hashlib.sha256(body).hexdigest()


@transactional(TransactionIntent.READ_ONLY)
def idempotent_find(session: Session, *, project_id: int, scope: str, key: str, body: bytes) -> KeptAnswer | None:
    """The answer kept for this key, None if there is none. Raises Invalid when the key came with another body."""
    row = IdempotentAnswer.objects.filter(project_id=project_id, scope=scope, key=key).first()
    if row is None or row.created_at < utcnow() - KEPT:
        return None
    if row.body_hash != body_hash(body):
        raise Invalid(
            "This Idempotency-Key was used with another body; use a new key for a new request.",
            errors=[FieldError("", "Same key, different body.")],
        )
    return KeptAnswer(row.status, row.answer)


@transactional(TransactionIntent.ATOMIC_WRITE)
def idempotent_keep(
    session: Session, *, project_id: int, scope: str, key: str, body: bytes, status: int, answer: Any
) -> None:
    """Keep the answer for the key's retries; the first one kept stays. Answers past their day go."""
    now = utcnow()
    IdempotentAnswer.objects.filter(created_at__lt=now - KEPT).delete()
    IdempotentAnswer.objects.bulk_create(
        [
            IdempotentAnswer(
                project_id=project_id,
                scope=scope,
                key=key,
                body_hash=body_hash(body),
                status=status,
                answer=answer,
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )


@transactional(TransactionIntent.ATOMIC_WRITE)
def idempotent_forget(session: Session) -> int:
    """Forget the answers past their day; how many."""
    return IdempotentAnswer.objects.filter(created_at__lt=utcnow() - KEPT).delete()[0]
