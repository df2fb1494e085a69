"""The pages that people meet when something is refused, missing or broken."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.views.csrf import csrf_failure
from django.views.defaults import bad_request, page_not_found, permission_denied, server_error

from readiness.tenants.models import User


def _request(path: str = "/incidents/INC-9/", user: User | None = None) -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = user or AnonymousUser()
    return request


def test_it_renders_a_failure_without_database_or_context() -> None:
    response = server_error(_request())
    assert response.status_code == 500
    assert b"Something broke on our side" in response.content
    assert b"/static/css/console.css" in response.content


def test_it_says_that_a_form_was_too_large() -> None:
    response = bad_request(_request(), RequestDataTooBig("Request body exceeded settings."))
    assert response.status_code == 400
    assert b"Nothing was saved. It was more than a form may hold" in response.content


def test_it_says_that_a_form_was_out_of_date() -> None:
    response = csrf_failure(_request())
    assert response.status_code == 403
    assert b"Go back, reload the page" in response.content


def test_it_says_what_is_missing() -> None:
    response = page_not_found(_request("/incidents/<b>/"), Http404("No such incident."))
    assert response.status_code == 404
    assert b"/incidents/&lt;b&gt;/" in response.content


def test_it_says_why_a_role_may_not() -> None:
    response = permission_denied(_request(), PermissionDenied("Only founders revoke keys."))
    assert response.status_code == 403
    assert b"Only founders revoke keys." in response.content


def test_it_says_why_an_action_was_refused() -> None:
    context = {"status": 409, "title": "Not closed", "detail": "Prove <CTL-7> first.", "errors": []}
    html = render_to_string("refusal.html", context, request=_request())
    assert "Prove &lt;CTL-7&gt; first." in html
    assert "<title>Not closed · Readiness</title>" in html


@pytest.mark.parametrize("signed_in", [True, False])
def test_it_shows_the_navigation_only_to_people_signed_in(signed_in: bool) -> None:
    user = User(email="ada@example.org", role=User.Role.VIEWER) if signed_in else None
    html = render_to_string("refusal.html", {"title": "No"}, request=_request(user=user))
    assert ('aria-label="Console"' in html) is signed_in
    assert ("ada@<wbr>example.org" in html) is signed_in
    assert ("Viewer" in html) is signed_in


def test_it_puts_the_skip_link_before_everything_else() -> None:
    html = render_to_string("refusal.html", {"title": "No"}, request=_request())
    body = html[html.index("<body") :]
    assert body.index('<a class="skip-link" href="#main">') < body.index("<header")
    assert '<main id="main" class="main" tabindex="-1">' in body
