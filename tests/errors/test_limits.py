"""How much of a key is taken in and how much of an incident is kept: the decisions, and one process's book of them."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.errors.services.drop_figures import key_lines_make, span_words
from incidents.errors.services.limit_book import GROUP, KEY, GroupMinute, LimitBook, Ref, Writing
from incidents.errors.services.limits import (
    PAST_MINUTES,
    SPIKE_FLOOR,
    LimitReason,
    Limits,
    Past,
    group_allowance,
    limit_settings_check,
    limits_settle,
    past_fold,
    past_wait,
    sample_keeps,
    seconds_left,
)
from incidents.errors.store.drops import KeyDrops

MINUTE = 29_000_000  # a minute of 2025
NOON = MINUTE * 60.0
KEY_REF = Ref(1, KEY, "dsn:4")


class Windows:
    """The installation's windows as the database keeps them: sums of what processes add."""

    def __init__(self) -> None:
        self.events: Counter[tuple[int, Ref]] = Counter()
        self.kept: Counter[tuple[int, Ref]] = Counter()

    def add(self, writing: Writing) -> dict[tuple[int, Ref], int]:
        for row in writing.rows:
            self.events[row.minute, row.ref] += row.events
            self.kept[row.minute, row.ref] += row.kept
        return dict(self.events)

    def commit(self, book: LimitBook, now: float) -> None:
        if (writing := book.due(now)) is not None:
            book.written(writing, self.add(writing))

    def fold(self, book: LimitBook, now: float, limits: Limits) -> None:
        if (unread := book.unread(now)) is None:
            return
        since, until = unread
        rows = [
            GroupMinute(minute, ref.project_id, ref.ref, events, self.kept[minute, ref])
            for (minute, ref), events in sorted(self.events.items())
            if ref.scope == GROUP and since <= minute < until
        ]
        book.fold(rows, until=until, limits_of=lambda project_id: limits)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_a_projects_own_limits_go_before_everybodys_and_those_before_the_installations() -> None:
    default = Limits(key_per_minute=100, incident_per_minute=10, burst_minutes=3, spike_factor=5)
    settled = limits_settle(
        default=default, everybody={"key_per_minute": 50, "spike_factor": 7}, own={"key_per_minute": 0}
    )
    assert settled == Limits(key_per_minute=0, incident_per_minute=10, burst_minutes=3, spike_factor=7)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ((None, None, None), []),
        ((0, 0, 0), []),
        ((10, 5, 2), []),
        ((9, 5, 2), ["/key_per_minute"]),
        ((10, 4, 1), ["/incident_per_minute", "/spike_factor"]),
    ],
)
def test_limits_too_small_to_learn_anything_are_wrong(values: tuple[int | None, ...], wrong: list[str]) -> None:
    key, incident, factor = values
    found = limit_settings_check(key_per_minute=key, incident_per_minute=incident, spike_factor=factor)
    assert [error.pointer for error in found] == wrong


