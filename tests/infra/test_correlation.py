"""Correlation scopes and child spans (91-94), and the W3C header that carries them."""

import threading
from dataclasses import FrozenInstanceError

import pytest

from readiness.infra.correlation import (
    child_span,
    continued_correlation_id,
    correlation_continued,
    correlation_scope,
    current_correlation,
    current_correlation_id,
    current_tenant,
    current_traceparent,
    new_correlation,
    sentry_trace_parse,
    tenant_note,
    traceparent_parse,
)

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_child_has_its_parents_span_and_trace() -> None:
    with correlation_scope(component="api.users") as scope:
        with child_span("database") as child:
            assert child.parent_span_id == scope.span_id
            assert child.correlation_id == scope.correlation_id
            assert child.span_id != scope.span_id
            assert current_correlation() is child
        assert current_correlation() is scope
    assert current_correlation() is None


def test_a_scope_is_frozen_and_names_its_component() -> None:
    with correlation_scope(component="api.users") as scope:
        assert scope.component == "api.users"
        with pytest.raises(FrozenInstanceError):
            scope.span_id = "other"  # type: ignore[misc]


def test_it_goes_on_with_a_callers_trace_and_hands_it_out() -> None:
    with correlation_scope(traceparent=HEADER) as scope:
        assert scope.correlation_id == "0af7651916cd43dd8448eb211c80319c"
        assert scope.parent_span_id == "b7ad6b7169203331"
        assert current_traceparent() == f"00-{scope.correlation_id}-{scope.span_id}-01"
    assert current_traceparent() is None


@pytest.mark.parametrize(
    "header",
    [None, "", "nonsense", HEADER.replace("00-", "ff-", 1), HEADER + "-more", f"00-{'0' * 32}-b7ad6b7169203331-01"],
)
def test_an_invalid_header_starts_a_trace_of_its_own(header: str | None) -> None:
    assert traceparent_parse(header) is None
    with correlation_scope(traceparent=header) as scope:
        assert len(scope.correlation_id) == 32
        assert scope.parent_span_id is None


def test_threads_do_not_see_each_others_scope() -> None:
    seen: list[object] = []
    with correlation_scope():
        thread = threading.Thread(target=lambda: seen.append(current_correlation()))
        thread.start()
        thread.join(10)
    assert seen == [None]


SENTRY = "771a43a4192642f0b136d5159a501700-b7ad6b7169203331"


@pytest.mark.parametrize("header", [SENTRY, SENTRY + "-1", SENTRY + "-0", f" {SENTRY.upper()}-1 "])
def test_it_goes_on_with_a_trace_of_sentrys_sdk(header: str) -> None:
    context = new_correlation("api", None, header)
    assert context.correlation_id == "771a43a4192642f0b136d5159a501700"
    assert context.parent_span_id == "b7ad6b7169203331"


@pytest.mark.parametrize("header", [None, "", "x", SENTRY + "-2", SENTRY[:-1], f"{'0' * 32}-b7ad6b7169203331"])
def test_an_invalid_sentry_trace_starts_a_trace_of_its_own(header: str | None) -> None:
    assert sentry_trace_parse(header) is None
    assert new_correlation("api", None, header).parent_span_id is None


def test_the_standards_header_comes_before_sentrys() -> None:
    assert new_correlation("api", HEADER, SENTRY).correlation_id == "0af7651916cd43dd8448eb211c80319c"
    assert new_correlation("api", "nonsense", SENTRY).correlation_id == "771a43a4192642f0b136d5159a501700"


def test_only_what_the_caller_gave_is_handed_on_to_what_it_sends() -> None:
    assert continued_correlation_id() is None
    with correlation_scope("request") as own:
        assert (current_correlation_id(), continued_correlation_id()) == (own.correlation_id, None)
    with correlation_scope("request", HEADER):
        assert continued_correlation_id() == "0af7651916cd43dd8448eb211c80319c"


def test_work_on_behalf_of_an_error_goes_on_in_its_trace() -> None:
    with correlation_continued("triage", correlation_id="ab" * 16, span_id="cd" * 8) as scope:
        assert scope is not None
        assert (scope.correlation_id, scope.parent_span_id) == ("ab" * 16, "cd" * 8)
        assert current_traceparent() == f"00-{'ab' * 16}-{scope.span_id}-01"
    assert current_correlation() is None


@pytest.mark.parametrize("correlation_id", [None, "", "req-17", "AB" * 16, "0" * 32])
def test_an_id_that_cannot_travel_leaves_the_present_scope(correlation_id: str | None) -> None:
    with correlation_scope("outer") as outer, correlation_continued("triage", correlation_id=correlation_id) as scope:
        assert scope is outer


def test_a_tenant_is_noted_to_the_end_of_the_scope() -> None:
    with correlation_scope("task", tenant="acme"):
        with correlation_scope("inner"):
            assert current_tenant() == "acme"
            tenant_note("other")
        assert current_tenant() == "acme"
    assert current_tenant() is None
