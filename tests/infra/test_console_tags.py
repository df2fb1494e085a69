"""The page tags: relative times, pills, durations, navigation, pagination and the form partial."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory, override_settings
from django.urls import path

from readiness.infra.clock import utcnow
from readiness.infra.templatetags.console import (
    address,
    admin_url,
    duration,
    lasted,
    message_kind,
    nav_current,
    page_numbers,
    pill,
    relative_day,
    relative_time,
    when,
)
from readiness.tenants.models import Tenant

NOW = datetime(2026, 11, 21, 9, 44, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(seconds=4), "just now"),
        (timedelta(seconds=-4), "just now"),
        (timedelta(seconds=5), "5 seconds ago"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=5, seconds=59), "5 minutes ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=30), "1 month ago"),
        (timedelta(days=364), "12 months ago"),
        (timedelta(days=730), "2 years ago"),
        (timedelta(days=-3), "in 3 days"),
        (timedelta(minutes=-1), "in 1 minute"),
    ],
)
def test_it_says_how_long_ago(back: timedelta, text: str) -> None:
    assert relative_time(NOW - back, NOW) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "today"), (1, "tomorrow"), (-1, "yesterday"), (2, "in 2 days"), (-40, "1 month ago"), (94, "in 3 months")],
)
def test_it_says_how_far_off_a_day_is(days: int, text: str) -> None:
    assert relative_day(date(2026, 11, 21) + timedelta(days=days), date(2026, 11, 21)) == text


def test_it_shows_the_exact_utc_time_on_hover() -> None:
    moment = NOW.replace(microsecond=123456)
    assert when(moment).startswith('<time datetime="2026-11-21T09:44:05Z" title="2026-11-21 09:44:05 UTC">')


def test_it_turns_other_zones_into_utc() -> None:
    india = datetime.fromisoformat("2026-11-21T15:14:05+05:30")
    assert 'title="2026-11-21 09:44:05 UTC"' in when(india)


def test_it_shows_a_day_without_a_time_of_day() -> None:
    today = utcnow().date()
    assert when(today) == f'<time datetime="{today}" title="{today}">today</time>'


def test_it_shows_a_dash_for_no_time() -> None:
    assert when(None) == "—"


def test_it_writes_the_word_into_the_pill_escaped() -> None:
    assert pill("fail", "<b>P1</b>") == '<span class="pill pill-fail">&lt;b&gt;P1&lt;/b&gt;</span>'


def test_it_refuses_a_pill_that_the_stylesheet_does_not_know() -> None:
    with pytest.raises(ValueError, match="pass, warn, fail, info, neutral; got 'green'"):
        pill("green", "Pass")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (59.9, "0:59"),
        (760, "12:40"),
        (3_599, "59:59"),
        (3_600, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (2 * 86_400, "2 d 0 h"),
        (timedelta(minutes=15), "15:00"),
        (-90, "−1:30"),
        (None, "—"),
        ("", "—"),
    ],
)
def test_it_shows_a_duration(seconds: Any, text: str) -> None:
    assert duration(seconds) == text


def test_it_says_how_long_something_lasted() -> None:
    told = [lasted(timedelta(seconds=seconds)) for seconds in (0, 42, 540, 10_560)]
    assert told == ["0 s", "42 s", "9 min", "2 h 56 min"]
    assert lasted(None) == "—"


@pytest.mark.parametrize(
    ("level", "kind"), [("success", "pass"), ("warning", "warn"), ("error", "fail"), ("info", "info"), ("", "info")]
)
def test_it_gives_each_message_level_its_colour(level: str, kind: str) -> None:
    assert message_kind(level) == kind


@pytest.mark.parametrize(
    ("url", "path_", "current"),
    [
        ("/", "/", "page"),
        ("/", "/incidents/", ""),
        ("/incidents/", "/incidents/", "page"),
        ("/incidents/", "/incidents/INC-41/", "true"),
        ("/incidents/", "/lessons/", ""),
    ],
)
def test_it_marks_the_current_entry(url: str, path_: str, current: str) -> None:
    assert nav_current(url, path_) == current


def _page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class TwoPages:
    """A URLconf in which only two of the navigation's pages exist."""

    urlpatterns = (path("", _page, name="home"), path("incidents/", _page, name="incident-list"))


