"""Errors counted into incidents, inside capture's own transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from incidents.errors.services.captured import CapturedError
from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.errors.workflows.keeping import errors_keep
from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.services.batches import IncidentBatch, batches_gather
from incidents.triage.services.recurrence import recurrence_judge
from incidents.triage.services.severity import incident_category, ops_severity_compute, priority_propose
from incidents.triage.services.snoozing import AWAKE
from incidents.triage.workflows.erasing import incidents_reword
from incidents.triage.workflows.resolutions import resolutions_read
from incidents.triage.workflows.telling import incident_detected_tell, incident_recurred_tell
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.correlation import correlation_continued
from readiness.infra.envelope import ErrorClass, ErrorSeverity
from readiness.infra.outbox import outbox_publish
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

RECURRED_TOPIC = "incident.recurred"
LOOKS = 3  # at which incident a hash belongs to, before a batch counts where it was a moment ago
OLDER_ASKED = 5  # errors of one new hash that are asked for their older one


class IncidentSinkInTransaction:
    """settings.READINESS_INCIDENT_SINK: incidents are counted inside the transaction that stores their errors."""

    def record(self, errors: Sequence[CapturedError]) -> Sequence[str]:
        return incidents_record(errors=errors)

    def incidents_of(self, errors: Sequence[CapturedError]) -> Sequence[str | None]:
        return incidents_of_errors(errors=errors)

    def incidents_of_groups(self, groups: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
        return incidents_of_groups(groups=groups)

    def erased(
        self, *, project_id: int, fingerprints: Sequence[str], error_ids: Sequence[str], words: Sequence[str]
    ) -> None:
        incidents_reword(project_id=project_id, fingerprints=fingerprints, error_ids=error_ids, words=words)


class IncidentCounts(NamedTuple):
    """What the batch has to know of an incident that it counts into; the driver's own values."""

    id: int
    status: str
    severity: str
    error_class: str
    occurrences: int
    trusted: bool
    moves: int


def _key(error: CapturedError) -> store.FingerprintKey:
    return error.origin.project_id, error.fingerprint_version, error.fingerprint


@transactional(TransactionIntent.READ_ONLY)
def incidents_of_errors(session: Session, *, errors: Sequence[CapturedError]) -> list[str | None]:
    """The incident of each error that was stored before, by its fingerprint."""
    known = store.incidents_by_fingerprint([_key(error) for error in errors])
    return [f"INC-{known[_key(error)]}" if _key(error) in known else None for error in errors]


