"""What founders see of limits, until it is forgotten; and the limits they set."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from incidents.errors.models import CaptureSettings, LimitNotice
from incidents.errors.services.drop_figures import KeyDropLine, SampledSpan, key_lines_make, sampled_span
from incidents.errors.services.limits import PAST_MINUTES, limit_settings_check
from incidents.errors.store import drops as drops_store
from incidents.errors.store import limits as store
from incidents.errors.workflows.limiting import limits_forget_recent
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Invalid
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.models import User

log = logging.getLogger(__name__)
SHOWN_FOR = timedelta(days=14)
SHOWN = 3
KEY_FIGURES_FOR = timedelta(days=7)
WINDOWS_KEPT = timedelta(minutes=PAST_MINUTES + 60)
INCIDENT_DROPS_FOR = timedelta(days=90)
MARKED_FOR = timedelta(hours=24)


# --- notices ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LimitNotices:
    """The newest notices that no founder has seen yet, and how many `more` there are."""

    rows: Sequence[LimitNotice] = ()
    more: int = 0

    @property
    def newest(self) -> int:
        """What `limit_notices_see` wants to know; 0 without any."""
        return max((notice.pk for notice in self.rows), default=0)


@transactional(TransactionIntent.READ_ONLY)
def limit_notices_read(session: Session) -> LimitNotices:
    """What founders have not seen yet."""
    rows = list(store.notices_unseen(since=utcnow() - SHOWN_FOR)[: SHOWN + 97])
    return LimitNotices(rows[:SHOWN], len(rows[SHOWN:]))


def limit_notices_shown(*, role: str) -> LimitNotices:
    """The same for a person of this role on a page: founders set the limits, so they are told; nobody else is asked to
    do anything.
    """
    return limit_notices_read() if role == User.Role.FOUNDER else LimitNotices()


@transactional(TransactionIntent.ATOMIC_WRITE)
def limit_notices_see(session: Session, *, until: int, actor: Actor) -> int:
    """A founder has seen the notices up to that one; how many were new to everybody."""
    return store.notices_mark_seen(until=until, by=actor.name)


# --- figures ----------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def key_lines_read(session: Session, *, project_ids: Collection[int]) -> Mapping[int, Collection[KeyDropLine]]:
    """project → what of its keys' errors was refused or only counted, in the last day and week; settings name this for
    the page of the keys, which stands below capture in the house's order.
    """
    now = utcnow()
    return key_lines_make(
        drops_store.drops_of_projects(project_ids, since=now - KEY_FIGURES_FOR, lately=now - MARKED_FOR)
    )


@transactional(TransactionIntent.READ_ONLY)
def incident_sampled_read(session: Session, *, incident_ids: Collection[int]) -> list[SampledSpan]:
    """What of an incident's errors, and of those merged into it, was counted and not kept in full, by reason, and
    between when.
    """
    rows = drops_store.drops_of_incidents(incident_ids, since=utcnow() - INCIDENT_DROPS_FOR)
    return [sampled_span(**row._asdict()) for row in rows]


@transactional(TransactionIntent.READ_ONLY)
def incidents_sampled(session: Session, *, incident_ids: Collection[int]) -> Mapping[int, int]:
    """incident → how many of its errors of the last day were counted and not kept; those without are left out."""
    return drops_store.incidents_with_drops(incident_ids, since=utcnow() - MARKED_FOR)


# --- forgetting -------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.ATOMIC_WRITE)
def windows_forget(session: Session) -> int:
    """Forget the minutes that no process reads again; how many windows went."""
    return store.windows_forget(before=utcnow() - WINDOWS_KEPT)


@transactional(TransactionIntent.ATOMIC_WRITE)
def drops_forget(session: Session, *, before: datetime) -> int:
    """Forget the counts and notices from before then: they live as long as the events do; how many."""
    return drops_store.drops_forget(before=before) + store.notices_forget(before=before)


# --- what founders set ------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.ATOMIC_WRITE)
def capture_limits_set(
    session: Session,
    *,
    project_id: int,
    key_per_minute: int | None,
    incident_per_minute: int | None,
    spike_factor: int | None,
    actor: Actor,
) -> CaptureSettings:
    """Set a project's own limits (project 0: every project's); None stands for the installation's. Raises Invalid.

    They hold in every process within two seconds.
    """
    values = {
        "key_per_minute": key_per_minute, "incident_per_minute": incident_per_minute, "spike_factor": spike_factor,
    }  # fmt: skip
    if errors := limit_settings_check(**values):
        raise Invalid("These limits cannot be set as they are; nothing was changed.", errors=errors)
    row = store.capture_settings_put(project_id=project_id, values=values)
    transaction.on_commit(limits_forget_recent)
    log.info("capture limits set", extra={"project": project_id, "actor": actor.name, **values})
    return row


@transactional(TransactionIntent.READ_ONLY)
def capture_settings_find(session: Session, *, project_id: int) -> CaptureSettings | None:
    """A project's own settings (project 0: every project's); None when it has none."""
    return store.capture_settings_of(project_id)
