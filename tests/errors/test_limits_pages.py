"""Limits on the pages: told to founders until one has seen it, marked in the list, on the incident and at the key."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from incidents.errors.models import DroppedCount, LimitNotice
from incidents.triage.models import Incident
from incidents.triage.workflows import incident_merge
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_dsn_key, a_founder, a_user, an_incident

pytestmark = pytest.mark.django_db


def sign_in(client: Client, role: str) -> Client:
    client.force_login(a_user(role=role))
    return client


def text(client: Client, url: str, **query: Any) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def a_notice(incident: Incident, **fields: Any) -> LimitNotice:
    now = utcnow()
    with atomic_write():
        return LimitNotice.objects.create(
            **{
                "project_id": incident.project_id, "day": now.date(), "scope": "incident", "ref": incident.public_id,
                "text": f"{incident.public_id} came more often than is kept in full.", "first_at": now, **fields,
            }
        )  # fmt: skip


def a_drop(**fields: Any) -> DroppedCount:
    now = utcnow()
    with atomic_write():
        return DroppedCount.objects.create(
            **{
                "project_id": 1, "hour": now.replace(minute=0, second=0, microsecond=0), "source": "console",
                "category": "error", "reason": "incident_limit", "quantity": 12_430, "first_at": now, "last_at": now,
                **fields,
            }
        )  # fmt: skip


@pytest.mark.parametrize("page", ["/", "/incidents/"])
def test_founders_are_told_until_one_of_them_has_seen_it(client: Client, page: str) -> None:
    incident = an_incident()
    notice = a_notice(incident)
    founder = sign_in(client, "founder")
    told = text(founder, page)
    assert "came more often than is kept in full" in told
    assert f'href="/incidents/{incident.public_id}/"' in told
    back = "home" if page == "/" else "incident-list"
    answer = founder.post("/limits/seen/", {"until": notice.pk, "back": back})
    assert (answer.status_code, answer.headers["Location"]) == (302, page)
    client.force_login(a_founder())
    assert "came more often" not in text(client, page)
    notice.refresh_from_db()
    assert notice.seen_by


def test_what_came_after_the_page_was_made_is_told_still(client: Client) -> None:
    founder, incident = sign_in(client, "founder"), an_incident()
    first = a_notice(incident)
    a_notice(incident, scope="spike", text="It came ten times as often as usual.")
    founder.post("/limits/seen/", {"until": first.pk})
    told = text(founder, "/incidents/")
    assert "ten times as often" in told
    assert "came more often" not in told


def test_many_notices_do_not_bury_the_page(client: Client) -> None:
    incident = an_incident()
    for number in range(5):
        a_notice(
            incident, ref=f"INC-{number + 1}", text=f"Notice {number}.", first_at=utcnow() - timedelta(hours=number)
        )
    told = text(sign_in(client, "founder"), "/incidents/")
    assert [number for number in range(5) if f"Notice {number}." in told] == [0, 1, 2]
    assert "And 2 more" in told


@pytest.mark.parametrize("role", ["engineer", "viewer"])
def test_others_are_not_asked_and_may_not_answer(client: Client, role: str) -> None:
    notice = a_notice(an_incident())
    other = sign_in(client, role)
    assert "came more often" not in text(other, "/incidents/")
    assert other.post("/limits/seen/", {"until": notice.pk}).status_code == 403
    assert client.get("/limits/seen/").status_code == 405
    notice.refresh_from_db()
    assert notice.seen_by == ""


@pytest.mark.parametrize("until", ["", "x", "-1", "²", "9" * 400])
def test_nonsense_marks_nothing(client: Client, until: str) -> None:
    notice = a_notice(an_incident())
    assert sign_in(client, "founder").post("/limits/seen/", {"until": until, "back": "//evil.test"}).status_code == 302
    notice.refresh_from_db()
    assert notice.seen_by == ""


def test_an_incident_says_how_many_were_only_counted_and_when(client: Client) -> None:
    incident = an_incident(incident={"occurrences": 13_000})
    at = utcnow().replace(hour=14, minute=2) - timedelta(days=1)
    hour = at.replace(minute=0, second=0, microsecond=0)
    a_drop(incident_id=incident.pk, hour=hour, first_at=at, last_at=at + timedelta(minutes=7))
    a_drop(incident_id=incident.pk, reason="spike", quantity=3)
    reader = sign_in(client, "viewer")
    page = text(reader, f"/incidents/{incident.public_id}/")
    assert "12,430 of the 13,000 were counted and not kept in full: over its limit, 14:02 to 14:09 UTC on" in page
    assert "3 of the 13,000 were counted and not kept in full: in a spike" in page
    other = an_incident()
    assert "not kept in full" not in text(reader, f"/incidents/{other.public_id}/")


def test_what_was_only_counted_goes_along_with_a_merge(client: Client) -> None:
    source, target = an_incident(), an_incident()
    a_drop(incident_id=source.pk, quantity=1)
    incident_merge(source_ids=[source.pk], target_id=target.pk, actor=ANYBODY)
    page = text(sign_in(client, "viewer"), f"/incidents/{target.public_id}/")
    assert "1 of the 2 were counted" in page


def test_the_list_marks_an_incident_that_was_sampled_today(client: Client) -> None:
    loud, quiet = an_incident(), an_incident()
    a_drop(incident_id=loud.pk)
    a_drop(incident_id=quiet.pk, hour=utcnow() - timedelta(days=3))
    assert text(sign_in(client, "viewer"), "/incidents/").count("only counted") == 1


def test_connect_shows_what_of_a_keys_errors_is_not_kept(client: Client) -> None:
    key = a_dsn_key()
    mine = {"project_id": key.project_id, "key_kind": "dsn", "key_id": key.pk}
    a_drop(**mine, reason="key_limit", quantity=1_204)
    a_drop(**mine, reason="key_limit", quantity=1_000, hour=utcnow() - timedelta(days=3))
    a_drop(**{**mine, "key_id": 999}, quantity=7)
    page = text(sign_in(client, "viewer"), "/connect/")
    assert f"DSN {key.public_key[:8]}…" in page
    assert "Refused, over the key" in page
    assert ">1,204<" in page
    assert ">2,204<" in page
    assert "DSN key 999, switched off" in page


def test_connect_shows_the_most_first_whatever_number_of_keys_and_hours_there_are(
    client: Client, django_assert_num_queries: Any
) -> None:
    key = a_dsn_key()
    mine = {"project_id": key.project_id, "key_kind": "dsn"}
    a_drop(**mine, key_id=key.pk, quantity=1)
    reader = sign_in(client, "viewer")
    with CaptureQueriesContext(connection) as few:
        text(reader, "/connect/")
    for number in range(12):
        for hours in (0, 30, 60):
            a_drop(
                **mine, key_id=1_000 + number, reason="ratelimit_backoff", source="sdk", quantity=1_000 + number,
                hour=utcnow() - timedelta(hours=hours),
            )  # fmt: skip
    with django_assert_num_queries(len(few)):
        page = text(reader, "/connect/")
    assert "All 13 keys and reasons" in page
    assert page.index(">3,033<") < page.index(">3,000<"), "the most first"
    assert "Dropped by the SDK: it was told to hold back" in page
