"""Who comes too late: anybody else's move makes a form stale, one's own does not, a recurrence does."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.triage.services.revisions import TOLD, ChangedMeanwhile, revision_check

T = datetime(2026, 11, 21, 9, tzinfo=UTC)


@dataclass
class Row:
    revision: int
    actor_id: int | None
    kind: str = "owner"
    text: str = "Handed over."
    actor: str = "Somebody"
    at: datetime = T


@given(st.lists(st.sampled_from([1, 2, None]), max_size=6), st.integers(0, 6), st.integers(0, 2))
def test_it_is_stale_by_what_others_did(actors: list[int | None], seen: int, recurrences: int) -> None:
    rows = [Row(number + 1, actor) for number, actor in enumerate(actors)]
    revision, since = len(rows) + recurrences, [row for row in reversed(rows) if row.revision > seen]
    stale = seen != revision and (any(row.actor_id != 1 for row in since) or revision - seen != len(since))
    if not stale:
        revision_check(name="INC-1", revision=revision, seen=seen, since=since, reader_id=1)
        return
    with pytest.raises(ChangedMeanwhile) as refusal:
        revision_check(name="INC-1", revision=revision, seen=seen, since=since, reader_id=1)
    assert refusal.value.revision == revision
    assert len(refusal.value.changes) <= TOLD
    assert all(change.actor == "Somebody" for change in refusal.value.changes)


def test_who_carries_nothing_is_not_asked() -> None:
    revision_check(name="INC-1", revision=7, seen=None, since=[])
