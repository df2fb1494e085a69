"""When a control's next run is asked for. A run that nobody asks for is forgotten; one asked for daily is ignored."""

from datetime import datetime, timedelta

from incidents.lessons.services.control_state import ControlState

LEAD_SHARE = 10
SHORTEST_LEAD = timedelta(hours=1)
# What a pass on the main ref keeps proven, or makes proven again. The others need a red first, which no schedule has.
RUN_AGAIN = frozenset({ControlState.PROVEN, ControlState.STALE, ControlState.BROKEN})


def control_ask_at(*, due_at: datetime, period: timedelta) -> datetime:
    """When to ask for the pass on main that is due at `due_at`: a tenth of the period before, an hour at the least."""
    return due_at - max(period / LEAD_SHARE, SHORTEST_LEAD)


def control_is_due(*, state: ControlState, due_at: datetime | None, period: timedelta, now: datetime) -> bool:
    """Whether a run on main is wanted now: soon, or overdue, or because a pass would mend it."""
    if state not in RUN_AGAIN or due_at is None:
        return False
    return state is not ControlState.PROVEN or now >= control_ask_at(due_at=due_at, period=period)


def control_asks_next(
    *, state: ControlState, due_at: datetime | None, period: timedelta, before: tuple[ControlState, datetime | None]
) -> tuple[bool, datetime | None]:
    """(whether to set it, when to ask next) after a move; `before`: the state and the due time that it moved from.

    Each due time is asked for once: a run that leaves it as it is arms nothing anew. What is broken or stale has been
    told of already.
    """
    if state is not ControlState.PROVEN or due_at is None:
        return True, None
    if before == (state, due_at):
        return False, None
    return True, control_ask_at(due_at=due_at, period=period)
