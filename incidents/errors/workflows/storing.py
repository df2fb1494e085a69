"""Store what was captured: one transaction for all that wait, each answered after it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.module_loading import import_string

from incidents.errors.services.captured import CapturedError, StoredError
from incidents.errors.services.normalising import Keys
from incidents.errors.services.sinks import IncidentSink
from incidents.errors.store import writing as store
from incidents.errors.store.drops import drops_count
from incidents.errors.workflows.limiting import (
    errors_sample,
    limiting_settle,
    sampled_record,
    windows_fold,
    windows_record,
)
from readiness.infra.clock import utcnow
from readiness.infra.group_commit import GroupCommit
from readiness.infra.metrics import capture_observe
from readiness.infra.refusals import Unavailable
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.infra.turns import turn

log = logging.getLogger(__name__)


@cache
def keys() -> Keys:
    """The keys under which capture hashes what it does not store."""
    return Keys(hash_key=settings.READINESS_HASH_KEY.encode())


@cache
def incident_sink() -> IncidentSink:
    """The subject above, which keeps the incidents."""
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


def errors_make_and_store(make: Callable[[], Sequence[CapturedError]]) -> Sequence[StoredError]:
    """As `errors_store`, with the capture itself done in the committing thread (group_commit says why).

    Raises what `make` raises, too.
    """
    _connection_give_back()
    return _group.submit_made(make)


def _connection_give_back() -> None:
    """Return a pooled connection before waiting for the committing thread, which needs one itself: sixty-four requests
    that each hold one of eight would otherwise wait for a thread that waits for them.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()


def errors_settle() -> None:
    """Commit what waits and let the committing thread end (a process that goes, a test that is done)."""
    _group.close()
    limiting_settle()


def _commit(errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    answers = _commit_in_turn(errors_sample(errors))
    windows_fold()
    return answers


def _commit_in_turn(errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    if connection.vendor != "sqlite":
        return _commit_or_again(errors)
    with turn(settings.READINESS_HOME / "commit.lock"):
        return _commit_or_again(errors)


def _commit_or_again(errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    try:
        return _counted(errors_commit(errors=errors))
    except (OperationalError, InterfaceError):
        connection.close()  # a lost connection is opened again once; a locked database is asked once more
    try:
        return _counted(errors_commit(errors=errors))
    except (OperationalError, InterfaceError) as down:
        connection.close()
        log.error("capture could not commit: %s", down)
        raise Unavailable(
            "The database cannot be reached; nothing is lost if you send it again.", headers={"Retry-After": "5"}
        ) from down


def _counted(answers: Sequence[StoredError]) -> Sequence[StoredError]:
    duplicates = sum(answer.duplicate for answer in answers)
    sampled = sum(bool(answer.sampled) for answer in answers)
    capture_observe(stored=len(answers) - duplicates - sampled, duplicates=duplicates, sampled=sampled)
    return answers


def _connection_close() -> None:
    connection.close()  # `connection` is each thread's own: it has to be asked for in the thread that ends


_group: GroupCommit[CapturedError, StoredError] = GroupCommit(_commit, name="errors", at_end=_connection_close)


@transactional(TransactionIntent.LOCKED_MUTATION)
def errors_commit(txn: SingleConnectionTxn, *, errors: Sequence[CapturedError]) -> Sequence[StoredError]:
    """One transaction: ledger, events, rollups, incidents. First write wins; another error under a taken id is kept
    under an id derived from its content, and logged (DESIGN). Sampled errors are counted, and not stored.
    """
    kept, sampled = [error for error in errors if not error.sampled], [error for error in errors if error.sampled]
    placed = _ids_settle(kept)
    pairs = list(zip(kept, placed, strict=True))
    new = [(_named(error, error_id), error_id) for error, (error_id, is_new) in pairs if is_new]
    store.events_insert(new)
    sink = incident_sink()
    incidents = sink.record([*(error for error, _ in new), *sampled])
    if sampled:
        sampled_record(txn, errors=sampled, incidents=incidents[len(new) :])
    windows_record(txn)
    new_incidents, old = iter(incidents), [error for error, (_, is_new) in pairs if not is_new]
    old_incidents = iter(sink.incidents_of(old) if old else ())
    answers = [
        StoredError(error_id, duplicate=not is_new, incident=next(new_incidents if is_new else old_incidents))
        for error_id, is_new in placed
    ]
    return answers if not sampled else _in_order(errors, kept=iter(answers), sampled_incidents=new_incidents)


def _in_order(
    errors: Sequence[CapturedError], *, kept: Iterator[StoredError], sampled_incidents: Iterator[str]
) -> Sequence[StoredError]:
    """The answers in the order of the errors; a sampled one has the id that it was sent with."""
    return [
        StoredError(error.envelope.error_id, duplicate=False, incident=next(sampled_incidents), sampled=error.sampled)
        if error.sampled
        else next(kept)
        for error in errors
    ]


def _named(error: CapturedError, error_id: str) -> CapturedError:
    """The error under the id that it is stored under: an incident must name it by that."""
    if error.envelope.error_id == error_id:
        return error
    return replace(error, envelope=replace(error.envelope, error_id=error_id))


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
def drops_record(
    session: Session,
    *,
    project_id: int,
    source: str,
    drops: Sequence[tuple[str, str, int]],
    key_kind: str = "",
    key_id: int = 0,
) -> None:
    """Count errors that never became events: (category, reason, quantity), from the SDK's own report or our refusal."""
    if drops:
        drops_count(project_id=project_id, at=utcnow(), source=source, drops=drops, key_kind=key_kind, key_id=key_id)
