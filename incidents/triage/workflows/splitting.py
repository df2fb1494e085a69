"""Two things are in one incident: hashes split off it become an incident of their own, and stay one."""

from collections.abc import Mapping, Sequence

from incidents.errors.store.groups import GroupFigures, group_figures, group_newest, group_oldest
from incidents.triage import store
from incidents.triage.models import Incident, IncidentFingerprint
from incidents.triage.services.merging import moves_check, split_check
from incidents.triage.services.severity import incident_category, ops_severity_compute, priority_propose
from incidents.triage.services.titles import title_make
from incidents.triage.workflows.merging import (
    incident_figures_add,
    incidents_lock,
    last_seen_settle,
    ops_severity_settle,
)
from incidents.triage.workflows.moves import IncidentRef
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ErrorClass, ErrorSeverity
from readiness.infra.refusals import Conflict
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_split(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    fingerprint_ids: Sequence[int],
    actor: Actor,
    seen: Mapping[int, int] | None = None,
) -> IncidentRef:
    """Split hashes off an incident: a new one has them and their later events, and the stored events' figures go along.
    It is undone by merging the new one back. `seen`: as for incident_merge.

    Raises NotFound, Conflict (merged away, not its hashes, nothing would be left).
    """
    incident = incidents_lock(txn, [incident_id])[incident_id]
    if incident.merged_into_id is not None:
        raise Conflict(f"{incident.public_id} was merged into INC-{incident.merged_into_id}; split it there.")
    moves_check(moves={incident.pk: incident.moves}, seen=seen or {})
    wanted = sorted(set(fingerprint_ids))
    split_check(incident_id=incident_id, wanted=wanted, owned=store.fingerprint_ids(incident_id))
    rows = store.fingerprints_at(wanted, incident_id)
    hashes = [row.fingerprint for row in rows if row.pk in wanted]
    figures = group_figures(project_id=incident.project_id, fingerprints=hashes)
    new = _open_split(incident, [row for row in rows if row.pk in wanted], hashes)
    _figures_give(incident, new, figures)
    store.fingerprints_move(wanted, to=new.pk)
    store.split_add(
        project_id=incident.project_id, parent=incident, new=new, at=new.detected_at, actor=actor.name, moved=wanted
    )
    store.incidents_moved([incident.pk, new.pk])
    for changed in (incident, new):
        last_seen_settle(changed)
        ops_severity_settle(changed)
    which = f"{len(wanted)} hash{'es' if len(wanted) > 1 else ''}"
    for one, text in (
        (incident, f"{which} split off as {new.public_id} by {actor}: their later events count there."),
        (new, f"Split off {incident.public_id} by {actor}, with {which}."),
    ):
        store.timeline_append(incident=one, at=utcnow(), kind="split", text=text, actor=actor.name)
    return IncidentRef(new.pk, new.status)


def _open_split(parent: Incident, rows: Sequence[IncidentFingerprint], hashes: Sequence[str]) -> Incident:
    """The new incident: what its last stored event says; without one, what the old incident said."""
    newest = group_newest(project_id=parent.project_id, fingerprints=hashes)
    oldest = group_oldest(project_id=parent.project_id, fingerprints=hashes)
    now = utcnow()
    fields = {
        name: getattr(parent, name)
        for name in ("title", "component", "error_class", "category", "layer", "severity", "synthetic", "trusted")
    }
    if newest is not None:
        error_class = ErrorClass(newest.error_class)
        fields.update(
            title=title_make(
                exception_type=newest.exception_type, message=newest.message, error_class=newest.error_class
            ),
            component=newest.component,
            error_class=newest.error_class,
            category=incident_category(error_class).value,
            layer=newest.layer,
            severity=newest.severity,
        )
    severity, error_class = ErrorSeverity(fields["severity"]), ErrorClass(fields["error_class"])
    first = oldest.error_id if oldest else rows[0].first_error_id or parent.first_error_id
    seen = rows[0].added_at or parent.first_seen
    return store.incident_add(
        project_id=parent.project_id,
        fields={
            **fields,
            "priority": priority_propose(severity=severity, error_class=error_class),
            "ops_severity": ops_severity_compute(severity=severity, error_class=error_class, occurrences=1).value,
            "first_seen": oldest.timestamp if oldest else seen,
            "last_seen": newest.timestamp if newest else seen,
            "first_error_id": first,
            "last_error_id": newest.error_id if newest else first,
            "first_correlation_id": (oldest.correlation_id if oldest else "") or "",
            "last_release": (newest.release if newest else "") or "",
            "last_environment": newest.environment if newest else parent.last_environment,
            "detected_at": now,
        },
    )


def _figures_give(parent: Incident, new: Incident, figures: GroupFigures) -> None:
    places = {place: number for place, (number, _, _) in figures.releases.items()}
    store.figures_take(parent.pk, releases=places, hours=figures.hours, first_seen={})
    parent.occurrences = max(parent.occurrences - figures.occurrences, 0)
    parent.save(update_fields=["occurrences"])
    incident_figures_add(new, figures)
