"""How old an answer may become, counted on a clock that the test holds."""

import threading

import pytest

from flags.services.memo import FRESH_S, KEEP_S, MOST_SCOPES, PAUSE_S, WAIT_S, AnswerMemo
from readiness.infra.refusals import Unavailable


class Source:
    """A database with a clock: `value` is what it holds; it can be down, or hold a look until told to go on."""

    def __init__(self) -> None:
        self.now, self.value, self.looks, self.down = 1_000.0, "old", 0, False
        self.stale: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.looking = threading.Event()
        self.memo: AnswerMemo[str, str] = AnswerMemo(
            load=self.load, on_stale=lambda scope, problem: self.stale.append(scope), clock=lambda: self.now
        )

    def load(self, scope: str, known: str | None) -> str:
        self.looks += 1
        held = self.value
        self.looking.set()
        assert self.go_on.wait(timeout=20)
        if self.down:
            raise Unavailable("down")
        return held


def test_it_asks_once_while_an_answer_is_fresh() -> None:
    source = Source()
    for _ in range(5):
        assert source.memo.answer("a") == "old"
        source.now += FRESH_S / 6
    assert source.looks == 1


def test_it_gives_a_flip_to_the_next_request_after_freshness() -> None:
    source = Source()
    source.memo.answer("a")
    source.value = "new"
    source.now += FRESH_S
    assert source.memo.answer("a") == "new"


def test_it_keeps_scopes_apart_and_bounded() -> None:
    source = Source()
    for number in range(MOST_SCOPES + 10):
        source.now += 0.000_1
        source.memo.answer(str(number))
    assert source.looks == MOST_SCOPES + 10
    assert len(source.memo) <= MOST_SCOPES
    source.memo.answer(str(MOST_SCOPES + 9))
    assert source.looks == MOST_SCOPES + 10


def test_it_lets_one_thread_look_and_the_others_have_the_old_answer() -> None:
    source = Source()
    source.memo.answer("a")
    source.value = "new"
    source.now += FRESH_S
    source.looking.clear()
    source.go_on.clear()
    answers: list[str] = []
    looker = threading.Thread(target=lambda: answers.append(source.memo.answer("a")))
    looker.start()
    assert source.looking.wait(timeout=20)
    assert source.memo.answer("a") == "old"
    assert source.looks == 2
    source.go_on.set()
    looker.join(timeout=20)
    assert answers == ["new"]
    assert source.memo.answer("a") == "new"


def test_it_waits_for_the_look_rather_than_give_too_old_an_answer() -> None:
    source = Source()
    source.memo.answer("a")
    source.value = "new"
    source.now += FRESH_S + WAIT_S
    source.looking.clear()
    source.go_on.clear()
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(source.memo.answer("a"))) for _ in range(4)]
    threads[0].start()
    assert source.looking.wait(timeout=20)
    for thread in threads[1:]:
        thread.start()
    source.go_on.set()
    for thread in threads:
        thread.join(timeout=20)
    assert answers == ["new"] * 4


def test_it_does_not_wait_for_a_database_that_hangs() -> None:
    source = Source()
    source.memo.answer("a")
    source.now += FRESH_S + WAIT_S
    source.looking.clear()
    source.go_on.clear()
    looker = threading.Thread(target=source.memo.answer, args=("a",))
    looker.start()
    assert source.looking.wait(timeout=20)
    assert source.memo.answer("a") == "old"  # after WAIT_S of real time
    assert source.memo.answer("a") == "old"  # at once: the entry is known to fail
    source.go_on.set()
    looker.join(timeout=20)
    assert source.looks == 2


def test_it_gives_the_last_good_answer_while_the_database_is_down() -> None:
    source = Source()
    source.memo.answer("a")
    source.down = True
    source.now += 60
    assert source.memo.answer("a") == "old"
    assert source.stale == ["a"]
    assert source.memo.answer("a") == "old"
    assert source.looks == 2, "the next look waits for PAUSE_S"
    source.down, source.value = False, "new"
    source.now += PAUSE_S
    assert source.memo.answer("a") == "new"


def test_it_gives_no_answer_that_is_older_than_the_header_allows() -> None:
    source = Source()
    source.memo.answer("a")
    source.down = True
    source.now += KEEP_S + 1
    with pytest.raises(Unavailable):
        source.memo.answer("a")


def test_it_has_nothing_to_give_before_the_first_look_succeeds() -> None:
    source = Source()
    source.down = True
    with pytest.raises(Unavailable):
        source.memo.answer("a")
    source.down = False
    assert source.memo.answer("a") == "old"
