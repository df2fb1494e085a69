"""Fixtures and factories of the subject."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from incidents.errors.services.captured import StoredError
from incidents.errors.workflows import errors_commit, errors_settle
from readiness.infra.actor import Actor
from tests.factories import a_captured_error

ADA = Actor(kind="person", name="ada@example.test", id=1)
BEAT = Actor(kind="job", name="the schedule")


def errors_at(moment: datetime, *, count: int = 1, component: str = "shop.orders") -> list[StoredError]:
    """Errors that arrived at that moment."""
    errors = [
        replace(error, received_at=moment, envelope=replace(error.envelope, component=component))
        for error in (a_captured_error() for _ in range(count))
    ]
    return list(errors_commit(errors=errors))


@pytest.fixture
def recording(fresh_database: str) -> Iterator[None]:
    """The console's own errors are committed by a thread: a database that may commit, and no thread left behind."""
    yield
    errors_settle()
