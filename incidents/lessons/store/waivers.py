"""The queries of waivers. What counts at a moment is said once more in SQL (`waivers_counting`) for lists; it is the
rule of services.waivers, and a test holds the two against each other.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from incidents.lessons.models import Control, Waiver, WaiverRevocation
from incidents.lessons.services.waivers import COVERED, WaiverFact, WaiverKind
from incidents.triage.models import Incident
from incidents.triage.services.response import LESSER

WAIVERS_SHOWN = 50


def waiver_insert(**fields: Any) -> Waiver:
    return Waiver.objects.create(**fields)


def waiver_revocation_insert(**fields: Any) -> WaiverRevocation:
    return WaiverRevocation.objects.create(**fields)


def waiver_find(waiver_id: int) -> Waiver | None:
    return Waiver.objects.select_related("revocation", "incident").filter(pk=waiver_id).first()


def waiver_standing(**fields: Any) -> Waiver | None:
    """One that was given just so, and not revoked."""
    return Waiver.objects.filter(revocation__isnull=True, **fields).first()


def waiver_fact(row: Waiver) -> WaiverFact:
    """A row (with its `revocation` selected) as the rules take it."""
    revocation = getattr(row, "revocation", None)
    return WaiverFact(
        key=row.public_id,
        kind=WaiverKind(row.kind),
        person=row.given_by,
        role=row.given_role,
        reason=row.reason,
        given_at=row.given_at,
        expires_at=row.expires_at,
        revoked_at=revocation.revoked_at if revocation else None,
        control="" if row.control_id is None else f"CTL-{row.control_id}",
    )


def waivers_exist() -> bool:
    """Whether any was ever given: where none was, as in most consoles, nobody need ask for them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM lessons_waiver)")
        return bool(cursor.fetchone()[0])


def waivers_of_incidents(incident_ids: Iterable[int]) -> dict[int, list[WaiverFact]]:
    """All that were ever given, by incident, in one query: who asks decides which count."""
    found: dict[int, list[WaiverFact]] = {}
    rows = Waiver.objects.filter(incident_id__in=list(incident_ids)).select_related("revocation").order_by("id")
    for row in rows:
        found.setdefault(row.incident_id, []).append(waiver_fact(row))
    return found


def waivers_of_incident(incident_id: int) -> QuerySet[Waiver]:
    """The newest first, with their revocations, those of its controls too."""
    rows = Waiver.objects.filter(incident_id=incident_id).select_related("revocation", "control", "incident")
    return rows.order_by("-id")[:WAIVERS_SHOWN]


def waivers_counting(now: datetime) -> QuerySet[Waiver]:
    """Those that count at this moment (services.waivers.waiver_counts), over controls that can be covered."""
    covered = Q(given_role="founder") | Q(incident__priority__in=LESSER)
    standing = Q(revocation__isnull=True) | Q(revocation__revoked_at__gt=now)
    worth = Q(control__isnull=True) | Q(control__state__in=COVERED)
    return Waiver.objects.filter(covered, standing, worth, given_at__lte=now, expires_at__gt=now)


def waivers_counting_listed(now: datetime, *, limit: int) -> QuerySet[Waiver]:
    """Those that count now, of real incidents, the first to end first (index lessons_waiver_expiry)."""
    rows = waivers_counting(now).filter(incident__synthetic=False).select_related("incident", "control")
    return rows.order_by("expires_at", "id")[:limit]


def waivers_of_controls_counting(control_ids: Iterable[int], *, now: datetime) -> dict[int, WaiverFact]:
    """The waiver that counts for each of these controls now, the one that ends last. One query."""
    rows = waivers_counting(now).filter(control_id__in=list(control_ids)).select_related("revocation")
    return {row.control_id: waiver_fact(row) for row in rows.order_by("expires_at") if row.control_id is not None}


def incidents_waiver_lapsed(now: datetime, *, limit: int) -> QuerySet[Incident]:
    """Incidents that were prevented or closed under a waiver which counts no more, while no check or rule is proven.

    For P2 and P3 a playbook entry alone is enough: those are not in it. The gravest first.
    """
    given = Waiver.objects.filter(kind=Waiver.Kind.CLOSE).order_by()
    controls = Control.objects.filter(incident_id__in=given.values("incident_id")).order_by()
    proven = controls.filter(state=Control.State.PROVEN, pass_due_at__gte=now)
    read = controls.filter(kind=Control.Kind.PLAYBOOK, incident__priority__in=LESSER)
    counting = waivers_counting(now).filter(kind=Waiver.Kind.CLOSE).order_by()
    done = Incident.objects.filter(status__in=(Incident.Status.PREVENTED, Incident.Status.CLOSED), synthetic=False)
    held = Q(pk__in=counting.values("incident_id")) | Q(pk__in=proven.values("incident_id"))
    lapsed = done.filter(pk__in=given.values("incident_id")).exclude(held | Q(pk__in=read.values("incident_id")))
    return lapsed.only("title", "priority", "status").order_by("priority", "-last_seen")[:limit]
