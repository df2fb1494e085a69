"""Correlation scopes and child spans (91-94), and the W3C header that carries them."""

import threading
from dataclasses import FrozenInstanceError

import pytest

from readiness.infra.correlation import (
    child_span,
    correlation_scope,
    current_correlation,
    current_traceparent,
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
