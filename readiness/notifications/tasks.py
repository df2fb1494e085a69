"""Work of notifications that follows a commit."""

from typing import Any

from readiness.notifications.workflows import notice_receive


def notice_route(*, key: str, payload: dict[str, Any]) -> None:
    """Handler of the outbox topic `notice`: kept once, and handed on to those whom the rules name."""
    notice_receive(key=key, payload=payload)