@transactional(TransactionIntent.READ_ONLY)
def incidents_of_groups(session: Session, *, groups: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The incident of each (project, fingerprint) that has one, whichever algorithm the hash is of."""
    keys = [(project, version, one) for project, one in groups for version in range(1, GROUPING_VERSION + 1)]
    return {(key[0], key[2]): f"INC-{number}" for key, number in store.incidents_by_fingerprint(keys).items()}


@transactional(TransactionIntent.READ_ONLY)
def incident_of_fingerprint(session: Session, *, project_id: int, fingerprint: str) -> str:
    """`INC-12` of a fingerprint under the present algorithm; empty when it has none."""
    key = (project_id, GROUPING_VERSION, fingerprint)
    known = store.incidents_by_fingerprint([key])
    return f"INC-{known[key]}" if key in known else ""


@transactional(TransactionIntent.LOCKED_MUTATION)
def incidents_record(txn: SingleConnectionTxn, *, errors: Sequence[CapturedError]) -> list[str]:
    """Count new errors into their incidents, opening those that are missing; `INC-12` for each error."""
    if not errors:
        return []
    keys = [_key(error) for error in errors]
    known = _groups_ensure(txn, keys, errors)
    batches, rows = _counts_lock(txn, errors, [known[key][0] for key in keys])
    for _ in range(LOOKS):
        moves = dict(known.values())
        if all(moves[row.id] == row.moves for row in rows):
            break
        # A merge or a split was faster than the lock: the hashes belong to another incident since.
        known = _groups_ensure(txn, keys, errors)
        batches, rows = _counts_lock(txn, errors, [known[key][0] for key in keys])
    resolved = [row.id for row in rows if row.status in store.RESOLVED]
    if resolved:
        _reopen(txn, list(txn.lock_rows(Incident.objects.filter(pk__in=resolved))), batches)
    store.incidents_count([_counted(row, batches[row.id]) for row in rows])
    store.releases_count(
        {(b.project_id, pk, *place): seen for pk, b in batches.items() for place, seen in b.releases.items()}
    )
    store.hours_count({(b.project_id, pk, hour): n for pk, b in batches.items() for hour, n in b.hours.items()})
    return [f"INC-{known[key][0]}" for key in keys]


def _counts_lock(
    txn: SingleConnectionTxn, errors: Sequence[CapturedError], incident_ids: Sequence[int]
) -> tuple[dict[int, IncidentBatch], list[IncidentCounts]]:
    """The batch of each incident, and what it counts into, locked."""
    batches = batches_gather(errors=errors, incident_ids=incident_ids)
    rows = txn.lock_values(Incident, IncidentCounts._fields, list(batches))
    return batches, [IncidentCounts(*row) for row in rows]


def _groups_ensure(
    txn: SingleConnectionTxn, keys: Sequence[store.FingerprintKey], errors: Sequence[CapturedError]
) -> dict[store.FingerprintKey, tuple[int, int]]:
    """(incident, its moves) of every key; the missing ones are found by their older hash, or opened."""
    wanted = list(dict.fromkeys(keys))
    known = store.groups_known(wanted)
    if all(key in known for key in wanted):
        return known
    store.fingerprints_lock()
    known = store.groups_known(wanted)
    _upgrade_follow(known, keys, errors)
    opened: list[tuple[CapturedError, int, str]] = []
    for key, error in zip(keys, errors, strict=True):
        if key not in known:
            known[key] = _open(txn, key, error).pk, 0
            opened.append((error, known[key][0], "first"))
    errors_keep(copies=opened)
    return known


def _upgrade_follow(
    known: dict[store.FingerprintKey, tuple[int, int]],
    keys: Sequence[store.FingerprintKey],
    errors: Sequence[CapturedError],
) -> None:
    """A new version of the algorithm opens nothing anew: for a time, an unknown hash is looked for under the hash that
    the version before gives the same error, and is attached to the incident which that one leads to. That is where a
    merge or a split left it, so they survive the upgrade; a later one moves the new hash like any other.
    """
    now = utcnow()
    version = max(key[1] for key in keys)
    if now - store.grouping_epoch(version, now=now) > timedelta(days=settings.READINESS_GROUPING_OVERLAP_DAYS):
        return
    asked: dict[store.FingerprintKey, list[tuple[store.FingerprintKey, str]]] = {}
    for key, error in zip(keys, errors, strict=True):
        older = asked.setdefault(key, [])
        if key not in known and error.previous is not None and len(older) < OLDER_ASKED:
            older.append(((key[0], key[1] - 1, error.previous()), error.envelope.error_id))
    found = store.fingerprints_of_keys([old for older in asked.values() for old, _ in older])
    for key, older in asked.items():
        for old, error_id in older:
            if (row := found.get(old)) is not None:
                store.fingerprint_add(key=key, incident_id=row.incident_id, at=now, error_id=error_id, previous=row)
                known[key] = row.incident_id, row.incident.moves
                break


def _open(txn: SingleConnectionTxn, key: store.FingerprintKey, error: CapturedError) -> Incident:
    e = error.envelope
    priority = priority_propose(severity=e.severity, error_class=e.error_class)
    incident = store.incident_open(
        key=key,
        fields={
            "title": error.title,
            "component": e.component,
            "error_class": e.error_class.value,
            "category": incident_category(e.error_class).value,
            "layer": e.layer,
            "severity": e.severity.value,
            "ops_severity": ops_severity_compute(severity=e.severity, error_class=e.error_class, occurrences=1).value,
            "priority": priority,
            "synthetic": error.origin.synthetic,
            "trusted": error.origin.trusted,
            "first_seen": e.timestamp,
            "last_seen": e.timestamp,
            "first_error_id": e.error_id,
            "last_error_id": e.error_id,
            "first_correlation_id": e.correlation_id or "",
            "detected_at": error.received_at,
        },
    )
    text = f"First event stored; {priority} proposed."
    store.timeline_append(
        incident=incident,
        at=error.received_at,
        kind="detected",
        text=text,
        actor=SYSTEM.name,
        correlation_id=e.correlation_id,
    )
    if not error.origin.told:
        incident_detected_tell(txn, incident)
    return incident


def _counted(incident: IncidentCounts, batch: IncidentBatch) -> tuple[object, ...]:
    severity = batch.worst(incident.severity)
    asks = ops_severity_compute(
        severity=ErrorSeverity(severity),
        error_class=ErrorClass(incident.error_class),
        occurrences=incident.occurrences + batch.occurrences,
    )
    return (
        incident.id, batch.occurrences, batch.first, batch.last, batch.last_error_id, batch.last_release,
        batch.last_environment, severity, asks.value, bool(incident.trusted) or batch.trusted,
    )  # fmt: skip


def _reopen(txn: SingleConnectionTxn, incidents: Sequence[Incident], batches: dict[int, IncidentBatch]) -> None:
    """A resolved incident that happens again, in a release that is not older than the fix, has recurred."""
    resolutions = resolutions_read(incidents, {pk: [place[0] for place in b.releases] for pk, b in batches.items()})
    for incident in incidents:
        resolution, errors = resolutions.get(incident.pk), batches[incident.pk].errors
        if resolution is None:
            continue
        known = resolution.with_late((e.envelope.timestamp, e.envelope.release or "") for e in errors)
        for error in errors:
            verdict = recurrence_judge(
                at=error.envelope.timestamp,
                received_at=error.received_at,
                release=error.envelope.release or "",
                environment=error.envelope.environment or "production",
                resolution=known,
            )
            if verdict.recurred:
                incident_recur(incident=incident, error=error, why=verdict.reason)
                break


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_recur(txn: SingleConnectionTxn, *, incident: Incident, error: CapturedError, why: str = "") -> None:
    """Mark a resolved incident as recurred by this error, which is kept as evidence; `why` it counts, as a clause.

    Under a public key the recurrence waits for a person's click before it counts against a control (DESIGN).
    """
    errors_keep(copies=[(error, incident.pk, "recurrence")])
    e = error.envelope
    recurrence_mark(
        incident, at=error.received_at, why=why, trusted=error.origin.trusted, correlation_id=e.correlation_id
    )
    if error.origin.trusted:
        trace = correlation_continued("triage.recurrence", correlation_id=e.correlation_id, span_id=e.span_id)
        with trace:  # the committing thread stands in nobody's trace; what follows belongs to the error's
            (recurrence_publish if error.origin.told else recurrence_tell)(txn, incident)
    elif not error.origin.told:
        incident_recurred_tell(txn, incident)


def recurrence_mark(
    incident: Incident, *, at: datetime, why: str, trusted: bool, correlation_id: str | None = None
) -> None:
    """The locked incident has recurred: the clock starts again, and its fix was none."""
    incident.status = Incident.Status.RECURRED
    incident.recurrences += 1
    incident.recurred_at = incident.detected_at = at
    incident.recurrence_confirmed = trusted
    incident.acknowledged_at = incident.diagnosed_at = incident.prevented_at = incident.closed_at = None
    incident.fixed_in_release = ""
    # Its escalation and its updates begin anew, it is awake, and whoever was about to close it is told (revisions.py).
    anew = {**AWAKE, "escalation_step": 0, "update_from": None, "reminded_at": None, "revision": incident.revision + 1}
    for name, value in anew.items():
        setattr(incident, name, value)
    incident.save(
        update_fields=[
            "status", "recurrences", "recurred_at", "recurrence_confirmed", "detected_at", "acknowledged_at",
            "diagnosed_at", "prevented_at", "closed_at", "fixed_in_release", *anew,
        ]
    )  # fmt: skip
    because = f": {why}" if why else ""
    waits = "" if trusted else " It came under a public key: confirm it before it counts."
    store.timeline_append(
        incident=incident, at=at, kind="recurred", text=f"It happened again{because}.{waits}", actor=SYSTEM.name,
        correlation_id=correlation_id,
    )  # fmt: skip


def recurrence_tell(session: Session, incident: Incident) -> None:
    """A recurrence that counts: the subjects above hear of it, and so do people."""
    recurrence_publish(session, incident)
    incident_recurred_tell(session, incident)


def recurrence_publish(session: Session, incident: Incident) -> None:
    """The subjects above hear of a recurrence that counts, by the outbox; `at`: when it was seen, which may be long ago
    by the time that a person confirms it.
    """
    at = incident.recurred_at or utcnow()
    outbox_publish(
        session,
        topic=RECURRED_TOPIC,
        key=incident.public_id,
        payload={"incident_id": incident.pk, "recurrences": incident.recurrences, "at": at.isoformat()},
        project_id=incident.project_id,
    )
