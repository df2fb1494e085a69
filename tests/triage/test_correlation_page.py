"""/correlations/ and /correlations/<id>/: "What happened together?", for people."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from flags.models import FlagRevision
from incidents.errors.workflows import errors_commit
from incidents.lessons.models import ControlRun
from incidents.triage.models import Incident, TimelineEntry
from readiness.operations.models import JobRun
from readiness.programs.models import Evidence, Verdict
from tests.factories import a_captured_error, a_founder, a_viewer, an_incident
from tests.triage.conftest import HEADER, TRACE

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
QUERIES = 15  # the session and its person, one a source and the errors' incidents
Fill = Callable[[], Incident]


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(a_viewer())
    return client


def traced(**fields: Any) -> Any:
    return a_captured_error(contexts={"trace": {"trace_id": TRACE}}, **fields)


def test_it_asks_strangers_to_sign_in() -> None:
    assert Client().get("/correlations/").status_code == 302
    assert Client().get(f"/correlations/{TRACE}/").status_code == 302


def test_it_shows_every_source_with_links(reader: Client, trace_everywhere: Fill) -> None:
    incident = trace_everywhere()
    answer = reader.get(f"/correlations/{TRACE}/")
    page = answer.content.decode()
    assert answer.status_code == 200
    for expected in (
        "What happened together?",
        "KeyError: &#x27;total&#x27;",
        "Where the time went",
        "charge card",
        "Who took part",
        "It spun for ever",
        f'href="/incidents/{incident.public_id}/"',
        'href="/flags/traced.flag/"',
        'href="/operations/"',
        "is to be done after the commit",
        "Job partitions ok",
        "Look first:",
    ):
        assert expected in page, expected


def test_a_search_leads_to_the_page(reader: Client) -> None:
    for pasted in (TRACE, HEADER, f"X-Correlation-Id: {TRACE}"):
        answer = reader.get("/correlations/", {"id": pasted})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/correlations/{TRACE}/")


def test_a_search_for_what_is_no_id_says_what_one_is(reader: Client) -> None:
    answer = reader.get("/correlations/", {"id": "x" * 90})
    assert answer.status_code == 422
    assert "X-Correlation-Id" in answer.content.decode()


def test_an_unknown_id_says_what_to_compare(reader: Client) -> None:
    answer = reader.get(f"/correlations/{'e' * 32}/")
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "Nothing is stored under" in page
    assert 'role="search"' in page


def test_an_empty_console_teaches_how_ids_come(reader: Client) -> None:
    assert "traceparent" in reader.get("/correlations/").content.decode()


def test_it_lists_the_last_heard_of_once_each(reader: Client) -> None:
    errors_commit(errors=[traced(message=f"kind {n}", exception=None) for n in range(3)])
    errors_commit(errors=[a_captured_error(message="no trace", exception=None)])
    page = reader.get("/correlations/").content.decode()
    assert page.count(f'href="/correlations/{TRACE}/"') == 1
    assert "no trace" not in page


def test_the_same_again_and_again_is_one_line(reader: Client) -> None:
    errors_commit(errors=[traced(fingerprint=["same"]) for _ in range(7)])
    page = reader.get(f"/correlations/{TRACE}/").content.decode()
    assert "6 times" in page  # the first one opened the incident, which stands between


def test_hostile_words_are_text(reader: Client) -> None:
    errors_commit(errors=[traced(message=HOSTILE, exception=None)])
    for path in (f"/correlations/{TRACE}/", "/correlations/", "/correlations/%3Cscript%3Ealert(1)%3C/script%3E/"):
        assert "<script>alert(1)" not in reader.get(path).content.decode()


@pytest.mark.parametrize("own", ["order/17", "a b", "ü?x#y", "100%"])
def test_a_senders_own_id_has_a_page_too(reader: Client, own: str) -> None:
    errors_commit(errors=[a_captured_error(tags={"correlation_id": own})])
    found = reader.get("/correlations/", {"id": own})
    assert found.status_code == 302
    assert reader.get(found.headers["Location"]).status_code == 200
    assert reader.get("/correlations/").status_code == 200


def test_its_queries_do_not_grow(reader: Client, trace_everywhere: Fill, django_assert_max_num_queries: Any) -> None:
    trace_everywhere()
    errors_commit(errors=[traced(message=f"kind {chr(97 + n)}", exception=None) for n in range(20)])
    with django_assert_max_num_queries(QUERIES):
        assert reader.get(f"/correlations/{TRACE}/").status_code == 200


def test_an_incident_and_its_error_in_the_admin_lead_here(reader: Client) -> None:
    incident = an_incident(contexts={"trace": {"trace_id": TRACE}})
    link = f'href="/correlations/{TRACE}/"'
    assert link in reader.get(f"/incidents/{incident.public_id}/").content.decode()
    founder = Client()
    founder.force_login(a_founder())
    assert link in founder.get(f"/admin/errors/errorsummary/{incident.first_error_id}/change/").content.decode()


def test_each_record_of_the_admin_that_names_a_correlation_leads_here(trace_everywhere: Fill) -> None:
    incident = trace_everywhere()
    founder = Client()
    founder.force_login(a_founder())
    link = f'href="/correlations/{TRACE}/"'
    records = {
        "flags/flagrevision": FlagRevision.objects.filter(correlation_id=TRACE),
        "triage/timelineentry": TimelineEntry.objects.filter(correlation_id=TRACE),
        "triage/incident": Incident.objects.filter(pk=incident.pk),
        "operations/jobrun": JobRun.objects.filter(correlation_id=TRACE),
        "lessons/controlrun": ControlRun.objects.filter(correlation_id=TRACE),
        "programs/verdict": Verdict.objects.filter(correlation_id=TRACE),
        "programs/evidence": Evidence.objects.filter(correlation_id=TRACE),
    }
    for path, rows in records.items():
        answer = founder.get(f"/admin/{path}/{rows.values_list('pk', flat=True)[0]}/change/")
        assert answer.status_code == 200, path
        assert link in answer.content.decode(), path
