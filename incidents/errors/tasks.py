"""Work of capture that a worker does: telling founders by mail what they see in the console anyway."""

from typing import Any

from celery import current_app, shared_task

from incidents.errors.workflows import limit_notice_mail


def limit_notice_send(*, key: str, payload: dict[str, Any]) -> None:
    """Handler of the outbox topic `capture.limited`: a task, for a mail server may be slow and a delivery may not.

    Raises kombu's OperationalError when the broker is away; the outbox then tries again, so this does not.
    """
    current_app.send_task("errors.limit_notice", args=[payload["notice_id"]], retry=False)


@shared_task(name="errors.limit_notice")
def limit_notice(notice_id: int) -> None:
    """Log the notice, and mail it to the founders when there is a mail server."""
    limit_notice_mail(notice_id=notice_id)
