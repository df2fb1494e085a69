"""Answers remembered for a moment."""

import threading

from readiness.tenants.services.recent import RecentAnswers


class Source:
    """A clock and a table that count how often they are asked."""

    def __init__(self) -> None:
        self.now, self.asked = 100.0, 0
        self.rows: dict[str, str] = {}

    def clock(self) -> float:
        return self.now

    def get(self, answers: RecentAnswers[str, str], key: str) -> str | None:
        def look_up() -> str | None:
            self.asked += 1
            return self.rows.get(key)

        return answers.get(key, look_up)


def test_it_asks_once_until_the_answer_is_old() -> None:
    source = Source()
    answers = RecentAnswers[str, str](seconds=1.0, size=8, clock=source.clock)
    source.rows["a"] = "first"
    assert [source.get(answers, "a") for _ in range(3)] == ["first"] * 3
    assert source.asked == 1
    source.rows["a"] = "second"
    source.now += 0.999
    assert source.get(answers, "a") == "first"
    source.now += 0.001
    assert source.get(answers, "a") == "second"


def test_it_remembers_that_a_key_is_unknown_and_that_it_came_or_went() -> None:
    source = Source()
    answers = RecentAnswers[str, str](seconds=1.0, size=8, clock=source.clock)
    assert source.get(answers, "a") is None
    assert source.get(answers, "a") is None
    assert source.asked == 1
    source.rows["a"] = "here"
    source.now += 1
    assert source.get(answers, "a") == "here"
    del source.rows["a"]
    source.now += 1
    assert source.get(answers, "a") is None
    assert len(answers) == 1


def test_it_counts_an_answers_age_from_before_it_was_looked_up() -> None:
    source = Source()
    answers = RecentAnswers[str, str](seconds=1.0, size=8, clock=source.clock)

    def slow() -> str:
        source.now += 5
        return "old by now"

    answers.get("a", slow)
    source.rows["a"] = "new"
    assert source.get(answers, "a") == "new"


def test_it_stays_bounded_and_a_flood_of_wrong_keys_pushes_no_right_one_out() -> None:
    source = Source()
    answers = RecentAnswers[str, str](seconds=1.0, size=4, clock=source.clock)
    source.rows["right"] = "yes"
    source.get(answers, "right")
    for number in range(100):
        source.get(answers, f"wrong-{number}")
    assert len(answers) == 5
    source.asked = 0
    assert source.get(answers, "right") == "yes"
    assert source.asked == 0


def test_it_forgets_when_told() -> None:
    source = Source()
    answers = RecentAnswers[str, str](seconds=1.0, size=4, clock=source.clock)
    source.rows["a"] = "first"
    source.get(answers, "a")
    source.rows["a"] = "second"
    answers.forget_all()
    assert source.get(answers, "a") == "second"


def test_it_holds_when_many_threads_ask_at_once() -> None:
    answers = RecentAnswers[int, int](seconds=0.0, size=8)  # every answer is old at once: all write, all evict
    wrong: list[tuple[int, int | None]] = []

    def ask() -> None:
        for number in range(2_000):
            key = number % 40
            answer = answers.get(key, lambda key=key: key * 2 if key % 2 else None)  # type: ignore[misc]
            if answer != (key * 2 if key % 2 else None):
                wrong.append((key, answer))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(answers) <= 16


def test_one_thread_asks_while_the_others_use_the_old_answer() -> None:
    source = Source()
    source.rows["a"] = "old"
    answers = RecentAnswers[str, str](seconds=1.0, size=8, clock=source.clock)
    source.get(answers, "a")
    source.now += 1.5
    asking, proceed = threading.Event(), threading.Event()

    def slow() -> str:
        asking.set()
        assert proceed.wait(10)
        return "new"

    thread = threading.Thread(target=lambda: answers.get("a", slow))
    thread.start()
    assert asking.wait(10)
    assert source.get(answers, "a") == "old"
    assert source.asked == 1
    source.now += 0.6  # older than twice its time: nobody is given it any more
    assert source.get(answers, "a") == "old"
    assert source.asked == 2
    proceed.set()
    thread.join(10)
    assert source.get(answers, "a") == "new"
