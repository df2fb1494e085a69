"""Fair limits at work: what the doors ask, what a commit writes, and what founders are told of it.

The decisions are incidents.errors.services.limits'; the figures of the present minute its limit_book's. A key's refused
errors were not acknowledged: they are counted within a second. Sampled ones were: they are counted in the transaction
that their answer waits for. A sampled error is not entered among the ids, so a retry of it counts once more.
"""

import atexit
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from threading import Lock, Timer
from time import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from incidents.errors.services.captured import CapturedError
from incidents.errors.services.limit_book import KEY, GroupMinute, LimitBook, Ref
from incidents.errors.services.limits import (
    LimitReason,
    Limits,
    key_notice_text,
    limits_settle,
    sample_notice_text,
)
from incidents.errors.services.rate_limits import CaptureLimited
from incidents.errors.store import limits as store
from incidents.errors.store.drops import DropKey, drops_add
from readiness.infra.clock import utcnow
from readiness.infra.notices import notice_publish
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.services.recent import RecentAnswers
from readiness.tenants.workflows import tenant_slug_of

log = logging.getLogger(__name__)

_REFUSALS_WAIT = 1.0  # seconds, at the most, until refused errors are counted in the database
_SETTINGS_SECONDS = 0.9  # and as much again while another thread is asking: a change takes effect within two

_book = LimitBook()
_limits: RecentAnswers[int, Limits] = RecentAnswers(seconds=_SETTINGS_SECONDS, size=4096)
_noticed: set[tuple[date, int, str, str]] = set()


# --- which limits -----------------------------------------------------------------------------------------------------


def limits_default() -> Limits:
    """The installation's, by its environment."""
    return Limits(
        key_per_minute=settings.READINESS_KEY_EVENTS_PER_MINUTE,
        incident_per_minute=settings.READINESS_INCIDENT_EVENTS_PER_MINUTE,
        burst_minutes=settings.READINESS_INCIDENT_BURST_MINUTES,
        spike_factor=settings.READINESS_SPIKE_FACTOR,
    )


@transactional(TransactionIntent.READ_ONLY)
def limits_read(session: Session, *, project_id: int) -> Limits:
    """The limits that hold for a project now; asks the database."""
    own, everybody = store.limit_settings(project_id)
    return limits_settle(default=limits_default(), everybody=everybody, own=own)


def limits_of(project_id: int) -> Limits:
    """The same, remembered for a moment; the installation's own while the database cannot be asked."""
    try:
        return _limits.get(project_id, lambda: limits_read(project_id=project_id)) or limits_default()
    except (OperationalError, InterfaceError) as down:
        log.warning("the limits of project %s could not be read: %s", project_id, down)
        return limits_default()


def limits_forget_recent() -> None:
    """Read the limits afresh in this process: after a change that it made itself."""
    _limits.forget_all()


# --- keys: at the door ------------------------------------------------------------------------------------------------


def key_is_full(*, project_id: int, key_kind: str, key_id: int) -> bool:
    """The key has nothing left of its minute; its errors need not be read further than to be counted."""
    limits = limits_of(project_id)
    ref = Ref(project_id, KEY, f"{key_kind}:{key_id}")
    return bool(limits.key_per_minute) and _book.key_is_full(ref, limits=limits, now=time())


def key_admit(*, project_id: int, key_kind: str, key_id: int, errors: int) -> None:
    """Take a request's errors in. Raises CaptureLimited (429) when the key is over its limit; they are then counted."""
    limits = limits_of(project_id)
    if not limits.key_per_minute or not errors:
        return
    ref = Ref(project_id, KEY, f"{key_kind}:{key_id}")
    if not (wait := _book.key_take(ref, errors=errors, limits=limits, now=time())):
        return
    _refused.add(DropKey(project_id, "console", "error", LimitReason.KEY.value, key_kind, key_id), errors)
    raise CaptureLimited(
        f"This key is over its limit of {limits.key_per_minute} errors a minute; send again in {wait} s. What is "
        "refused is counted; a founder can raise the limit in the admin under Capture settings.",
        seconds=wait,
        reason=LimitReason.KEY.value,
    )


