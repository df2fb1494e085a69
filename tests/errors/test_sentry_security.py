"""POST /api/<project>/security/: browsers' reports of broken policies become incidents that a person understands."""

import json
from typing import Any

import pytest

from incidents.errors.adapters import error_view
from incidents.errors.models import DroppedCount, ErrorEvent
from incidents.triage.models import Incident
from tests.errors.conftest import Door

CSP = {
    "document-uri": "https://shop.example/checkout?session=s3cret#top",
    "referrer": "https://shop.example/cart?voucher=V1",
    "violated-directive": "script-src 'self'",
    "effective-directive": "script-src-elem",
    "original-policy": "default-src 'none'; script-src 'self'",
    "disposition": "enforce",
    "blocked-uri": "https://evil.example/steal.js?card=4111111111111111",
    "source-file": "https://shop.example/app.js?v=12",
    "line-number": 7,
    "status-code": 200,
    "script-sample": "var password = 'hunter2'",
}


def report(door: Door, body: Any, content_type: str = "application/csp-report", query: str = "") -> Any:
    return door.client.post(
        f"/api/{door.project_id}/security/?sentry_key={door.dsn.public_key}{query}",
        data=body if isinstance(body, bytes) else json.dumps(body),
        content_type=content_type,
        headers={"User-Agent": "Mozilla/5.0 (a browser)"},
    )


def csp(**fields: Any) -> dict[str, Any]:
    return {"csp-report": {**CSP, **{name.replace("_", "-"): value for name, value in fields.items()}}}


def test_a_blocked_script_is_an_incident_of_the_edge(door: Door) -> None:
    answer = report(door, csp(), query="&sentry_release=shop@3&sentry_environment=staging")
    stored = ErrorEvent.objects.get()
    assert (answer.status_code, f"err_{answer.json()['id']}") == (200, stored.error_id)
    assert stored.message == "Blocked a script from https://evil.example (script-src-elem)"
    assert (stored.error_class, stored.layer, stored.component) == ("system.security", "L2", "shop.example")
    assert (stored.release, stored.environment, stored.severity) == ("shop@3", "staging", "ERROR")
    assert Incident.objects.get().title == stored.message


def test_nothing_of_a_query_or_of_the_script_is_stored(door: Door) -> None:
    report(door, csp())
    stored = ErrorEvent.objects.get()
    view = error_view(stored)
    assert view.request == "https://shop.example/checkout"
    kept = str(vars(stored)) + str(view)
    for secret in ("s3cret", "V1", "4111", "hunter2", "v=12"):
        assert secret not in kept


def test_it_groups_by_directive_and_origin_and_never_by_page(door: Door) -> None:
    for page, blocked in (("a", "x"), ("b", "y")):
        uri = f"https://evil.example/{blocked}.js"
        report(door, csp(document_uri=f"https://shop.example/{page}", blocked_uri=uri))
    assert Incident.objects.get().occurrences == 2
    report(door, csp(blocked_uri="https://other.example/x.js"))
    report(door, csp(effective_directive="img-src"))
    assert Incident.objects.count() == 3


@pytest.mark.parametrize(
    ("blocked", "directive", "said"),
    [
        ("inline", "script-src-elem", "Blocked an inline script (script-src-elem)"),
        ("eval", "script-src", "Blocked an evaluated script (script-src)"),
        ("https://shop.example/own.css", "style-src-elem", "Blocked a style of the page's own origin (style-src-elem)"),
        ("data:image/png;base64,AAAA", "img-src", "Blocked an image from data: (img-src)"),
        ("", "frame-src", "Blocked a frame of the page's own origin (frame-src)"),
    ],
)
def test_it_says_what_was_blocked(door: Door, blocked: str, directive: str, said: str) -> None:
    report(door, csp(blocked_uri=blocked, effective_directive=directive))
    assert ErrorEvent.objects.get().message == said