# --- decisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "left"), [(0, 60), (0.9, 60), (1, 59), (59, 1), (59.999, 1), (60, 60)])
def test_a_key_may_send_again_when_the_minute_has_ended(at: float, left: int) -> None:
    assert seconds_left(NOON + at) == left
    assert int((NOON + at + left) // 60) == int((NOON + at) // 60) + 1


@given(level=st.floats(0, 1e6), rate=st.integers(1, 10_000), burst=st.integers(1, 60))
def test_an_incident_always_keeps_its_minute_and_never_more_than_its_burst(level: float, rate: int, burst: int) -> None:
    limits = Limits(incident_per_minute=rate, burst_minutes=burst)
    allowed, _ = group_allowance(past=Past(level=level), limits=limits)
    assert rate <= allowed <= rate * burst


@given(
    minutes=st.lists(st.integers(0, 50_000), min_size=1, max_size=200),
    rate=st.integers(5, 5_000),
    burst=st.integers(1, 60),
)
@settings(max_examples=50)
def test_over_any_span_an_incident_keeps_its_burst_and_its_rate_and_samples(
    minutes: list[int], rate: int, burst: int
) -> None:
    limits = Limits(incident_per_minute=rate, burst_minutes=burst)
    past, in_full = Past(), 0
    for events in minutes:
        allowed, _ = group_allowance(past=past, limits=limits)
        kept = min(events, int(allowed))
        in_full += kept
        past = past_fold(past=past, events=events, kept=kept, limits=limits)
    assert in_full <= rate * burst + rate * len(minutes)
    assert in_full >= sum(min(events, rate) for events in minutes)


@given(minutes=st.integers(0, 500), level=st.floats(0, 1e5), usual=st.floats(0, 1e5))
def test_waiting_at_once_is_waiting_minute_by_minute(minutes: int, level: float, usual: float) -> None:
    limits = Limits(incident_per_minute=7, burst_minutes=20_000)
    slow = Past(level=level, usual=usual)
    for _ in range(minutes):
        slow = past_fold(past=slow, events=0, kept=0, limits=limits)
    fast = past_wait(past=Past(level=level, usual=usual), minutes=minutes, limits=limits)
    assert fast.level == pytest.approx(slow.level)
    assert fast.usual == pytest.approx(slow.usual, abs=1e-6)
    assert fast.known == slow.known


def test_a_spike_is_many_times_the_usual_minute_of_an_incident_known_for_an_hour() -> None:
    limits = Limits(incident_per_minute=600, burst_minutes=30, spike_factor=10)
    new, known = Past(usual=100, known=59), Past(usual=100, known=60)
    assert group_allowance(past=new, limits=limits) == (18_000, LimitReason.INCIDENT)
    assert group_allowance(past=known, limits=limits) == (1_000, LimitReason.SPIKE)
    assert group_allowance(past=Past(usual=1, known=60), limits=limits) == (SPIKE_FLOOR, LimitReason.SPIKE)
    steady = Past(usual=600, level=17_900, known=600)  # loud for long: that is usual by now, and its burst is used up
    assert group_allowance(past=steady, limits=limits) == (600, LimitReason.INCIDENT)
    off = Limits(incident_per_minute=0, spike_factor=0)
    assert group_allowance(past=known, limits=off)[0] == float("inf")


def test_what_is_loud_for_hours_becomes_usual() -> None:
    limits = Limits(incident_per_minute=0, spike_factor=10)
    past = Past(usual=10, known=60)
    for _ in range(120):
        past = past_fold(past=past, events=5_000, kept=0, limits=limits)
    assert group_allowance(past=past, limits=limits)[0] > 5_000


@given(over=st.integers(1, 10**7))
def test_fresh_evidence_keeps_coming_and_ever_less_of_it(over: int) -> None:
    assert sample_keeps(over) == (over % (10 if over <= 1_000 else 100 if over <= 10_000 else 1_000) == 0)


# --- the book of one process, and of two ------------------------------------------------------------------------------


def test_a_key_is_refused_beyond_its_limit_until_the_minute_ends() -> None:
    book, limits = LimitBook(), Limits(key_per_minute=3)

    def take(errors: int, at: float) -> int:
        return book.key_take(KEY_REF, errors=errors, limits=limits, now=NOON + at)

    assert [take(1, 10), take(1, 10), take(1, 59)] == [0, 0, 0]
    assert take(1, 59.5) == 1
    assert book.key_is_full(KEY_REF, limits=limits, now=NOON + 59.9)
    assert take(1, 60) == 0  # the next minute
    assert take(5, 61) == 0  # a batch is taken whole while there is anything left
    assert take(1, 61) == 59
    assert not book.key_is_full(KEY_REF._replace(ref="dsn:5"), limits=limits, now=NOON + 61)


def test_a_clock_that_steps_back_a_moment_opens_no_new_minute() -> None:
    book, limits = LimitBook(), Limits(key_per_minute=1)
    assert book.key_take(KEY_REF, errors=1, limits=limits, now=NOON + 60.0) == 0
    assert book.key_take(KEY_REF, errors=1, limits=limits, now=NOON + 59.9) > 0
    assert book.key_take(KEY_REF, errors=1, limits=limits, now=NOON - 3_600) == 0  # set back: it goes on from there


def test_two_processes_share_a_limit_by_what_their_commits_tell_them() -> None:
    windows, books, limits = Windows(), [LimitBook(), LimitBook()], Limits(key_per_minute=100)
    taken = 0
    for number in range(400):
        book = books[number % 2]
        taken += book.key_take(KEY_REF, errors=1, limits=limits, now=NOON + number / 100) == 0
        windows.commit(book, NOON + number / 100)
    assert 100 <= taken <= 110  # each may be late by a twentieth of the limit
    assert windows.events[MINUTE, KEY_REF] == taken


def test_a_new_process_hears_the_minutes_sum_with_its_first_commit() -> None:
    windows, limits, taken = Windows(), Limits(key_per_minute=100), []
    for book in (LimitBook(), LimitBook()):  # the second is the one after a kill
        answers = []
        for _ in range(150):
            answers.append(book.key_take(KEY_REF, errors=1, limits=limits, now=NOON))
            windows.commit(book, NOON)
        taken.append(answers.count(0))
    assert taken[0] == 100
    assert taken[1] <= 5  # what the first had not written yet


def test_it_writes_once_a_second_and_sooner_when_a_limit_is_near() -> None:
    windows, book, limits = Windows(), LimitBook(), Limits(key_per_minute=10_000)
    book.key_take(KEY_REF, errors=1, limits=limits, now=NOON)
    windows.commit(book, NOON)
    book.key_take(KEY_REF, errors=1, limits=limits, now=NOON + 0.5)
    assert book.due(NOON + 0.6) is None
    book.key_take(KEY_REF, errors=499, limits=limits, now=NOON + 0.6)
    windows.commit(book, NOON + 0.7)
    assert windows.events[MINUTE, KEY_REF] == 501


def test_what_a_minute_leaves_unwritten_is_written_to_that_minute() -> None:
    windows, book, limits = Windows(), LimitBook(), Limits(key_per_minute=10_000)
    windows.commit(book, NOON + 59)
    book.key_take(KEY_REF, errors=2, limits=limits, now=NOON + 59.9)
    book.key_take(KEY_REF, errors=3, limits=limits, now=NOON + 60.1)
    windows.commit(book, NOON + 60.2)
    assert windows.events == {(MINUTE, KEY_REF): 2, (MINUTE + 1, KEY_REF): 3}


def test_a_commit_that_fails_leaves_its_figures_for_the_next() -> None:
    windows, book, limits = Windows(), LimitBook(), Limits(key_per_minute=10_000)
    book.key_take(KEY_REF, errors=7, limits=limits, now=NOON)
    assert book.due(NOON) is not None  # and the transaction is rolled back
    book.key_take(KEY_REF, errors=1, limits=limits, now=NOON + 1)
    windows.commit(book, NOON + 2)
    assert windows.events[MINUTE, KEY_REF] == 8


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abc"), st.booleans(), st.integers(0, 20_000)), max_size=300)
)
@settings(max_examples=50)
def test_whatever_happens_everything_that_was_taken_in_is_in_the_windows_in_the_end(
    steps: list[tuple[int, str, bool, int]],
) -> None:
    windows, books = Windows(), [LimitBook(), LimitBook()]
    limits = Limits(incident_per_minute=5)
    now, taken, kept = NOON, Counter(), Counter()
    for number, group, committed, wait_ms in steps:
        now += wait_ms / 1_000
        reason = books[number].group_take(project_id=1, fingerprint=group, limits=limits, now=now)
        taken[group] += 1
        kept[group] += reason is None
        if committed:
            windows.commit(books[number], now)
            windows.fold(books[number], now, limits)
    for book in books:
        windows.commit(book, now + 2)
    for group in "abc":
        assert sum(n for (_, ref), n in windows.events.items() if ref.ref == group) == taken[group]
        assert sum(n for (_, ref), n in windows.kept.items() if ref.ref == group) == kept[group]


