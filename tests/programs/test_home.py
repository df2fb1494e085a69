"""How it stands with the incidents, on the first page: what is open, how fast, what came back, what will."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from incidents.lessons.workflows import incident_prevent, lesson_write
from incidents.triage.workflows.figures import incident_figures_read
from readiness.infra.clock import utcnow
from readiness.programs.workflows import home_read
from tests.factories import (
    ANYBODY,
    a_control,
    a_founder,
    a_post_mortem,
    a_program,
    a_project,
    a_proven_control,
    a_root_cause,
    a_tenant,
    an_incident,
)

pytestmark = pytest.mark.django_db
QUERIES = 16


def words(client: Client) -> str:
    client.force_login(a_founder())
    return " ".join(unescape(client.get("/").content.decode()).split())


def test_an_empty_console_teaches_the_next_command(client: Client) -> None:
    page = words(client)
    assert "Nothing has been reported yet" in page
    assert "manage.py onboard_tenant demo" in page
    assert "data-trend" not in page


def test_it_counts_what_is_open_by_priority_and_leaves_samples_out() -> None:
    for priority in ("P0", "P2", "P2"):
        an_incident(incident={"priority": priority})
    an_incident(incident={"priority": "P1", "status": "closed"})
    an_incident(incident={"priority": "P0", "synthetic": True})
    figures = incident_figures_read()
    assert figures.open == (("P0", 1), ("P1", 0), ("P2", 2), ("P3", 0))
    assert (figures.open_total, figures.open_grave) == (3, 1)
    assert figures.opened[-1] == 4
    assert sum(figures.opened) == 4


def test_it_draws_errors_and_incidents_by_day_without_those_of_samples() -> None:
    now, real, samples = utcnow(), a_project(), a_project(tenant=a_tenant(synthetic=True))
    for back in (0, 0, 8, 40):
        an_incident(project_id=real.pk, received_at=now - timedelta(days=back))
    an_incident(project_id=samples.pk, synthetic=True)
    errors, opened = home_read().trends
    assert len(errors.labels) == len(errors.series[0].values) == 30
    values = errors.series[0].values
    assert (values[-1], values[-9], sum(value or 0 for value in values)) == (2, 1, 3)
    assert errors.sentence == "more than the week before: 2 after 1"
    assert opened.series[0].values == errors.series[0].values


def test_what_happened_just_now_stands_there_on_the_next_look() -> None:
    now = utcnow()
    for back in (0, 1, 8):
        an_incident(received_at=now - timedelta(days=back))
    errors, opened = (chart.series[0].values for chart in home_read().trends)
    assert errors == opened
    assert (opened[-1], opened[-2], opened[-9]) == (1, 1, 1)
    for back in (0, 1):
        an_incident(received_at=now - timedelta(days=back))
    again = home_read()
    for chart in again.trends:
        assert chart.series[0].values[-2:] == (2, 2)
        assert chart.series[0].values[-9] == 1
    assert again.incidents.open_total == 5


def test_it_says_what_will_happen_again(client: Client) -> None:
    a_proven_control()
    a_control()
    an_incident()
    prevention = home_read().preventions
    assert (prevention.without, prevention.states, prevention.total) == (1, {"unproven": 1}, 2)
    page = words(client)
    assert re.search(r"\d:\d\d of 15:00", page)
    assert "1 incident without a control, 1 control that proves nothing" in page
    assert "within 15:00" in page


def test_what_needs_a_person_leaves_out_what_sleeps_and_names_the_post_mortem() -> None:
    an_incident(incident={"snoozed_at": utcnow()})
    grave, minor = (an_incident(incident={"priority": priority}) for priority in ("P1", "P2"))
    a_root_cause(incident=grave)
    lesson_write(incident_id=grave.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    a_proven_control(incident=grave)
    a_control(incident=minor, kind="playbook", command="", check_first="The gateway.")
    for incident in (grave, minor):
        incident_prevent(incident_id=incident.pk, actor=ANYBODY)
    assert {item.incident: item.code for item in home_read().needs} == {
        grave.public_id: "post_mortem", minor.public_id: "close",
    }  # fmt: skip
    a_post_mortem(incident=grave)
    assert {item.code for item in home_read().needs} == {"close"}


def test_it_costs_the_same_queries_with_much_to_show(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    a_program()
    client.force_login(a_founder())
    a_proven_control()
    with django_assert_max_num_queries(QUERIES) as few:
        client.get("/")
    for number in range(4):
        a_proven_control(incident=an_incident(incident={"priority": f"P{number}"}))
        a_control()
    with django_assert_max_num_queries(QUERIES) as many:
        client.get("/")
    assert len(many) == len(few), [query["sql"] for query in many.captured_queries]
