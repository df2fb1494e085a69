"""Each test starts with web processes that remember nothing."""

import pytest

from flags.api import forget_answers


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests() -> None:
    forget_answers()
