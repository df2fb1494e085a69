"""A notice is published with its commit, and kept once."""

import pytest

from readiness.infra.models import OutboxMessage
from readiness.infra.notices import notice_publish
from readiness.infra.outbox import outbox_deliver
from readiness.infra.transactions import IntentViolationError, atomic_write, read_session
from readiness.notifications.models import Notice

pytestmark = pytest.mark.django_db


def _publish(key: str = "INC-12:detected", title: str = "It broke", project_id: int = 0) -> None:
    with atomic_write() as session:
        notice_publish(
            session, kind="incident.detected", key=key, title=title, text="", project_id=project_id, priority="P0"
        )


def test_it_keeps_what_was_published_once() -> None:
    _publish()
    _publish(title="It broke, said again")
    assert outbox_deliver() == 2
    notice = Notice.objects.get()
    assert (notice.key, notice.title, notice.priority) == ("INC-12:detected", "It broke", "P0")


def test_it_keeps_one_for_each_project() -> None:
    _publish(project_id=1)
    _publish(project_id=2)
    outbox_deliver()
    assert set(Notice.objects.values_list("project_id", flat=True)) == {1, 2}


def test_it_cuts_long_words_but_never_the_key() -> None:
    _publish(title="x" * 500)
    outbox_deliver()
    assert len(Notice.objects.get().title) == 200
    with pytest.raises(ValueError, match="1 to 200 characters"):
        _publish(key="k" * 201)


def test_it_publishes_nothing_while_only_reading() -> None:
    with read_session() as session, pytest.raises(IntentViolationError):
        notice_publish(session, kind="test", key="t", title="t", text="")
    assert not OutboxMessage.objects.exists()
