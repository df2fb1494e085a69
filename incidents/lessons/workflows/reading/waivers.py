"""Waivers as pages show them, and which incidents will happen again: asked by those who list incidents."""

from collections.abc import Sequence

from incidents.lessons import store
from incidents.lessons.services.waivers import WaiverFact
from incidents.lessons.workflows.shown import WaiverShown
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

WAIVERS_LISTED = 20


@transactional(TransactionIntent.READ_ONLY)
def waivers_counting_read(session: Session, *, limit: int = WAIVERS_LISTED) -> list[WaiverShown]:
    """Every waiver that counts now, the first to end first: for whoever shows what passes only by one. One query."""
    return [
        WaiverShown(
            fact=store.waiver_fact(row),
            incident=row.incident.public_id,
            title=row.control.title if row.control else row.incident.title,
            counts=True,
            standing=True,
        )
        for row in store.waivers_counting_listed(utcnow(), limit=limit)
    ]


@transactional(TransactionIntent.READ_ONLY)
def controls_waived_read(session: Session, *, control_ids: Sequence[int]) -> dict[int, WaiverFact]:
    """The waiver by which each of these controls counts now although it is stale or broken, if one does. One query."""
    return store.waivers_of_controls_counting(control_ids, now=utcnow())


@transactional(TransactionIntent.READ_ONLY)
def incidents_will_recur(session: Session, *, incident_ids: Sequence[int]) -> frozenset[int]:
    """Those of the incidents that have no control of any kind: they will happen again (requirement 56). One query."""
    return frozenset(incident_ids) - store.incidents_with_controls(incident_ids)


@transactional(TransactionIntent.READ_ONLY)
def waiver_page_read(session: Session, *, waiver_id: int) -> tuple[str, str]:
    """Where a waiver stands: (`control` or `incident`, its public id). Raises NotFound."""
    waiver = store.waiver_find(waiver_id)
    if waiver is None:
        raise NotFound(f"There is no WVR-{waiver_id}. Waivers stand on the page of their incident.")
    if waiver.control_id is not None:
        return "control", f"CTL-{waiver.control_id}"
    return "incident", waiver.incident.public_id