def _nav(request: HttpRequest) -> str:
    return Template("{% load console %}{% console_nav %}").render(Context({"request": request}))


@override_settings(ROOT_URLCONF=TwoPages)
def test_it_shows_an_entry_only_when_its_page_exists() -> None:
    html = _nav(RequestFactory().get("/incidents/INC-41/"))
    assert '<a href="/incidents/" aria-current="true">Incidents</a>' in html
    assert '<a href="/">Verdict</a>' in html
    assert html.count("<li>") == 2
    assert "Engineering" not in html


@override_settings(ROOT_URLCONF=TwoPages)
def test_it_shows_the_counts_that_the_request_carries() -> None:
    request = RequestFactory().get("/")
    request.nav_counts = {"incident-list": 0}  # type: ignore[attr-defined]
    html = _nav(request)
    assert 'Incidents <span class="nav-count">0</span>' in html
    assert html.count("nav-count") == 1


@pytest.mark.parametrize(("staff", "url"), [(True, "/admin/tenants/tenant/7/change/"), (False, "")])
def test_it_links_to_the_admin_only_for_those_who_may_enter_it(staff: bool, url: str) -> None:
    context = Context({"request": SimpleNamespace(user=SimpleNamespace(is_staff=staff))})
    assert admin_url(context, Tenant(pk=7)) == url


def test_it_links_to_no_admin_page_that_does_not_exist() -> None:
    context = Context({"request": SimpleNamespace(user=SimpleNamespace(is_staff=True))})
    assert admin_url(context, ContentType(pk=7)) == ""


def test_it_leaves_out_pages_in_the_middle() -> None:
    page = Paginator(range(10_000), 50).page(57)
    assert page_numbers(page) == [1, None, 56, 57, 58, None, 200]


def test_it_keeps_the_filter_when_paging() -> None:
    request = RequestFactory().get("/incidents/", {"status": "detected", "page": "2"})
    page = Paginator(range(120), 50).page(2)
    html = render_to_string("_partials/pagination.html", {"page_obj": page}, request=request)
    assert '<a rel="next" href="?status=detected&amp;page=3">Next</a>' in html
    assert "51–100 of 120" in html
    assert '<span class="page-current" aria-current="page">2</span>' in html


def test_it_shows_no_pagination_for_one_page() -> None:
    page = Paginator(range(3), 50).page(1)
    assert render_to_string("_partials/pagination.html", {"page_obj": page}).strip() == ""


class _Form(forms.Form):
    title = forms.CharField(help_text="In <plain> words.")
    kind = forms.ChoiceField(choices=[("check", "Check")], widget=forms.RadioSelect, help_text="One of them.")
    note = forms.CharField(required=False)


def test_it_ties_help_and_errors_to_their_field() -> None:
    html = render_to_string("_partials/form.html", {"form": _Form({})})
    assert 'aria-describedby="id_title_helptext id_title_error"' in html
    assert '<div class="helptext" id="id_title_helptext">In &lt;plain&gt; words.</div>' in html
    assert 'id="id_title_error"><li>This field is required.</li>' in html
    assert '<fieldset class="field" aria-describedby="id_kind_helptext id_kind_error">' in html
    assert '<label for="id_note">Note <span class="field-optional">optional</span></label>' in html


def test_an_address_breaks_behind_its_at_and_is_escaped() -> None:
    assert address("ada@example.com") == "ada@<wbr>example.com"
    assert address("<b>") == "&lt;b&gt;<wbr>"
