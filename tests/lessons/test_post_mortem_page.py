"""The page of a post-mortem begins with what is known and keeps revisions; two authors do not overwrite each other."""

from datetime import timedelta

import pytest
from django.test import Client

from incidents.lessons.services.post_mortems import post_mortem_prefill
from incidents.lessons.workflows import lesson_write
from incidents.triage.models import Incident, PostMortem
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_post_mortem, a_proven_control, a_viewer, an_engineer, an_incident


def test_it_begins_with_what_is_known() -> None:
    now = utcnow()
    known = {
        "title": "KeyError", "component": "shop.orders", "occurrences": 1_200, "first_seen": now, "last_seen": now,
        "environments": ["production", "production", ""], "root_cause": "Nobody asked.", "factors": ["No test"],
        "lessons": [("It is there.", "It was not.", "We ask.")],
    }  # fmt: skip
    fields = post_mortem_prefill(**known)  # type: ignore[arg-type]
    assert fields["summary"] == "KeyError.\nNobody asked."
    assert fields["impact"].startswith("1,200 errors in shop.orders (production), ")
    assert fields["went_wrong"] == "- No test\n- We believed: It is there. It was: It was not."
    assert fields["went_well"] == "- What we do now: We ask."


@pytest.mark.django_db
def test_it_is_written_on_its_page_and_revised() -> None:
    engineer, incident = Client(), an_incident(incident={"priority": "P1"})
    engineer.force_login(an_engineer(name="Ada"))
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(acknowledged_at=incident.detected_at + timedelta(minutes=9))
    control = a_proven_control(incident=incident)
    lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="we ask", actor=ANYBODY)
    address = f"/incidents/{incident.public_id}/post-mortem/"
    page = engineer.get(address).content.decode()
    for words in ("not written", "Nobody asked.", "What we do now: we ask", control.public_id, "First event stored",
                  "9 min later"):  # fmt: skip
        assert words in page, words
    said = {"post-summary": "It <b>broke</b>.", "post-impact": "Twelve shops.", "post-went_wrong": "No alert."}
    refused = engineer.post(address, {**said, "post-revision": 0, "post-impact": " "})
    assert refused.status_code == 422
    assert "It &lt;b&gt;broke&lt;/b&gt;." in refused.content.decode()
    assert engineer.post(address, {**said, "post-revision": 0}).status_code == 302
    stale = engineer.post(address, {**said, "post-revision": 0, "post-lucky": "It was night."})
    assert stale.status_code == 422
    assert "Ada wrote revision 1" in stale.content.decode()
    assert "It was night." in stale.content.decode()
    assert engineer.post(address, {**said, "post-revision": 1, "post-lucky": "It was night."}).status_code == 302
    assert PostMortem.objects.filter(incident=incident).count() == 2
    assert "Earlier revisions" in engineer.get(address).content.decode()


@pytest.mark.django_db
def test_a_viewer_reads_it_only() -> None:
    viewer, incident = Client(), an_incident()
    viewer.force_login(a_viewer())
    address = f"/incidents/{incident.public_id}/post-mortem/"
    assert "No post-mortem is written yet" in viewer.get(address).content.decode()
    assert viewer.post(address, {}).status_code == 403
    a_post_mortem(incident=incident)
    assert "Charges failed." in viewer.get(address).content.decode()
    assert viewer.get("/incidents/INC-99999999/post-mortem/").status_code == 404
