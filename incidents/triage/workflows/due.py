"""What time asks of incidents: who sleeps wakes, who is not taken goes up the escalation path, updates are called for,
and the day is summed up once. A job runs it every minute (readiness.operations).
"""

from collections.abc import Sequence
from datetime import datetime

from incidents.triage import store
from incidents.triage.models import EscalationContact, Incident
from incidents.triage.services.escalation import Reached, path_reached
from incidents.triage.services.ops_health import errors_of_last_hour
from incidents.triage.services.response import (
    RESPONSES,
    STEPS,
    reminder_due,
    response_of,
    steps_due,
    update_due_at,
)
from incidents.triage.services.severity import HIGH_RATE, OPEN_STATES, priority_raise
from incidents.triage.services.snoozing import AWAKE, wake_reason
from incidents.triage.services.summary import (
    CHANGE_KINDS,
    SummaryLine,
    summary_day,
    summary_text,
    summary_title,
    summary_window,
)
from incidents.triage.workflows.life import snooze_of
from incidents.triage.workflows.telling import incident_detected_tell
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import isoz, utcnow
from readiness.infra.notices import notice_publish
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants.workflows import founder_addresses


def incidents_wait() -> bool:
    """Something of it is due."""
    return bool(incidents_to_wake() or incidents_to_raise() or incidents_unanswered() or incidents_untold())


def incidents_due() -> str:
    """Everything that is due now, each incident in a transaction of its own; what was done, in words."""
    done = {
        "woken": _wake_all(),
        "raised": _raise_all(),  # before who is told: a P1 has its own path
        "escalated": _escalate_all(),
        "called for an update": _remind_all(),
    }
    return ", ".join(f"{number} {what}" for what, number in done.items() if number).capitalize()


# --- who sleeps wakes -----------------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def incidents_to_wake(session: Session) -> list[tuple[int, str]]:
    """(incident, why) of those whose snooze is over: by time, by count, by a release that is new since."""
    asleep = store.incidents_asleep()
    waiting = {i.pk: i.snoozed_at for i in asleep if i.snoozed_release and i.snoozed_at is not None}
    new = store.releases_new_since(waiting) if waiting else {}
    found = [(incident.pk, _wake_reason(incident, new.get(incident.pk, ""))) for incident in asleep]
    return [(pk, why) for pk, why in found if why]


def _wake_reason(incident: Incident, new_release: str) -> str:
    if incident.status not in OPEN_STATES:
        return "it is over"
    return wake_reason(
        snooze=snooze_of(incident), now=utcnow(), occurrences=incident.occurrences, new_release=new_release
    )


def _wake_all() -> int:
    return sum(incident_wake_by_itself(incident_id=pk, reason=reason) for pk, reason in incidents_to_wake())


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_wake_by_itself(txn: SingleConnectionTxn, *, incident_id: int, reason: str) -> bool:
    """Wake it, and say so on the timeline; False where somebody was faster, or put it off anew."""
    incident = txn.lock_row(Incident, pk=incident_id)
    new = store.releases_new_since({incident.pk: incident.snoozed_at}) if incident.snoozed_at else {}
    if incident.snoozed_at is None or not _wake_reason(incident, new.get(incident.pk, "")):
        return False
    now = utcnow()
    for name, value in {**AWAKE, "update_from": now}.items():
        setattr(incident, name, value)
    incident.save(update_fields=[*AWAKE, "update_from"])
    store.timeline_append(incident=incident, at=now, kind="woken", text=f"Awake again: {reason}.", actor=SYSTEM.name)
    return True


# --- it comes often ---------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def incidents_to_raise(session: Session) -> list[int]:
    """Those proposed as P2 that came so often within an hour that they are degradation (350)."""
    now = utcnow()
    return [one.pk for one in store.incidents_loud(least=HIGH_RATE, now=now) if _raised(one, now) != "P2"]


def _last_hour(one: store.LoudIncident, now: datetime) -> int:
    return errors_of_last_hour(this_hour=one.this_hour, hour_before=one.hour_before, now=now)


def _raised(one: store.LoudIncident, now: datetime) -> str:
    return priority_raise(proposed="P2", last_hour=_last_hour(one, now))


def _raise_all() -> int:
    return sum(incident_raise(incident_id=pk) for pk in incidents_to_raise())


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_raise(txn: SingleConnectionTxn, *, incident_id: int) -> bool:
    """Propose the graver priority, and tell of it as of a new incident; False where a person was faster."""
    incident, now = txn.lock_row(Incident, pk=incident_id), utcnow()
    loud = next(iter(store.incidents_loud(least=HIGH_RATE, now=now, incident_id=incident_id)), None)
    if loud is None or (priority := _raised(loud, now)) == incident.priority:
        return False
    incident.priority, incident.update_from = priority, now  # its first hour as an active incident begins
    incident.revision += 1  # who was about to confirm the old one is told
    incident.save(update_fields=["priority", "update_from", "revision"])
    text = f"P2 → {priority} proposed: {_last_hour(loud, now):,} times within an hour. {response_of(priority).says}"
    store.timeline_append(incident=incident, at=now, kind="priority", text=text, actor=SYSTEM.name)
    incident_detected_tell(txn, incident)
    return True


# --- nobody takes it ------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def incidents_unanswered(session: Session) -> list[int]:
    """Those of which a step of their path is due, the gravest first."""
    waits = {
        r.priority: [r.acknowledge_within + step * r.step_every for step in range(r.steps)]
        for r in RESPONSES.values()
        if r.acknowledge_within is not None
    }
    return store.incidents_to_escalate(waits, now=utcnow())


