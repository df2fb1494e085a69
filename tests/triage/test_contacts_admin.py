"""The escalation path is edited in the admin, by a workflow that refuses whom nobody could reach."""

import pytest
from django.test import Client

from incidents.triage.models import EscalationContact
from tests.factories import a_founder, a_project, an_engineer

pytestmark = pytest.mark.django_db
ADD = "/admin/triage/escalationcontact/add/"


def test_a_founder_puts_people_on_the_path_and_takes_them_off() -> None:
    founder, client = a_founder(), Client()
    client.force_login(founder)
    sent = {"step": 1, "user": "", "name": "Support", "email": "support@example.test", "project_id": 0}
    assert client.post(ADD, sent).status_code == 302
    sent_too = {**sent, "step": 2, "user": founder.pk, "email": "", "project_id": a_project().pk}
    assert client.post(ADD, sent_too).status_code == 302
    assert [contact.address for contact in EscalationContact.objects.all()] == ["support@example.test", founder.email]
    for wrong, said in (
        ({"email": ""}, "or give an e-mail"),
        ({"project_id": 987}, "no such project"),
        ({"user": an_engineer(is_active=False).pk}, "who has left is not told"),
    ):
        refused = client.post(ADD, {**sent, **wrong})
        assert refused.status_code == 200
        assert said in refused.content.decode()
    contact = EscalationContact.objects.get(step=1)
    client.post(f"/admin/triage/escalationcontact/{contact.pk}/delete/", {"post": "yes"})
    assert EscalationContact.objects.count() == 1
    for page in ("incidentmove", "postmortem", "dailysummary", "escalationcontact"):
        assert client.get(f"/admin/triage/{page}/").status_code == 200