def test_an_old_browser_names_only_the_violated_directive_and_a_trial_only_warns(door: Door) -> None:
    report(door, csp(effective_directive=None, disposition="report"))
    stored = ErrorEvent.objects.get()
    assert stored.message == "Would block a script from https://evil.example (script-src)"
    assert stored.severity == "WARNING"


def test_it_reads_the_reporting_api_and_skips_its_other_kinds(door: Door) -> None:
    body = {"documentURL": CSP["document-uri"], "blockedURL": "https://evil.example/x", "disposition": "enforce",
            "effectiveDirective": "connect-src", "sample": "hunter2"}  # fmt: skip
    reports = [{"type": "deprecation", "body": {"id": "x"}}, {"type": "csp-violation", "age": 5_000, "body": body}]
    assert report(door, reports, "application/reports+json").status_code == 200
    stored = ErrorEvent.objects.get()
    assert stored.message == "Blocked a connection from https://evil.example (connect-src)"
    assert 4 < (stored.created_at - stored.timestamp).total_seconds() < 6
    assert "hunter2" not in str(error_view(stored))


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/expect-ct-report+json", {"expect-ct-report": {"hostname": "Shop.example", "port": 443}},
         "Expect-CT failed for shop.example"),
        ("application/expect-ct-report", {"expect-ct-report": {"hostname": "shop.example"}},
         "Expect-CT failed for shop.example"),
        ("application/expect-staple-report", {"expect-staple-report": {"hostname": "shop.example"}},
         "Expect-Staple failed for shop.example"),
        ("application/json", {"hostname": "shop.example", "known-pins": [], "noted-hostname": "shop.example"},
         "Public-Key-Pins failed for shop.example"),
    ],
)  # fmt: skip
def test_it_reads_reports_of_certificates(door: Door, content_type: str, body: dict[str, Any], said: str) -> None:
    assert report(door, body, content_type).status_code == 200
    stored = ErrorEvent.objects.get()
    assert (stored.message, stored.error_class, stored.component) == (said, "system.security", "shop.example")


def test_what_a_browser_extension_brings_about_is_counted_and_no_incident(door: Door) -> None:
    answer = report(door, csp(source_file="chrome-extension://abc/inject.js"))
    assert (answer.status_code, answer.json()) == (200, {"id": None})
    assert ErrorEvent.objects.count() == 0
    dropped = DroppedCount.objects.get()
    assert (dropped.source, dropped.category, dropped.reason, dropped.quantity) == (
        "console", "security", "browser_extension", 1,
    )  # fmt: skip


def test_a_flood_of_reports_in_one_request_is_cut_and_counted(door: Door) -> None:
    body = {"documentURL": "https://shop.example/", "blockedURL": "inline", "effectiveDirective": "script-src"}
    assert report(door, [{"type": "csp-violation", "body": body}] * 23, "application/reports+json").status_code == 200
    assert ErrorEvent.objects.count() == 20
    assert DroppedCount.objects.get(reason="too_many_reports").quantity == 3


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (csp(), "text/plain", 415),
        (csp(), "application/x-sentry-envelope", 415),
        (csp(), "application/csp-report; charset=utf-8", 200),
        (b"{", "application/json", 400),
        (b"7", "application/json", 400),
        ({"nothing": 1}, "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        ({"csp-report": {"document-uri": 7, "blocked-uri": ["x"], "line-number": {}}}, "application/csp-report", 200),
        (csp(document_uri="http://[", blocked_uri="http://["), "application/csp-report", 200),
        (csp(document_uri="\ud800"), "application/csp-report", 400),
        (csp(document_uri="a\x00b", blocked_uri="a\x00b"), "application/csp-report", 200),
    ],
)
def test_it_refuses_what_is_no_report_and_never_breaks(door: Door, body: Any, content_type: str, status: int) -> None:
    answer = report(door, body, content_type)
    assert answer.status_code == status, answer.content
    assert ErrorEvent.objects.count() == (status == 200)
