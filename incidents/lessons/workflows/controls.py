"""Controls, made and revised by people; what runs, recurrences and time do to them stands in files of those names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.control_changes import control_changes_say
from incidents.lessons.services.control_state import ControlKind
from incidents.lessons.services.drafts import ControlDraft, control_draft
from incidents.lessons.services.prevention import control_due_default
from incidents.lessons.workflows.states import control_lock, control_settle, control_verdict, has_broken_commit
from incidents.triage.workflows import incident_lock, timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_create(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    kind: str,
    title: str,
    actor: Actor,
    command: str = "",
    check_first: str = "",
    never_again: str = "",
    governance_updates: Sequence[str] = (),
    owner: str = "",
    due_on: date | None = None,
    period_days: int = 7,
    rule_kind: str = "",
    rule_reference: str = "",
    symptom_fix: str = "",
    prevention_primitive: str = "",
    evolution: str = "",
) -> Control:
    """A preventive control: version 1, unproven (a playbook entry: recorded). Without a `due_on` it is due as the
    incident's priority asks (services.prevention). Sent twice, word for word, it is made once.

    Raises Invalid, NotFound.
    """
    draft = control_draft(
        kind=kind, title=title, command=command, check_first=check_first, never_again=never_again,
        governance_updates=governance_updates, owner=owner, due_on=due_on, period_days=period_days,
        rule_kind=rule_kind, rule_reference=rule_reference, symptom_fix=symptom_fix,
        prevention_primitive=prevention_primitive, evolution=evolution,
    )  # fmt: skip
    incident = incident_lock(txn, incident_id)
    now = utcnow()
    if draft.due_on is None and draft.kind is not ControlKind.PLAYBOOK:
        draft = replace(draft, due_on=control_due_default(priority=incident.priority, today=now.date()))
    if (same := _made_already(incident.pk, draft)) is not None:
        return same
    control = Control(
        project_id=incident.project_id,
        incident=incident,
        created_by=actor.name,
        created_at=now,
        state_at=now,
        **_fields(draft),
    )
    verdict = control_verdict(control, now=now, has_broken_commit=has_broken_commit(incident.pk))
    control.state, control.state_reason = verdict.state.value, verdict.reason
    control.save()
    _version_keep(control, reason="made", actor=actor)
    text = f"{control.public_id} “{control.title}” was made: a {control.get_kind_display().lower()}, {control.state}."
    timeline_add(incident=incident, kind="control-made", text=text, actor=actor)
    return control


def _made_already(incident_id: int, draft: ControlDraft) -> Control | None:
    said = _fields(draft).items()
    made = (one for one in store.controls_of_incident(incident_id) if one.incident_id == incident_id)
    return next((one for one in made if all(getattr(one, name) == value for name, value in said)), None)


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_revise(
    txn: SingleConnectionTxn,
    *,
    control_id: int,
    changes: Mapping[str, Any],
    actor: Actor,
    reason: str = "",
    new_version: bool = False,
    expected_stamp: str = "",
) -> Control:
    """Change a control's fields (named as in control_create). Another command or kind, or `new_version`, makes a new
    version, which has to be proven anew: that is the one way out of `ineffective`. What else changes stands on its
    incident's timeline.

    `expected_stamp` is `control_stamp` of what the author had seen. Raises Conflict when somebody has changed it since,
    Invalid, NotFound.
    """
    control = control_lock(txn, control_id)
    if expected_stamp and expected_stamp != control_stamp(control):
        raise Conflict(
            f"Somebody changed {control.public_id} while you did, so yours is not saved yet. What it says now stands "
            "beside each field that differs: bring both together and save again."
        )
    draft = control_draft(**{name: changes.get(name, getattr(control, name)) for name in _FIELDS})
    renewed = new_version or draft.command != control.command or draft.kind != control.kind
    why = reason.strip()[:1000] or _why_renewed(control, draft)
    changed = control_changes_say(before={name: getattr(control, name) for name in _FIELDS}, after=_fields(draft))
    for name, value in _fields(draft).items():
        setattr(control, name, value)
    if changed:
        text = f"{control.public_id} was changed; {changed}."
        timeline_add(incident=control.incident, kind="control-changed", text=text, actor=actor)
    if renewed:
        control.version += 1
        _version_keep(control, reason=why, actor=actor)
        text = f"{control.public_id} has a version {control.version}: {why}. It has to be proven anew."
        timeline_add(incident=control.incident, kind="control-version", text=text, actor=actor)
    verdict = control_verdict(control, now=utcnow(), has_broken_commit=has_broken_commit(control.incident_id))
    control_settle(control, progress=store.control_progress(control), verdict=verdict, actor=actor)
    return control


def _why_renewed(control: Control, draft: ControlDraft) -> str:
    changed = [name for name in ("kind", "command") if getattr(draft, name) != getattr(control, name)]
    return f"its {' and '.join(changed)} changed" if changed else "nobody said why"


_FIELDS = (
    "kind", "title", "command", "check_first", "never_again", "governance_updates", "owner", "due_on", "period_days",
    "rule_kind", "rule_reference", "symptom_fix", "prevention_primitive", "evolution",
)  # fmt: skip


def control_stamp(control: Control) -> str:
    """16 hex over all that people entered: it differs once anybody has changed a word."""
    entered = [control.version, *(str(getattr(control, name)) for name in _FIELDS)]
    return sha256(repr(entered).encode()).hexdigest()[:16]


def _fields(draft: ControlDraft) -> dict[str, Any]:
    fields = {name: getattr(draft, name) for name in _FIELDS}
    return {**fields, "kind": draft.kind.value, "governance_updates": list(draft.governance_updates)}


def _version_keep(control: Control, *, reason: str, actor: Actor) -> None:
    store.control_version_insert(
        project_id=control.project_id,
        control=control,
        version=control.version,
        title=control.title,
        command=control.command,
        reason=reason,
        author=actor.name,
        at=utcnow(),
    )
