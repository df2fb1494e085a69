"""/preflight/: what breaks if users arrive?"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.errors.workflows import errors_commit
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import Project
from tests.factories import a_captured_error, a_project, a_viewer, an_incident

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(a_viewer())
    return client


def page_of(reader: Client) -> str:
    answer = reader.get("/preflight/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def leads_nowhere(*, project_id: int | None, limit: int) -> list[OpsRiskFinding]:
    return [
        OpsRiskFinding(
            level=OpsRiskLevel.LOW,
            kind="k",
            component=HOSTILE,
            title=HOSTILE,
            why="w",
            todo="d",
            page=("no-such-page",),
        )
    ]


def test_it_asks_strangers_to_sign_in_and_takes_no_post(reader: Client) -> None:
    assert Client().get("/preflight/").status_code == 302
    assert reader.post("/preflight/").status_code == 405


def test_an_empty_console_teaches(reader: Client, settings: Any) -> None:
    settings.READINESS_RISK_SOURCES = []
    page = page_of(reader)
    assert "What breaks if users arrive?" in page
    assert "Nothing known" in page
    assert "manage.py onboard_tenant demo" in page
    assert "No source of decisions is connected" in page
    assert "is-pass" not in page
    assert "Nothing to compare yet" in page
    assert "Too early to say" not in page


def test_the_gravest_stands_first_with_why_and_what_to_do(reader: Client) -> None:
    project, silent = a_project(), a_project()
    with atomic_write():
        Project.objects.filter(pk=silent.pk).update(created_at=utcnow() - timedelta(days=2))
    incident = an_incident(project_id=project.pk, incident={"priority": "P0"})
    errors_commit(errors=[a_captured_error(project_id=project.pk) for _ in range(40)])
    page = page_of(reader)
    assert f'href="/incidents/{incident.public_id}/"' in page
    assert page.index("Critical</span>") < page.index("Roll back, then find the cause.")
    for expected in (
        "1 critical",
        "Unhealthy",
        "shop.orders",
        "never sent anything",
        "Better or worse?",
        "Today so far",
    ):
        assert expected in page, expected
    assert 'aria-label="Errors:' in page
    assert 'href="/incidents/?component=shop.orders"' in page
    assert "Traceback" not in page


def test_hostile_words_are_text_and_an_unknown_page_is_no_link(reader: Client, settings: Any) -> None:
    settings.READINESS_RISK_SOURCES = [f"{__name__}.leads_nowhere"]
    an_incident(logger=HOSTILE, message="m", exception=None, incident={"component": HOSTILE})
    page = page_of(reader)
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_many_findings_fold_behind_the_gravest(reader: Client, settings: Any) -> None:
    settings.READINESS_RISK_SOURCES = [f"{__name__}.leads_nowhere"] * 15
    page = page_of(reader)
    assert page.index("3 more, none graver than these") > page.index("What breaks, the gravest first")
    assert page.count("pill-neutral") == 15


def test_its_queries_do_not_grow(reader: Client, django_assert_max_num_queries: Any) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(70) as seen:
            page_of(reader)
        return len(seen)

    an_incident(project_id=a_project().pk, incident={"priority": "P1"})
    before = queries()
    for number in range(6):
        an_incident(project_id=a_project().pk, logger=f"more.{number}", incident={"priority": f"P{number % 4}"})
    assert queries() == before
