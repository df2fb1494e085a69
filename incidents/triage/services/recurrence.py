"""When an error of a resolved incident means that it happened again.

The same fingerprint, an event time after the resolution, and a release that is not older than the fix. Late events and
old releases never reopen: false regressions from releases that are still out there are what Sentry's users suffer from
(sentry#44881, #102234), and a recurrence here refutes a control.

What "the fix" is: the release that was named when the incident was marked prevented; or a commit, the one on which its
control was proven: then a release named after that commit is the fix, and otherwise none is named. The newest release
seen at the resolution is *not* the fix but the last one known to be broken, if the incident was seen in it: the fix is
whatever comes after that. In this order, the first line that applies decides:

    event time, but no later than its arrival, not after the resolution   no   late (sentry#70498)
    the event names no release                                            yes  it counts by its time
    it is the release that is the fix                                     yes
    a fix is named, and both are versions of one name                     yes  if not older than the fix
    the incident was seen in this release before the resolution, anywhere no   known to be broken
    a fix is named, and was seen                                          yes  if not first seen before the fix
    a fix is named that was never seen                                    yes  if not seen here before the resolution
    no fix is named, versions of one name are known to be broken          yes  if newer than all of them
    no fix is named, other releases are known to be broken                yes  if first seen after all of them
    nothing is known to be broken (earlier events named no release)       yes  if not seen here before the resolution

Versions are asked event by event, of the two names themselves (services.versions): no release has to exist as a row,
so deleting one changes nothing (sentry#104751), and no project-wide switch flips between resolution and event
(sentry#111584). "First seen" is a release's first event of any incident in the project, in this environment where both
were seen here before, else anywhere: a build that ran in staging before the broken one did and is promoted afterwards
stays the older one, and one that came to staging after it may be the fix on its way.

The price: a fix brought back to an older line (1.0.1, when 2.0.0 was broken) counts as old until it is named as the
fix. A missed reopening shows as occurrences of a resolved incident; a false one marks a good control ineffective.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from incidents.triage.services.versions import is_commit, release_is_commit, release_order


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a resolved incident's errors are held against.

    `fix`: the release that has the fix, or its commit; may be empty. `broken`: the releases in which the incident was
    seen until `at`. `first_seen`: release → environment → when the project first had an event of it.
    """

    at: datetime
    fix: str = ""
    broken: frozenset[str] = frozenset()
    first_seen: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)

    def with_late(self, late: Iterable[tuple[datetime, str]]) -> "Resolution":
        """Of a batch's events (event time, release), those from before the resolution are known as well: what comes
        in one batch is judged alike in whatever order it stands there.
        """
        known = {release for at, release in late if release and at <= self.at}
        return replace(self, broken=self.broken | known) if known else self


@dataclass(frozen=True, slots=True)
class RecurrenceVerdict:
    """`reason` is the clause that follows “It happened again” or “It was counted, not reopened:”."""

    recurred: bool
    reason: str = ""


def recurrence_judge(
    *, at: datetime, received_at: datetime, release: str, environment: str, resolution: Resolution
) -> RecurrenceVerdict:
    """Whether an error of this moment, release and environment reopens. `at` is the event's own time."""
    if min(at, received_at) <= resolution.at:
        return RecurrenceVerdict(False, "the event is from before the resolution")
    if not release:
        return RecurrenceVerdict(True)
    fix = resolution.fix
    if is_commit(fix):
        fix = release if release_is_commit(release, fix) else ""
    if release == fix:
        return RecurrenceVerdict(True, f"in {release}, which has the fix")
    order = release_order(release, fix) if fix else None
    if order is not None:
        return _by(order >= 0, f"{release} is not older than the fix {fix}", f"{release} is older than the fix {fix}")
    if release in resolution.broken:
        return RecurrenceVerdict(False, f"{release} is known to be broken")
    if fix:
        return _by_time_of_fix(release, fix, environment, resolution)
    return _by_broken(release, environment, resolution)


def _by(recurred: bool, yes: str, no: str) -> RecurrenceVerdict:
    return RecurrenceVerdict(recurred, yes if recurred else no)


def _by_time_of_fix(release: str, fix: str, environment: str, resolution: Resolution) -> RecurrenceVerdict:
    order = _seen_order(release, fix, environment, resolution)
    if order is None:
        return _by_resolution(release, environment, resolution)
    return _by(
        order >= 0,
        f"{release} was not seen before the fix {fix}",
        f"{release} was seen before the fix {fix}",
    )


def _by_broken(release: str, environment: str, resolution: Resolution) -> RecurrenceVerdict:
    orders = {broken: release_order(release, broken) for broken in resolution.broken}
    if all(order is None for order in orders.values()):
        orders = {broken: _seen_order(release, broken, environment, resolution) for broken in resolution.broken}
    known = {broken: order for broken, order in orders.items() if order is not None}
    if not known:
        return _by_resolution(release, environment, resolution)
    older = next((broken for broken, order in sorted(known.items()) if order <= 0), "")
    return _by(
        not older,
        f"{release} came after every release that was known to be broken",
        f"{release} is not newer than {older}, which was broken",
    )


def _by_resolution(release: str, environment: str, resolution: Resolution) -> RecurrenceVerdict:
    seen = resolution.first_seen.get(release, {}).get(environment)
    return _by(
        seen is None or seen > resolution.at,
        f"{release} was not seen in {environment} before the resolution",
        f"{release} was seen in {environment} before the resolution",
    )


def _seen_order(release: str, other: str, environment: str, resolution: Resolution) -> int | None:
    """As release_order, by first-seen times; None where the other was never seen. An unseen release comes last."""
    theirs = resolution.first_seen.get(other)
    if not theirs:
        return None
    ours = resolution.first_seen.get(release)
    if not ours:
        return 1
    here = environment in ours and environment in theirs
    one, two = (ours[environment], theirs[environment]) if here else (min(ours.values()), min(theirs.values()))
    return (one > two) - (one < two)