def _escalate_all() -> int:
    """How many incidents went up their path."""
    return sum(bool(incident_escalate(incident_id=pk)) for pk in incidents_unanswered())


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_escalate(txn: SingleConnectionTxn, *, incident_id: int) -> int:
    """Tell the steps of the path that are due and have not been told; how many. Each stands on the timeline once."""
    incident, now = txn.lock_row(Incident, pk=incident_id), utcnow()
    if incident.status not in OPEN_STATES or incident.snoozed_at is not None:
        return 0
    due = steps_due(
        priority=incident.priority, detected_at=incident.detected_at, acknowledged_at=incident.acknowledged_at, now=now
    )
    told = incident.escalation_step
    if due <= told:
        return 0
    path = path_read(incident.project_id)
    for step in range(told + 1, due + 1):
        _escalate_one(txn, incident, step, path[step])
    incident.escalation_step = due
    incident.save(update_fields=["escalation_step"])
    return due - told


def _escalate_one(txn: SingleConnectionTxn, incident: Incident, step: int, reached: Reached) -> None:
    text = f"Not acknowledged in time: escalated to step {step}, {STEPS[step]} ({reached.words})."
    store.timeline_append(incident=incident, at=utcnow(), kind="escalated", text=text, actor=SYSTEM.name)
    says = response_of(incident.priority).says
    notice_publish(
        txn,
        kind="incident.escalated",
        # A recurrence begins the path anew, so its count is part of what is told.
        key=f"{incident.public_id}:escalated:{incident.recurrences}:{step}",
        title=f"{incident.public_id} {incident.title}",
        text=f"Nobody has acknowledged this {incident.priority} in time. Step {step}: {STEPS[step]}. {says}",
        project_id=incident.project_id,
        priority=incident.priority,
        page=f"/incidents/{incident.public_id}/",
        facts={"Step": f"{step} {STEPS[step]}", "To": ", ".join(reached.addresses)},
    )


def path_read(project_id: int, *, founders: Sequence[str] | None = None) -> dict[int, Reached]:
    """step → who is told there: the project's own, else the installation's, else the founders (their addresses, where
    the caller has read them).
    """
    contacts: Sequence[EscalationContact] = store.contacts_of(project_id)
    rows = [(c.project_id, c.step, c.address, c.name or (str(c.user) if c.user else "")) for c in contacts]
    covered = {step for _, step, _, _ in rows}
    if founders is None:
        founders = founder_addresses() if covered != set(STEPS) else []
    return path_reached(contacts=rows, founders=founders)


# --- nobody says how it stands --------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def incidents_untold(session: Session) -> list[int]:
    """Active incidents whose status update may be overdue, the gravest first."""
    every = {r.priority: r.update_every for r in RESPONSES.values() if r.update_every is not None}
    return store.incidents_to_update(every, now=utcnow())


def _remind_all() -> int:
    return sum(incident_remind(incident_id=pk) for pk in incidents_untold())


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_remind(txn: SingleConnectionTxn, *, incident_id: int) -> bool:
    """Call for an overdue status update, once a period; False where none is due."""
    incident, now = txn.lock_row(Incident, pk=incident_id), utcnow()
    due_at = update_due_at(
        priority=incident.priority,
        status=incident.status,
        asleep=incident.snoozed_at is not None,
        detected_at=incident.detected_at,
        update_from=incident.update_from,
    )
    every = response_of(incident.priority).update_every
    if due_at is None or not reminder_due(due_at=due_at, every=every, reminded_at=incident.reminded_at, now=now):
        return False
    incident.reminded_at = now
    incident.save(update_fields=["reminded_at"])
    who = incident.owner or "nobody yet"
    text = f"A status update was due at {due_at:%H:%M} UTC; owner: {who}."
    store.timeline_append(incident=incident, at=now, kind="update-due", text=text, actor=SYSTEM.name)
    notice_publish(
        txn,
        kind="incident.update_due",
        key=f"{incident.public_id}:update:{isoz(now.replace(second=0, microsecond=0))}",
        title=f"{incident.public_id} {incident.title}",
        text=f"{text} Write how it stands on its page; an active {incident.priority} is updated hourly.",
        project_id=incident.project_id,
        priority=incident.priority,
        page=f"/incidents/{incident.public_id}/",
        facts={"Owner": who},
    )
    return True


# --- the day is summed up -------------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def daily_summary_waits(session: Session) -> bool:
    """Today's is due and has not been told."""
    day = summary_day(utcnow())
    return day is not None and store.daily_summary_find(day) is None


@transactional(TransactionIntent.ATOMIC_WRITE)
def daily_summary_publish(session: Session) -> bool:
    """Compose and tell the UTC day's summary, once; False before its hour, and when it has been told."""
    now = utcnow()
    day = summary_day(now)
    if day is None or store.daily_summary_find(day) is not None:
        return False
    counts = store.open_counts()
    grave = [
        SummaryLine(i.public_id, i.title, i.priority, i.status, i.owner, i.detected_at, i.acknowledged_at)
        for i in store.incidents_gravest()
    ]
    changes = store.changes_since(summary_window(now), kinds=CHANGE_KINDS)
    text = summary_text(day=day, counts=counts, changes=changes, grave=grave, now=now)
    if not store.daily_summary_add(day=day, text=text, at=now):
        return False
    notice_publish(
        session, kind="incidents.summary", key=f"summary:{day}", title=summary_title(counts=counts), text=text,
        page="/incidents/",
    )  # fmt: skip
    return True
