"""Group commit: everybody is answered after the commit, and one bad item takes no other with it."""

import threading

import pytest

from readiness.infra.group_commit import GroupCommit


def test_it_answers_each_request_with_its_own() -> None:
    group: GroupCommit[int, int] = GroupCommit(lambda items: [item * 2 for item in items])
    assert list(group.submit([1, 2, 3])) == [2, 4, 6]
    group.close()
    assert list(group.submit([4])) == [8]
    group.close()


def test_requests_that_wait_share_a_commit() -> None:
    entered, proceed, sizes = threading.Event(), threading.Event(), []

    def commit(items):  # type: ignore[no-untyped-def]
        sizes.append(len(items))
        entered.set()
        assert proceed.wait(10)
        return items

    group: GroupCommit[int, int] = GroupCommit(commit)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda n=n: answers.extend(group.submit([n]))) for n in range(9)]
    threads[0].start()
    assert entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while group._queue.qsize() < 8:
        threading.Event().wait(0.001)
    proceed.set()
    for thread in threads:
        thread.join(10)
    assert sizes == [1, 8]
    assert sorted(answers) == list(range(9))
    group.close()


def test_a_bad_item_fails_alone() -> None:
    started = threading.Barrier(2)

    def commit(items):  # type: ignore[no-untyped-def]
        if 13 in items:
            raise ValueError("unlucky")
        return items

    group: GroupCommit[int, int] = GroupCommit(commit)
    outcomes: dict[int, object] = {}

    def submit(number: int) -> None:
        started.wait(10)
        try:
            outcomes[number] = list(group.submit([number]))
        except ValueError as failure:
            outcomes[number] = str(failure)

    threads = [threading.Thread(target=submit, args=(number,)) for number in (13, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert outcomes == {13: "unlucky", 1: [1]}
    with pytest.raises(ValueError, match="unlucky"):
        group.submit([13])
    group.close()