def test_one_loud_group_takes_nothing_from_the_others() -> None:
    windows, book, limits = Windows(), LimitBook(), Limits(incident_per_minute=5, burst_minutes=1)
    reasons = Counter()
    for number in range(1_000):
        now = NOON + number / 100
        reasons["loud", book.group_take(project_id=1, fingerprint="loud", limits=limits, now=now)] += 1
        if number % 250 == 0:
            reasons["rare", book.group_take(project_id=1, fingerprint="rare", limits=limits, now=now)] += 1
        windows.commit(book, now)
    assert reasons["rare", None] == 4
    assert reasons["loud", None] == 5 + 99  # one in ten of what is over
    assert reasons["loud", LimitReason.INCIDENT] == 896


def test_a_new_process_knows_the_past_of_each_group() -> None:
    windows, limits = Windows(), Limits(incident_per_minute=10, burst_minutes=3)

    def kept_in(book: LimitBook, minute: int) -> int:
        now = NOON + 60 * minute
        windows.fold(book, now, limits)
        reasons = [book.group_take(project_id=1, fingerprint="g", limits=limits, now=now) for _ in range(40)]
        windows.commit(book, now + 1)
        return len([reason for reason in reasons if reason is None])

    first = LimitBook()
    assert [kept_in(first, 0), kept_in(first, 1)] == [30 + 1, 10 + 3]  # its burst, then its minute; one in ten beyond
    assert kept_in(LimitBook(), 2) == 10 + 3
    assert kept_in(LimitBook(), 3 + PAST_MINUTES) == 30 + 1  # after a quiet time it may burst again


