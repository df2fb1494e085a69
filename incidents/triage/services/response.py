"""What each priority asks of people, as data (requirements 347-353). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from incidents.triage.services.severity import OPEN_STATES


@dataclass(frozen=True, slots=True)
class Response:
    """`says`: the document's words. `acknowledge_within`: until somebody has to have taken it, None where nobody is
    waited for; `steps`: how far up the escalation path it goes while nobody has, one step each `step_every` (zero: all
    at once). `update_every`: how often people hear how it stands while it is open, None where the daily summary does.
    """

    priority: str
    name: str
    when: str
    says: str
    acknowledge_within: timedelta | None
    steps: int
    step_every: timedelta
    update_every: timedelta | None
    post_mortem: bool
    snooze_at_most: timedelta


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# 349-352 give the response; when it has to be acknowledged is ours: in time for that response to be possible.
RESPONSES: Mapping[str, Response] = MappingProxyType(
    {
        response.priority: response
        for response in (
            Response("P0", "Critical", "money leak, data corruption, breach", "Roll back immediately.",
                     timedelta(minutes=5), 3, timedelta(0), _HOUR, True, _HOUR),
            Response("P1", "High", "degradation, high error rate", "Investigate within 1 hour.",
                     _HOUR, 2, timedelta(minutes=30), _HOUR, True, _DAY),
            Response("P2", "Medium", "minor bugs with workarounds", "Fix in the next release.",
                     _DAY, 2, _DAY, None, False, timedelta(days=90)),
            Response("P3", "Low", "cosmetic, documentation", "Backlog.",
                     None, 0, timedelta(0), None, False, timedelta(days=365)),
        )
    }
)  # fmt: skip
# The priorities that ask for a post-mortem (348): what is said of "P0 and P1" anywhere is said of these.
GRAVE: tuple[str, ...] = tuple(response.priority for response in RESPONSES.values() if response.post_mortem)
LESSER: tuple[str, ...] = tuple(priority for priority in RESPONSES if priority not in GRAVE)
# The escalation path (353): who stands at a step.
STEPS: Mapping[int, str] = MappingProxyType({1: "first responder (support)", 2: "engineering lead", 3: "executive"})


def response_of(priority: str) -> Response:
    """The response of P0 to P3; anything else is answered as the gravest."""
    return RESPONSES.get(priority, RESPONSES["P0"])


def is_grave(priority: str) -> bool:
    """P0 and P1; a priority that is none counts as grave."""
    return response_of(priority).post_mortem


def acknowledge_by(*, priority: str, detected_at: datetime) -> datetime | None:
    """Until when somebody has to have taken it; None for the backlog."""
    within = response_of(priority).acknowledge_within
    return None if within is None else detected_at + within


def acknowledge_overdue(
    *, priority: str, status: str, detected_at: datetime, acknowledged_at: datetime | None, now: datetime
) -> bool:
    """Nobody has taken an open incident in time."""
    due = acknowledge_by(priority=priority, detected_at=detected_at)
    return status in OPEN_STATES and acknowledged_at is None and due is not None and now >= due


def steps_due(*, priority: str, detected_at: datetime, acknowledged_at: datetime | None, now: datetime) -> int:
    """How many steps of the path should have been told by now: none before the acknowledgement is overdue or once it
    is there, then one more each `step_every`; a P0's all at once.
    """
    response, due = response_of(priority), acknowledge_by(priority=priority, detected_at=detected_at)
    if acknowledged_at is not None or due is None or now < due:
        return 0
    if not response.step_every:
        return response.steps
    return min(response.steps, 1 + (now - due) // response.step_every)


def next_step_at(*, priority: str, detected_at: datetime, told: int) -> datetime | None:
    """When the step after the `told` ones is due; None at the end of the path."""
    response, due = response_of(priority), acknowledge_by(priority=priority, detected_at=detected_at)
    return None if due is None or told >= response.steps else due + told * response.step_every


def update_due_at(
    *, priority: str, status: str, asleep: bool, detected_at: datetime, update_from: datetime | None
) -> datetime | None:
    """When the next status update is due (347): hourly while an incident is active, which is an open P0 or P1 that
    nobody has put off. None else: the daily summary tells of it.
    """
    every = response_of(priority).update_every
    if every is None or asleep or status not in OPEN_STATES:
        return None
    return max(update_from or detected_at, detected_at) + every


def reminder_due(
    *, due_at: datetime | None, every: timedelta | None, reminded_at: datetime | None, now: datetime
) -> bool:
    """An overdue update is called for once a period: at its time, and each `every` after that."""
    if due_at is None or every is None or now < due_at:
        return False
    present = due_at + ((now - due_at) // every) * every
    return reminded_at is None or reminded_at < present
