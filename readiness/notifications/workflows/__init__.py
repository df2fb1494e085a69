"""What notifications do: notices kept and routed, deliveries attempted; channels and rules, made by founders."""

from readiness.notifications.workflows.routing import notice_receive
from readiness.notifications.workflows.sending import LEASE, delivery_send

__all__ = ["LEASE", "delivery_send", "notice_receive"]