def test_a_group_whose_past_says_nothing_is_forgotten() -> None:
    windows, book, limits = Windows(), LimitBook(), Limits(incident_per_minute=10, burst_minutes=3)
    book.group_take(project_id=1, fingerprint="g", limits=limits, now=NOON)
    windows.commit(book, NOON + 1)
    windows.fold(book, NOON + 60, limits)
    windows.fold(book, NOON + 60 * 300, limits)
    assert not book._pasts


# --- figures ----------------------------------------------------------------------------------------------------------


def test_each_reason_of_a_key_is_said_in_words_the_sdks_own_too() -> None:
    rows = [
        KeyDrops(1, "console", "spike", "dsn", 4, 100, 100), KeyDrops(1, "sdk", "ratelimit_backoff", "dsn", 4, 12, 23),
        KeyDrops(1, "sdk", "made up", "dsn", 4, 0, 1), KeyDrops(2, "console", "key_limit", "dsn", 9, 1, 1),
    ]  # fmt: skip
    lines = key_lines_make(rows)
    assert [(line.words, line.day, line.week) for line in lines[1]] == [
        ("counted only, in a spike of the incident", 100, 100),
        ("dropped by the SDK: it was told to hold back", 12, 23),
        ("dropped by the SDK: another reason", 0, 1),
    ]
    assert [line.key_id for line in lines[2]] == [9]


def test_a_span_of_time_is_said_as_short_as_it_can_be() -> None:
    at = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
    assert span_words(at, at + timedelta(minutes=7)) == "14:02 to 14:09 UTC on 21 November"
    assert span_words(at, at) == "14:02 UTC on 21 November"
    assert span_words(at - timedelta(hours=15), at) == "20 November 23:02 to 21 November 14:02 UTC"
    assert span_words(None, at) == ""
