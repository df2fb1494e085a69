"""What notifications do."""

from readiness.notifications.workflows.routing import notice_receive

__all__ = ["notice_receive"]
