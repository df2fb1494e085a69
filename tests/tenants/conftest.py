"""Fixtures of the subject."""

from collections.abc import Iterator

import pytest

from readiness.tenants.workflows import forget_recent_answers


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Tests roll back; what this process remembers of their keys would not."""
    forget_recent_answers()
    yield
    forget_recent_answers()
