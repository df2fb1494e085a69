"""Two people at once: a form carries the revision that it saw; who comes too late is told what changed. Pure."""

from collections.abc import Sequence
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
    actor_id: int | None
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


def revision_check(
    *, name: str, revision: int, seen: int | None, since: Sequence[MoveRow], reader_id: int | None = None
) -> None:
    """Raises ChangedMeanwhile where somebody else moved the incident since `seen` (None: not asked), or it came back by
    itself. `since`: the moves after it, the latest first. What the reader did there is known to them: a page of which
    only a part was renewed after their own move is not out of date.
    """
    if seen is None or seen == revision:
        return
    others = [row for row in since if reader_id is None or row.actor_id != reader_id]
    by_itself = revision - seen != len(since)  # a recurrence counts, and is nobody's move
    if not others and not by_itself:
        return
    changes = tuple(Change(row.at, row.actor, row.text) for row in others)[:TOLD]
    what = "; ".join(f"{change.actor}: {change.text}" for change in changes) or "It came back meanwhile."
    raise ChangedMeanwhile(
        f"{name} was changed while you were looking, so nothing was done now. {what} Look at it, then try again.",
        changes=changes,
        revision=revision,
    )
