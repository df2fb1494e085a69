"""Erasure (GDPR, article 17): of a person, or of single events. Audited, with tombstones.

It reaches stored events, kept copies, what users wrote, the spans of those events' traces, and the titles of incidents
that repeat an erased event's words. It leaves what is of no person: counts, rollups, hashes of ids, timelines. The
ledger of ids stays until retention takes it, so that a retry brings nothing back.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from incidents.errors.services.normalising import person_hash
from incidents.errors.store import keeping as store
from incidents.errors.store.keeping import ErasedCount, Whose
from incidents.errors.workflows.storing import incident_sink, keys
from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.refusals import FieldError, Invalid
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

BATCH = 500  # a permit names each row: the trigger compares every deletion with all of them
MOST_ERASED = 100_000
MAX_REASON = 500
_TURN_S = 0.05  # between two batches: capture must not wait for all of them


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure took, or would take: stored events, kept copies, users' reports, spans of the events' traces."""

    events: int = 0
    copies: int = 0
    reports: int = 0
    spans: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.events or self.copies or self.reports or self.spans)

    @property
    def words(self) -> str:
        """`2 events, 1 kept copy, 0 users' reports, 4 spans`."""
        return ", ".join(
            f"{number:,} {one if number == 1 else many}"
            for number, one, many in (
                (self.events, "event", "events"),
                (self.copies, "kept copy", "kept copies"),
                (self.reports, "user's report", "users' reports"),
                (self.spans, "span", "spans"),
            )
        )


def person_erase(*, project_id: int, person: str, actor: Actor, reason: str) -> Erasure:
    """Erase what is stored of a person. `person`: what their events are known by, which is the first that the SDK sent
    of id, user name, e-mail and address. Raises Invalid.
    """
    whose = _of_person(project_id, person)
    if person.strip().lower() in reason.lower():
        detail = "The reason names the person, and stays for good; refer to the request instead, by its number or date."
        raise Invalid(detail, errors=[FieldError("/reason", detail)])
    return _erase(lambda: erase_batch(whose=whose, actor=actor, reason=reason.strip()), reason)


def events_erase(*, project_id: int, error_ids: Sequence[str], actor: Actor, reason: str) -> Erasure:
    """Erase single events and their kept copies, whosever they are. Raises Invalid."""
    whose = _of_events(project_id, error_ids)
    return _erase(lambda: erase_batch(whose=whose, actor=actor, reason=reason.strip()), reason)


@transactional(TransactionIntent.READ_ONLY)
def person_erasure_preview(session: Session, *, project_id: int, person: str) -> Erasure:
    """What `person_erase` would take, each counted to MOST_ERASED. Raises Invalid."""
    return _preview(_of_person(project_id, person))


@transactional(TransactionIntent.READ_ONLY)
def events_erasure_preview(session: Session, *, project_id: int, error_ids: Sequence[str]) -> Erasure:
    """What `events_erase` would take. Raises Invalid."""
    return _preview(_of_events(project_id, error_ids))


@transactional(TransactionIntent.READ_ONLY)
def erasures_read(session: Session, *, project_id: int, fingerprints: Sequence[str]) -> list[ErasedCount]:
    """What was erased of these groups, by request, the last first."""
    return store.erasures_of_groups(project_id=project_id, fingerprints=fingerprints)


def _of_person(project_id: int, person: str) -> Whose:
    if not person.strip():
        raise Invalid("Nobody is named; give the user's id or e-mail.", errors=[FieldError("/person", "Name one.")])
    return Whose(project_id, user_hash=person_hash(person.strip(), keys().hash_key) or "")


def _of_events(project_id: int, error_ids: Sequence[str]) -> Whose:
    """By their ids as the console shows them, or as Sentry's SDKs do: 32 hex without `err_`."""
    if not error_ids or len(error_ids) > BATCH:
        raise Invalid(f"Name 1 to {BATCH} events.", errors=[FieldError("/error_ids", "By error id.")])
    named = [error_id.strip().lower().replace("-", "") for error_id in error_ids]
    return Whose(project_id, error_ids=[name if name.startswith("err_") else f"err_{name}" for name in named])


def _preview(whose: Whose) -> Erasure:
    events, copies = store.belonging_to(whose, most=MOST_ERASED)
    error_ids = sorted({error_id for error_id, _ in events + copies})
    trace_ids = sorted({trace_id for _, trace_id in events + copies if trace_id})
    spans = sum(store.spans_about(project_id=whose.project_id, trace_ids=few).count() for few in _chunks(trace_ids))
    reports: set[int] = set()
    for few in _chunks(error_ids) or [[]]:
        reports.update(store.reports_about(whose, error_ids=few).values_list("pk", flat=True))
    return Erasure(len(events), len(copies), len(reports), spans)


def _chunks(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[at : at + BATCH] for at in range(0, len(names), BATCH)]


def _erase(batch: Callable[[], Erasure], reason: str) -> Erasure:
    if not reason.strip() or len(reason) > MAX_REASON:
        detail = f"An erasure needs a reason of at most {MAX_REASON} characters; it is kept in the audit."
        raise Invalid(detail, errors=[FieldError("/reason", "Say why.")])
    total = Erasure()
    while total.events < MOST_ERASED:
        one = batch()
        total = Erasure(
            total.events + one.events, total.copies + one.copies, total.reports + one.reports, total.spans + one.spans
        )
        if one.nothing:
            break
        time.sleep(_TURN_S)
    return total


@transactional(TransactionIntent.LOCKED_MUTATION)
def erase_batch(txn: SingleConnectionTxn, *, whose: Whose, actor: Actor, reason: str) -> Erasure:
    """Erase one batch: of a person, or of the named events; all that belongs to it in one transaction."""
    events = store.events_of(whose, most=BATCH)
    copies = store.copies_of(whose, most=BATCH)
    both = events + copies
    error_ids = sorted({key.error_id for key in both})
    why = f"erasure: {reason}"
    reports = _reports_erase(txn, whose, error_ids=error_ids, actor=actor, why=why)
    if not both:
        return Erasure(reports=reports)
    trace_ids = {key.correlation_id for key in both if key.correlation_id}
    spans = store.spans_about(project_id=whose.project_id, trace_ids=trace_ids).delete()[0]
    store.tombstones_set(both, of_person=bool(whose.user_hash), at=utcnow(), actor=str(actor), reason=reason)
    with (
        deletion_permit(txn, table="infra_error_events", actor=actor, reason=why, row_ids=error_ids),
        deletion_permit(txn, table="infra_error_kept", actor=actor, reason=why, row_ids=error_ids),
    ):
        gone = Erasure(store.events_remove(events), store.kept_remove(copies), reports, spans)
    incident_sink().erased(
        project_id=whose.project_id,
        fingerprints=sorted({key.fingerprint for key in both}),
        error_ids=error_ids,
        words=sorted({key.message for key in both}),
    )
    return gone


def _reports_erase(txn: SingleConnectionTxn, whose: Whose, *, error_ids: Sequence[str], actor: Actor, why: str) -> int:
    """What users wrote needs no permit to go; this one is for the audit."""
    ids = list(store.reports_about(whose, error_ids=error_ids).values_list("pk", flat=True))
    if not ids:
        return 0
    with deletion_permit(txn, table="infra_user_reports", actor=actor, reason=why, row_ids=ids):
        return store.reports_remove(ids)
