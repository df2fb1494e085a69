"""Two people at once: a form carries the revision that it saw; who comes too late is told what changed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from readiness.infra.refusals import Conflict

UNDO_WITHIN = timedelta(minutes=10)
TOLD = 5  # changes that a refusal names; the timeline has them all


class MoveRow(Protocol):
    """What the rules ask of a move of a person."""

    revision: int
    kind: str
    text: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody did meanwhile."""

    at: datetime
    actor: str
    text: str


class ChangedMeanwhile(Conflict):
    """Somebody was faster: nothing was changed. `changes` tells what they did, the latest first; `revision` is what a
    second try has to carry.
    """

    def __init__(self, detail: str, *, changes: tuple[Change, ...], revision: int) -> None:
        super().__init__(detail)
        self.changes, self.revision = changes, revision


def revision_check(*, name: str, revision: int, seen: int | None, since: Iterable[MoveRow], reader: str = "") -> None:
    """Raises ChangedMeanwhile where the incident was moved since `seen` (None: not asked). `since`: those moves, the
    latest first; `reader`: who tries now, so that they hear of their own moves as such.
    """
    if seen is None or seen == revision:
        return
    changes = tuple(Change(row.at, "you" if row.actor == reader else row.actor, row.text) for row in since)[:TOLD]
    what = "; ".join(f"{change.actor}: {change.text}" for change in changes) or "It came back meanwhile."
    raise ChangedMeanwhile(
        f"{name} was changed while you were looking, so nothing was done now. {what} Look at it, then try again.",
        changes=changes,
        revision=revision,
    )
