"""What takes the place of the console's recorder of its own errors in a test that is rolled back."""

from typing import Any


def failure_raise(exception: BaseException, *, component: str, layer: str, context: dict[str, Any]) -> str:
    """An error of the console's own is the test's failure.

    The real recorder commits in a thread of its own: on SQLite it would wait for the lock that the test's transaction
    holds until it gives up, on PostgreSQL it would outlast the test. A test of recording uses `fresh_database`.
    """
    raise exception
