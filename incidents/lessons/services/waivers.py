"""What a waiver is worth: nothing without a person, a reason and an end, and nothing from its end on.

A waiver lets an incident close without a proven control, or a control count while it is stale or broken. It never
makes anything proven: whatever passes only by a waiver says so, by name and expiry, wherever it is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incidents.triage.services.response import is_grave
from readiness.infra.refusals import FieldError, Forbidden, Invalid

LONGEST = timedelta(days=90)
MAX_REASON = 2_000
# A control's states in which a waiver over it is worth anything: proven once (it may be found stale any moment), and
# not refuted. One that is ineffective, or was made anew, has nothing to count on.
COVERED = frozenset({"proven", "stale", "broken"})


class WaiverKind(StrEnum):
    """CLOSE: the incident may close without a proven control. COUNT: the control counts although stale or broken."""

    CLOSE = "close"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class WaiverFact:
    """A waiver as the rules see it. `key` is `WVR-3`, `control` `CTL-7` or empty; `role` the giver's when giving."""

    key: str
    kind: WaiverKind
    person: str
    role: str
    reason: str
    given_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    control: str = ""

    @property
    def said(self) -> str:
        """For sentences: `WVR-3 by Ada until 2026-03-01 00:00 UTC`."""
        return f"{self.key} by {self.person} until {self.expires_at:%Y-%m-%d %H:%M} UTC"


def waiver_counts(*, waiver: WaiverFact, priority: str, now: datetime) -> bool:
    """Whether it counts at this moment for an incident of this priority: given, not ended, not revoked, and by a
    founder where the incident is grave (any priority but P2 and P3), also when it became so afterwards.
    """
    if waiver.role != "founder" and is_grave(priority):
        return False
    if waiver.revoked_at is not None and now >= waiver.revoked_at:
        return False
    return waiver.given_at <= now < waiver.expires_at


def waiver_of_kind(
    *, waivers: Iterable[WaiverFact], kind: WaiverKind, priority: str, now: datetime, control: str = ""
) -> WaiverFact | None:
    """The one that counts longest now, for the incident (CLOSE) or for one control of it (COUNT); None if none does."""
    counting = (
        waiver
        for waiver in waivers
        if waiver.kind is kind
        and waiver.control == control
        and waiver_counts(waiver=waiver, priority=priority, now=now)
    )
    return max(counting, key=lambda waiver: waiver.expires_at, default=None)


def waiver_may_be_given(*, priority: str, role: str) -> bool:
    """Founders and engineers may; for a P0 or P1 founders only."""
    return role == "founder" or (role == "engineer" and not is_grave(priority))


def waiver_draft(*, reason: str, expires_at: datetime | None, priority: str, role: str, now: datetime) -> str:
    """The reason, trimmed. Raises Forbidden for a role that may not, Invalid without a reason or with an end that is
    missing, past, or more than 90 days away.
    """
    if not waiver_may_be_given(priority=priority, role=role):
        raise Forbidden(
            f"Only a founder may waive anything of a {priority} incident. Ask one, or prove the control instead."
            if role == "engineer"
            else "A waiver is given by a founder or an engineer."
        )
    errors: list[FieldError] = []
    reason = reason.strip()
    if not reason:
        errors.append(FieldError("/reason", "Say why it may count although nothing proves it, and what will be done."))
    elif len(reason) > MAX_REASON or "\0" in reason:
        errors.append(FieldError("/reason", f"Plain text of at most {MAX_REASON} characters."))
    if expires_at is None:
        errors.append(FieldError("/expires_at", "A waiver ends: give the day from which it counts no more."))
    elif expires_at <= now:
        errors.append(FieldError("/expires_at", "That has passed already: give a day to come."))
    elif expires_at > now + LONGEST:
        last = (now + LONGEST).date()
        errors.append(FieldError("/expires_at", f"At most {LONGEST.days} days: {last} is the last day to give."))
    if errors:
        raise Invalid(f"The waiver is not given: {' '.join(error.detail for error in errors)}", errors=errors)
    return reason