class _Refused:
    """Refused errors on their way into the database, by a thread of their own that lives for a second."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[DropKey] = Counter()
        self._timer: Timer | None = None

    def add(self, key: DropKey, errors: int) -> None:
        with self._lock:
            self._counts[key] += errors
            if self._timer is None:
                self._timer = Timer(_REFUSALS_WAIT, self._write_and_leave)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Count what waits, now; on failure it goes on waiting."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if not counts:
            return
        try:
            refusals_commit(counts=counts)
        except DatabaseError as down:
            log.warning("%s refused errors wait to be counted: %s", counts.total(), down)
            for key, errors in counts.items():
                self.add(key, errors)

    def _write_and_leave(self) -> None:
        try:
            self.write()
        finally:
            connection.close()  # the thread's own


_refused = _Refused()


@transactional(TransactionIntent.ATOMIC_WRITE)
def refusals_commit(session: Session, *, counts: Mapping[DropKey, int]) -> None:
    """Count refused errors, and tell the founders of each key's first today."""
    at = utcnow()
    drops_add(counts, at=at)
    for key in sorted(counts):
        limit = limits_read(project_id=key.project_id).key_per_minute
        whose = tenant_slug_of(project_id=key.project_id) or f"project {key.project_id}"
        text = key_notice_text(whose=whose, key_kind=key.key_kind, limit=limit)
        _notice(session, key.project_id, scope="key", ref=f"{key.key_kind}:{key.key_id}", text=text, at=at)


# --- incidents: kept or sampled ---------------------------------------------------------------------------------------


def group_admit(project_id: int, fingerprint: str) -> str:
    """Why this error of a group is only counted; empty when it is kept in full. Each call counts one error."""
    limits = limits_of(project_id)
    if not limits.watches_incidents:
        return ""
    return _book.group_take(project_id=project_id, fingerprint=fingerprint, limits=limits, now=time()) or ""


def errors_sample(errors: Sequence[CapturedError]) -> Sequence[CapturedError]:
    """The errors, each of them asked for; those that were asked for while they were captured stay as they are."""
    if all(error.sampled is not None for error in errors):
        return errors
    return [
        error
        if error.sampled is not None
        else replace(error, sampled=group_admit(error.origin.project_id, error.fingerprint))
        for error in errors
    ]


def sampled_record(session: Session, *, errors: Sequence[CapturedError], incidents: Sequence[str]) -> None:
    """Count errors that are not kept against their incidents (`INC-12`), inside the transaction under way."""
    counts: Counter[DropKey] = Counter()
    at = utcnow()
    for error, incident in zip(errors, incidents, strict=True):
        origin, number = error.origin, int(incident.removeprefix("INC-"))
        key = DropKey(
            origin.project_id, "console", "error", error.sampled or "", origin.key_kind, origin.key_id, number
        )
        counts[key] += 1
    drops_add(counts, at=at)
    for project_id, number, reason in sorted({(key.project_id, key.incident_id, key.reason) for key in counts}):
        scope, ref = ("spike" if reason == LimitReason.SPIKE else "incident"), f"INC-{number}"
        text = sample_notice_text(incident=ref, reason=reason, limits=limits_of(project_id))
        _notice(session, project_id, scope=scope, ref=ref, text=text, at=at)


def windows_record(session: Session) -> None:
    """Add what this process counted to the installation's windows, when it is time to; the last thing in a commit, for
    their rows are those that processes wait for each other at.
    """
    writing = _book.due(time())
    if writing is not None:
        transaction.on_commit(partial(_book.written, writing, store.windows_add(writing.rows)))


def windows_fold() -> None:
    """Once a minute, after a commit: what all processes counted in the minutes that are over."""
    if (unread := _book.unread(time())) is None:
        return
    since, until = unread
    try:
        _book.fold(group_minutes_read(since=since, until=until), until=until, limits_of=limits_of)
    except DatabaseError as down:
        log.warning("the limits' past minutes could not be read: %s", down)


@transactional(TransactionIntent.READ_ONLY)
def group_minutes_read(session: Session, *, since: int, until: int) -> list[GroupMinute]:
    """What was counted of each group in the minutes [since, until)."""
    return store.group_minutes(since=since, until=until)


# --- what founders are told -------------------------------------------------------------------------------------------


def _notice(session: Session, project_id: int, *, scope: str, ref: str, text: str, at: datetime) -> None:
    """Once a day for each key and incident: a row that founders see, a line in the log, a notice to who is told."""
    known = (at.date(), project_id, scope, ref)
    if known in _noticed:
        return
    notice = store.notice_add(project_id=project_id, scope=scope, ref=ref, text=text, at=at)
    if notice is not None:
        log.warning("limit: %s", text, extra={"scope": scope, "ref": ref})
        notice_publish(
            session,
            kind="capture.limited",
            key=f"limit:{scope}:{ref}:{at:%Y-%m-%d}",
            title=text.split(". ", maxsplit=1)[0],
            text=text,
            project_id=project_id,
            page="/connect/" if scope == "key" else f"/incidents/{ref}/",
        )
    transaction.on_commit(partial(_noticed.add, known))


def limiting_settle() -> None:
    """Count what waits, and forget what this process knows (a process that goes, a test that is done)."""
    global _book
    _refused.write()
    _book = LimitBook()
    _limits.forget_all()
    _noticed.clear()


atexit.register(_refused.write)
