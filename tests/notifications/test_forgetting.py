"""What was told leaves with the events' retention, under an audited permit; what is young stays."""

from datetime import timedelta

import pytest

from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionAudit
from readiness.notifications.models import Delivery, Notice
from readiness.notifications.workflows.forgetting import notices_forget
from tests.factories import ANYBODY
from tests.notifications.conftest import a_channel, published, worked
from tests.notifications.receivers import Hook

pytestmark = pytest.mark.django_db


def test_it_forgets_what_is_old_with_its_deliveries_and_leaves_the_rest(hook: Hook) -> None:
    a_channel("slack", hook.url)
    for number in range(13):
        published(key=f"INC-{number}:detected")
    worked()
    assert notices_forget(before=utcnow() - timedelta(days=1), actor=ANYBODY) == 0
    assert Notice.objects.count() == 13
    assert not DeletionAudit.objects.filter(table_name="notifications_notice").exists()
    assert notices_forget(before=utcnow(), actor=ANYBODY) == 13
    assert not Delivery.objects.exists()
    assert DeletionAudit.objects.get(table_name="notifications_notice").reason == "old notices"
