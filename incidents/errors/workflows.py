"""Capture's use-cases: store a batch, record the console's own failures, keep partitions, forget by retention."""

import logging
import time
import traceback
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils.module_loading import import_string

from incidents.errors import store
from incidents.errors.models import ErrorEvent
from incidents.errors.services.captured import CapturedError, Origin, StoredError
from incidents.errors.services.classifying import error_class_of_exception
from incidents.errors.services.native import envelope_capture
from incidents.errors.services.normalising import Keys
from incidents.errors.services.rollups import RollupCounts, RollupKey
from incidents.errors.services.sinks import IncidentSink
from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ALLOWED_FAMILIES, ErrorClass, ErrorEnvelope, ErrorSeverity
from readiness.infra.group_commit import GroupCommit
from readiness.infra.redaction import text_scrub
from readiness.infra.refusals import Unavailable
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

log = logging.getLogger(__name__)
PARTITIONS_AHEAD = 7
_TURN_S = 0.05  # between two batches of retention: whoever waits for the database's one writer gets a turn
CONSOLE_PROJECT = 0


@cache
def keys() -> Keys:
    """The keys under which capture hashes what it does not store."""
    return Keys(hash_key=settings.READINESS_HASH_KEY.encode())


@cache
def _sink() -> IncidentSink:
    sink: IncidentSink = import_string(settings.READINESS_INCIDENT_SINK)()
    return sink


