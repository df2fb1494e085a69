"""What reopens a resolved incident: the docstring's table line by line, and what holds whatever arrives."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.triage.services.recurrence import Resolution, recurrence_judge
from incidents.triage.services.versions import release_order

pytestmark = pytest.mark.once

T = datetime(2026, 11, 2, 12, tzinfo=UTC)  # the resolution
DAY = timedelta(days=1)
FIX = "3f2c1ab" + "0" * 33


def reopens(release: str, *, after: timedelta = DAY, environment: str = "production", **resolution: Any) -> bool:
    known = {"at": T, **resolution, "broken": frozenset(resolution.get("broken", ()))}
    return recurrence_judge(
        at=T + after, received_at=T + 30 * DAY, release=release, environment=environment, resolution=Resolution(**known)
    ).recurred


def seen(**days: int) -> dict[str, dict[str, datetime]]:
    """release → production → that many days before (negative) or after the resolution."""
    return {release: {"production": T + day * DAY} for release, day in days.items()}


def test_it_leaves_a_late_event_alone_whatever_its_release() -> None:
    for release in ("", "shop@2.0.0", "build"):
        assert not reopens(release, after=-DAY, fix="shop@2.0.0")
        assert not reopens(release, after=timedelta(0))


def test_it_takes_an_event_from_the_future_for_one_of_its_arrival() -> None:
    arrived_before = recurrence_judge(
        at=T + 10 * DAY, received_at=T - DAY, release="", environment="production", resolution=Resolution(at=T)
    )
    assert not arrived_before.recurred
    assert reopens("", after=99 * DAY)


def test_it_counts_an_event_without_a_release_by_its_time() -> None:
    assert reopens("", fix="shop@2.0.0", broken={"shop@1.0.0"})


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("shop@1.9.9", False), ("shop@2.0.0-rc.1", False), ("shop@2.0.0", True), ("shop@2.0.1", True),
        ("2.0.0", True), ("shop@v2.1", True), ("shop@2.0.0+7", True),
    ],
)  # fmt: skip
def test_it_orders_by_version_where_the_fix_is_named(release: str, expected: bool) -> None:
    # whatever was seen when: the versions decide (sentry#102234), and the fix need not have been seen (sentry#104751)
    assert reopens(release, fix="shop@2.0.0") is expected
    assert reopens(release, fix="shop@2.0.0", broken={release} - {"shop@2.0.0"}, first_seen={}) is expected
    assert reopens(release, fix="shop@2.0.0", first_seen={release: {"production": T - 9 * DAY}}) is expected


def test_it_orders_by_first_sight_where_a_named_fix_has_no_version() -> None:
    times = seen(old=-3, fixed=-2, new=-1)
    assert not reopens("old", fix="fixed", first_seen=times)
    assert reopens("fixed", fix="fixed", first_seen=times)
    assert reopens("new", fix="fixed", first_seen=times)
    assert reopens("unseen", fix="fixed", first_seen=times)
    assert not reopens("new", fix="fixed", first_seen=times, broken={"new"})


def test_it_goes_by_the_resolution_where_the_fix_was_never_seen() -> None:
    assert not reopens("old", fix="fixed", first_seen=seen(old=-1))
    assert reopens("new", fix="fixed", first_seen=seen(new=1))
    assert reopens("new", fix="fixed", first_seen={"new": {"staging": T - DAY}})


def test_it_takes_a_release_of_the_fixing_commit_for_the_fix_and_no_other_for_named() -> None:
    assert reopens("shop@3f2c1ab", fix=FIX, broken={"shop@1.0.0"}, first_seen={"shop@3f2c1ab": {"production": T - DAY}})
    assert reopens("shop@3f2c1ab", fix=FIX, broken={"shop@3f2c1ab"})
    assert not reopens("shop@1.0.0", fix=FIX, broken={"shop@1.0.0"})
    assert reopens("shop@1.1.0", fix=FIX, broken={"shop@1.0.0"}, first_seen={"shop@1.1.0": {"production": T - DAY}})


def test_it_holds_an_unnamed_fix_to_come_after_what_is_known_to_be_broken() -> None:
    broken = {"shop@1.0.0", "shop@1.2.0", "till@9.0.0"}
    assert not reopens("shop@1.2.0", broken=broken)
    assert not reopens("shop@0.9.0", broken=broken)  # never seen before, and still older
    assert not reopens("shop@1.1.0", broken=broken)
    assert reopens("shop@1.3.0", broken=broken)
    builds = {"shop@1.2.0+7": {"production": T - DAY}, "shop@1.2.0+8": {"production": T - 2 * DAY}}
    assert not reopens("shop@1.2.0+8", broken={"shop@1.2.0+7"}, first_seen=builds)


def test_it_orders_by_first_sight_where_no_version_says() -> None:
    times = seen(older=-9, broken=-5, between=-2)
    assert not reopens("older", broken={"broken"}, first_seen=times)
    assert not reopens("broken", broken={"broken"}, first_seen=times)
    assert reopens("between", broken={"broken"}, first_seen=times)
    assert reopens("unseen", broken={"broken"}, first_seen=times)


def test_it_keeps_a_promoted_build_older_than_the_broken_one() -> None:
    times = {
        "older": {"staging": T - 9 * DAY},
        "broken": {"staging": T - 6 * DAY, "production": T - 5 * DAY},
        "later": {"staging": T - 2 * DAY},
    }
    assert not reopens("older", broken={"broken"}, first_seen=times)
    assert reopens("later", broken={"broken"}, first_seen=times)
    assert not reopens("broken", environment="eu", broken={"broken"}, first_seen=times)


def test_it_orders_each_environment_by_itself() -> None:
    times = {
        "rolled-back": {"staging": T - 2 * DAY, "production": T - 9 * DAY},
        "broken": {"staging": T - 6 * DAY, "production": T - 5 * DAY},
    }
    assert not reopens("rolled-back", broken={"broken"}, first_seen=times)
    assert reopens("rolled-back", environment="staging", broken={"broken"}, first_seen=times)


def test_it_goes_by_the_resolution_where_nothing_is_known_to_be_broken() -> None:
    assert not reopens("old", first_seen=seen(old=-1))
    assert reopens("old", environment="staging", first_seen=seen(old=-1))
    assert reopens("new", first_seen=seen(new=1))
    assert reopens("unseen")


def test_it_says_why() -> None:
    verdict = recurrence_judge(
        at=T + DAY, received_at=T + DAY, release="shop@1.0.0", environment="production",
        resolution=Resolution(at=T, fix="shop@1.1.0"),
    )  # fmt: skip
    assert verdict.reason == "shop@1.0.0 is older than the fix shop@1.1.0"


# --- whatever arrives -------------------------------------------------------------------------------------------------

RELEASES = st.sampled_from(["", "shop@1.0.0", "shop@1.1.0", "shop@1.2.0-rc.1", "shop@2.0.0", "build-a", "build-b", FIX])
PLACES = st.sampled_from(["production", "staging"])
HOURS = st.integers(-100, 100).map(lambda hours: timedelta(hours=hours))
EVENTS = st.lists(st.tuples(RELEASES, PLACES, HOURS), min_size=1, max_size=6)
SEEN = st.dictionaries(
    RELEASES.filter(bool), st.dictionaries(PLACES, HOURS.map(lambda since: T + since), min_size=1), max_size=6
)


@st.composite
def resolutions(draw: st.DrawFn) -> Resolution:
    return Resolution(
        at=T,
        fix=draw(RELEASES),
        broken=draw(st.frozensets(RELEASES.filter(bool), max_size=3)),
        first_seen=draw(SEEN),
    )


def batch_reopens(events: list[tuple[str, str, timedelta]], resolution: Resolution) -> bool:
    """As recording does with a batch: what is late in it is known first, then each is judged."""
    known = resolution.with_late((T + since, release) for release, _, since in events)
    return any(
        recurrence_judge(
            at=T + since, received_at=T + 500 * DAY, release=release, environment=place, resolution=known
        ).recurred
        for release, place, since in events
    )


@given(events=EVENTS, resolution=resolutions(), data=st.data())
def test_it_judges_a_batch_alike_in_any_order(
    events: list[tuple[str, str, timedelta]], resolution: Resolution, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(events))
    assert batch_reopens(events, resolution) == batch_reopens(shuffled, resolution)


@given(events=EVENTS, resolution=resolutions())
def test_it_never_reopens_by_late_events(events: list[tuple[str, str, timedelta]], resolution: Resolution) -> None:
    assert not batch_reopens([(release, place, -abs(since)) for release, place, since in events], resolution)


@given(events=EVENTS, resolution=resolutions())
def test_it_never_reopens_by_old_releases(events: list[tuple[str, str, timedelta]], resolution: Resolution) -> None:
    """Older than a named fix by version, or seen broken while no version says otherwise: old, whenever it comes."""
    for release, place, _ in events:
        order = release_order(release, resolution.fix) if resolution.fix else None
        old = order == -1 or (order is None and release in resolution.broken and resolution.fix not in (release, FIX))
        if release and old:
            assert not batch_reopens([(release, place, DAY)], resolution)


@given(events=EVENTS, resolution=resolutions())
def test_it_comes_to_the_same_one_by_one_in_order_of_time(
    events: list[tuple[str, str, timedelta]], resolution: Resolution
) -> None:
    """Where nothing is late, ten batches of one event reopen exactly where one batch of ten does."""
    in_time = sorted(events, key=lambda event: event[2])
    known, one_by_one = resolution, False
    for release, place, since in in_time:
        known = known.with_late([(T + since, release)])
        one_by_one = one_by_one or batch_reopens([(release, place, since)], known)
    assert one_by_one == batch_reopens(events, resolution)
