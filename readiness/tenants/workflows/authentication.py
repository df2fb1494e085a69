"""Which machine calls: API keys and DSN keys. On the hot path of every machine request (thousands a second).

Answers are remembered in this process for at most twice KEY_CACHE_SECONDS: a revocation, a new key and a change of
trust take effect in every process within that. Call these outside READ_ONLY use-cases: a key's use is noted once an
hour.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError

from readiness.infra.clock import utcnow
from readiness.infra.correlation import tenant_note
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants import store
from readiness.tenants.services.callers import Caller, DsnCaller
from readiness.tenants.services.keys import KEY, PUBLIC_KEY, key_hash
from readiness.tenants.services.recent import RecentAnswers

log = structlog.get_logger(__name__)

KEY_CACHE_SECONDS = 0.9  # and as much again while another thread is asking: under two seconds in all
KEY_CACHE_SIZE = 4096
USE_NOTED_EVERY = timedelta(hours=1)
_BIGINT_MAX = 2**63 - 1

_callers: RecentAnswers[str, Caller] = RecentAnswers(seconds=KEY_CACHE_SECONDS, size=KEY_CACHE_SIZE)
_dsn_callers: RecentAnswers[tuple[int, str], DsnCaller] = RecentAnswers(seconds=KEY_CACHE_SECONDS, size=KEY_CACHE_SIZE)


def caller_authenticate(presented: str) -> Caller | None:
    """The caller behind an API key, or None if it is unknown or revoked.

    Revocation takes effect within KEY_CACHE_SECONDS in every process, at once in the one that revoked. The look-up is
    by keyed hash, so nothing has to be compared in constant time (services.keys says why).
    """
    if not KEY.fullmatch(presented):
        return None
    hashed = key_hash(key=presented, secret=settings.READINESS_HASH_KEY)
    caller = _callers.get(hashed, lambda: _caller_look_up(hashed))
    if caller is not None:
        tenant_note(caller.tenant_slug)
    return caller


def dsn_authenticate(project_id: int, public_key: str) -> DsnCaller | None:
    """The program behind a DSN's public key, or None unless the key is active and this project's.

    Remembered as in `caller_authenticate`. The key is public by nature: no hash, no constant-time comparison.
    """
    if not 0 < project_id <= _BIGINT_MAX or not PUBLIC_KEY.fullmatch(public_key):
        return None
    caller = _dsn_callers.get(
        (project_id, public_key), lambda: dsn_look_up(project_id=project_id, public_key=public_key)
    )
    if caller is not None:
        tenant_note(caller.tenant_slug)
    return caller


def forget_recent_answers() -> None:
    """Authenticate afresh in this process: after a change that it made itself."""
    _callers.forget_all()
    _dsn_callers.forget_all()


@transactional(TransactionIntent.READ_ONLY)
def tenant_slug_of(session: Session, *, project_id: int) -> str | None:
    """The slug of the tenant that a project belongs to; None for a project that is not there."""
    found = store.projects_by_id([project_id]).get(project_id)
    return found.tenant.slug if found else None


def _caller_look_up(hashed: str) -> Caller | None:
    found = caller_read(hashed=hashed)
    if found is None:
        return None
    caller, last_used_at = found
    if last_used_at is None or last_used_at <= utcnow() - USE_NOTED_EVERY:
        try:
            api_key_note_use(key_id=caller.key_id)
        except OperationalError:  # a busy database: the note is a courtesy, the request is not
            log.warning("key use not noted", key_id=caller.key_id)
    return caller


@transactional(TransactionIntent.READ_ONLY)
def caller_read(session: Session, *, hashed: str) -> tuple[Caller, datetime | None] | None:
    """The caller with this key hash and when the key was last used; asks the database."""
    return store.caller_by_hash(hashed)


@transactional(TransactionIntent.ATOMIC_WRITE)
def api_key_note_use(session: Session, *, key_id: int) -> None:
    """Note that a key was used, at most once in USE_NOTED_EVERY."""
    store.api_key_used(key_id=key_id, at=utcnow(), at_most_every=USE_NOTED_EVERY)


@transactional(TransactionIntent.READ_ONLY)
def dsn_look_up(session: Session, *, project_id: int, public_key: str) -> DsnCaller | None:
    """As dsn_authenticate, asking the database."""
    return store.dsn_caller_by_key(project_id, public_key)