def errors_store(errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    """Store the errors; returns only after the commit that holds each event, its rollup and its incident.

    Raises Unavailable when the database cannot be reached.
    """
    if not errors:
        return []
    _connection_give_back()
    return _group.submit(errors)


def _connection_give_back() -> None:
    """Return a pooled connection before waiting for the committing thread, which needs one itself: sixty-four requests
    that each hold one of eight would otherwise wait for a thread that waits for them.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()


def errors_settle() -> None:
    """Commit what waits and let the committing thread end (a process that goes, a test that is done)."""
    _group.close()


def _commit(errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    try:
        return errors_commit(errors=errors)
    except (OperationalError, InterfaceError):
        connection.close()  # a lost connection is opened again once; a locked database is asked once more
    try:
        return errors_commit(errors=errors)
    except (OperationalError, InterfaceError) as down:
        connection.close()
        log.error("capture could not commit: %s", down)
        raise Unavailable(
            "The database cannot be reached; nothing is lost if you send it again.", headers={"Retry-After": "5"}
        ) from down


def _connection_close() -> None:
    connection.close()  # `connection` is each thread's own: it has to be asked for in the thread that ends


_group: GroupCommit[CapturedError, StoredError] = GroupCommit(_commit, at_end=_connection_close)


@transactional(TransactionIntent.LOCKED_MUTATION)
def errors_commit(txn: SingleConnectionTxn, *, errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    """One transaction: ledger, events, rollups, incidents. First write wins; another error under a taken id is kept
    under an id derived from its content, and logged (DESIGN).
    """
    placed = _ids_settle(errors)
    new = [(error, error_id) for error, (error_id, is_new) in zip(errors, placed, strict=True) if is_new]
    store.events_insert(new)
    sink = _sink()
    new_incidents = iter(sink.record([error for error, _ in new]))
    old = [error for error, (_, is_new) in zip(errors, placed, strict=True) if not is_new]
    old_incidents = iter(sink.incidents_of(old) if old else ())
    return [
        StoredError(error_id, duplicate=not is_new, incident=next(new_incidents if is_new else old_incidents))
        for error_id, is_new in placed
    ]


def _ids_settle(errors: Sequence[CapturedError]) -> list[tuple[str, bool]]:
    """(id to store under, whether it is new) for each error: a retry is not new, a collision gets a derived id."""
    settled: list[tuple[str, bool] | None] = [None] * len(errors)
    asked = [error.envelope.error_id for error in errors]
    for _ in range(2):  # the second round is for the derived ids of collisions
        first: dict[tuple[int, str], int] = {}
        for index, error in enumerate(errors):
            if settled[index] is None:
                first.setdefault((error.origin.project_id, asked[index]), index)
        entries = [
            (project, error_id, errors[index].content_hmac, errors[index].received_at.date())
            for (project, error_id), index in sorted(first.items())
        ]
        won = store.ledger_enter(entries)
        lost = [key for key in first if key not in won]
        contents = store.ledger_contents(lost)
        contents.update({key: errors[first[key]].content_hmac for key in won})
        for index, error in enumerate(errors):
            if settled[index] is not None:
                continue
            key = (error.origin.project_id, asked[index])
            if key in won and first[key] == index:
                settled[index] = (asked[index], True)
            elif contents.get(key) == error.content_hmac:
                settled[index] = (asked[index], False)
            else:
                derived = store.collision_id(key[0], error.envelope.error_id, error.content_hmac)
                log.warning("error id %s of project %s is taken by another error; kept as %s", key[1], key[0], derived)
                asked[index] = derived
        if None not in settled:
            break
    # A derived id that is taken by other content again would be a SHA-256 collision: it counts as a retry.
    return [found or (asked[index], False) for index, found in enumerate(settled)]


@transactional(TransactionIntent.ATOMIC_WRITE)
def drops_record(session: Session, *, project_id: int, source: str, drops: Sequence[tuple[str, str, int]]) -> None:
    """Count errors that never became events: (category, reason, quantity), from the SDK's own report or our refusal."""
    if drops:
        store.drops_count(project_id=project_id, hour=store.hour_of(utcnow()), source=source, drops=drops)


def console_error_record(exception: BaseException, *, component: str, layer: str, context: dict[str, Any]) -> str:
    """The console's own failure through the same path as everybody's (project 0); its error id.

    Never raises: where even that fails, the log has both.
    """
    error_class = error_class_of_exception(type(exception).__name__)
    if error_class.family not in ALLOWED_FAMILIES[layer]:
        error_class = ErrorClass.SYSTEM_UNCLASSIFIED
    envelope = ErrorEnvelope.create(
        layer=layer,
        component=component[:200],
        error_class=error_class,
        severity=ErrorSeverity.ERROR,
        message=text_scrub(str(exception))[:8_192] or type(exception).__name__,
        exception_type=type(exception).__name__,
        exception_chain=_chain(exception),
        context=context,
        release=f"readiness-console@{settings.READINESS_VERSION}",
        environment="console",
    )
    log.error("%s failed: %s (%s)", component, exception, envelope.error_id, exc_info=exception)
    frames = [
        {"module": frame.filename.rsplit("/", 1)[-1], "function": frame.name, "lineno": frame.lineno, "in_app": True}
        for frame in traceback.extract_tb(exception.__traceback__)[-30:]
    ]
    try:
        captured = envelope_capture(
            envelope=envelope, origin=Origin(CONSOLE_PROJECT, trusted=True), keys=keys(), received_at=utcnow(),
            frames=frames,
        )  # fmt: skip
        errors_store([captured])
    except (DatabaseError, Unavailable) as unstored:
        log.error("the console's own error %s could not be stored: %s", envelope.error_id, unstored)
    return envelope.error_id


def _chain(exception: BaseException) -> list[str]:
    chain: list[str] = []
    link: BaseException | None = exception
    while link is not None and len(chain) < 10:
        chain.append(text_scrub(f"{type(link).__name__}: {link}")[:500])
        link = link.__cause__ or link.__context__
    return chain


@transactional(TransactionIntent.READ_ONLY)
def error_find(session: Session, *, project_id: int, error_id: str) -> ErrorEvent | None:
    """One stored error by its id."""
    return store.event_find(project_id=project_id, error_id=error_id)


@transactional(TransactionIntent.ATOMIC_WRITE)
def partitions_ensure(session: Session) -> list[str]:
    """Daily partitions for today and the week ahead (PostgreSQL); the names of those made."""
    return store.partitions_make(first=utcnow().date(), days=PARTITIONS_AHEAD + 1)


def cleanup_old_errors(*, retention_days: int, actor: Actor, reason: str = "retention") -> int:
    """Forget the errors that arrived more than `retention_days` ago; how many (117, 124). Raises ValueError.

    The only way out of the table: under audited permits. Whole days go as partitions on PostgreSQL; the rest goes in
    batches with a transaction each, for capture must not wait for a night's worth of them. Incidents, their counts and
    timelines stay: they are the lesson, not the evidence. What a broken run leaves, the next one takes.
    """
    cutoff = _cutoff(retention_days)
    gone = old_partitions_drop(cutoff=cutoff, actor=actor, reason=reason)
    while deleted := old_events_delete(cutoff=cutoff, actor=actor, reason=reason):
        gone += deleted
        time.sleep(_TURN_S)
    while old_ids_delete(cutoff=cutoff):
        time.sleep(_TURN_S)
    old_rollups_delete(cutoff=cutoff)
    return gone


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_partitions_drop(session: Session, *, cutoff: datetime, actor: Actor, reason: str) -> int:
    """Drop the partitions of whole days before the cutoff; the number of events that went with them."""
    if not store.partitions_before(cutoff.date()):
        return 0  # no permit, and no line in the audit, for nothing
    with deletion_permit(session, table="infra_error_events", actor=actor, reason=reason, cutoff=cutoff):
        return store.partitions_drop(before=cutoff.date())


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_events_delete(session: Session, *, cutoff: datetime, actor: Actor, reason: str) -> int:
    """Delete one batch of events older than the cutoff; how many."""
    if not store.events_exist_before(cutoff):
        return 0
    with deletion_permit(session, table="infra_error_events", actor=actor, reason=reason, cutoff=cutoff):
        return store.events_delete_before(cutoff=cutoff)


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_ids_delete(session: Session, *, cutoff: datetime) -> int:
    """Forget one batch of the ids of days that retention has taken; how many."""
    return store.ledger_forget(before=cutoff.date())


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_rollups_delete(session: Session, *, cutoff: datetime) -> int:
    """Forget the rollups of hours that retention has taken; how many."""
    return store.rollups_forget(before=cutoff)


@transactional(TransactionIntent.READ_ONLY)
def old_errors_count(session: Session, *, retention_days: int) -> int:
    """How many errors `cleanup_old_errors` would forget now. Raises ValueError as it does."""
    return store.events_count_before(cutoff=_cutoff(retention_days))


def _cutoff(retention_days: int) -> datetime:
    if retention_days < 1:
        raise ValueError(f"retention_days: {retention_days} is under one day; nothing was removed.")
    return _midnight(utcnow()) - timedelta(days=retention_days)


@transactional(TransactionIntent.READ_ONLY)
def rollups_compare(session: Session, *, since: datetime, until: datetime) -> RollupCounts:
    """Both sides of the reconciliation over whole hours (235): what the events say, and what the rollups say."""
    return RollupCounts(
        events=store.hourly_counts_of_events(since=since, until=until),
        rollups=store.hourly_counts_of_rollups(since=since, until=until),
    )


@transactional(TransactionIntent.ATOMIC_WRITE)
def rollups_repair(session: Session, *, keys: Collection[RollupKey]) -> int:
    """Set these rollups to what the events say, counted again here; how many were wrong. Hours must be closed."""
    wrong = 0
    for hour in sorted({key[0] for key in keys}):
        counts = rollups_compare(since=hour, until=hour + timedelta(hours=1))
        for key in keys:
            if key[0] == hour and counts.events.get(key, 0) != counts.rollups.get(key, 0):
                store.rollup_set(key=key, events=counts.events.get(key, 0))
                wrong += 1
    return wrong


@transactional(TransactionIntent.READ_ONLY)
def rollups_earliest(session: Session) -> datetime | None:
    """The first hour that events or rollups know of; None while there are none."""
    return store.earliest_hour()


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
