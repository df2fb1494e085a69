"""What a process remembers: closed days for a while, today never."""

from datetime import date, timedelta

import pytest

from readiness.infra.remembered import Remembered, days_counted, forget_all

TODAY = date(2026, 11, 21)
DATES = [TODAY - timedelta(days=back) for back in range(4, -1, -1)]
LIVE = TODAY - timedelta(days=1)


class Counter:
    """Counts one a day, two on the days in `more`; notes from which day on it was asked."""

    def __init__(self) -> None:
        self.asked: list[date] = []
        self.more: set[date] = set()

    def __call__(self, since: date) -> dict[date, int]:
        self.asked.append(since)
        return {day: 1 + (day in self.more) for day in DATES if day >= since}


def test_it_asks_for_closed_days_once_and_for_yesterday_and_today_always() -> None:
    count, kept = Counter(), Remembered[dict[date, int]](most=2, seconds=60)
    assert days_counted(kept=kept, dates=DATES, count=count) == [1, 1, 1, 1, 1]
    count.more = set(DATES)
    assert days_counted(kept=kept, dates=DATES, count=count) == [1, 1, 1, 2, 2]
    assert count.asked == [DATES[0], LIVE]


def test_a_closed_day_is_counted_anew_after_its_time_and_on_another_day() -> None:
    count, kept = Counter(), Remembered[dict[date, int]](most=2, seconds=-1)
    for _ in range(2):
        days_counted(kept=kept, dates=DATES, count=count)
    assert count.asked == [DATES[0], DATES[0]]
    count, kept = Counter(), Remembered[dict[date, int]](most=2, seconds=60)
    days_counted(kept=kept, dates=DATES[:-1], count=count)
    days_counted(kept=kept, dates=DATES[1:], count=count)
    assert count.asked == [DATES[0], DATES[1]]


@pytest.mark.parametrize("most", [1, 3])
def test_it_keeps_so_many_and_forgets_the_oldest(most: int) -> None:
    kept = Remembered[str](most=most)
    for key in range(5):
        kept.keep(key, str(key))
    assert [key for key in range(5) if kept.find(key)] == list(range(5 - most, 5))
    forget_all()
    assert kept.find(4) is None
