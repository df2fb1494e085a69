"""Which errors are one incident."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors.services.parameterising import message_parameterise
from tests.factories import a_captured_error, an_event


def frame(function: str, line: int, **fields: object) -> dict[str, object]:
    return {"module": "shop.orders", "function": function, "lineno": line, "in_app": True, **fields}


def raised(*frames: dict[str, object], kind: str = "KeyError", value: str = "'a'") -> dict[str, object]:
    return {"values": [{"type": kind, "value": value, "stacktrace": {"frames": list(frames)}}]}


def fingerprint(**fields: object) -> str:
    return a_captured_error(**an_event(**fields)).fingerprint


def test_a_line_number_or_a_value_makes_no_new_group() -> None:
    one = fingerprint(exception=raised(frame("settle", 12), value="order 1"))
    assert one == fingerprint(exception=raised(frame("settle", 99), value="order 2"))


def test_another_type_or_function_does() -> None:
    one = fingerprint(exception=raised(frame("settle", 12)))
    assert one != fingerprint(exception=raised(frame("settle", 12), kind="ValueError"))
    assert one != fingerprint(exception=raised(frame("refund", 12)))


def test_library_frames_do_not_count_beside_own_ones() -> None:
    own = frame("settle", 1)
    one = fingerprint(exception=raised(own))
    assert one == fingerprint(exception=raised({"module": "django.db", "function": "execute", "in_app": False}, own))


def test_recursion_counts_once() -> None:
    deep = [frame("walk", 3)] * 40
    assert fingerprint(exception=raised(*deep)) == fingerprint(exception=raised(frame("walk", 3)))


def test_the_fingerprint_of_the_sdk_wins() -> None:
    one = fingerprint(fingerprint=["mine"], exception=raised(frame("a", 1)))
    assert one == fingerprint(fingerprint=["mine"], exception=raised(frame("b", 2), kind="Other"))
    default = fingerprint(exception=raised(frame("a", 1)))
    assert fingerprint(fingerprint=["{{ default }}"], exception=raised(frame("a", 1))) == default
    assert fingerprint(fingerprint=["{{ default }}", "x"], exception=raised(frame("a", 1))) != default


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 12 failed", "order 99 failed"),
        ("no answer from 10.0.0.1:5432", "no answer from 10.0.0.2:5432"),
        ("user 6f1c1f9e-58a4-4b7c-9b1b-1d2f3a4b5c6d gone", "user 00000000-58a4-4b7c-9b1b-1d2f3a4b5c6d gone"),
        ("took 3 ms at 2026-01-01T10:00:00Z", "took 44 ms at 2026-02-03T11:12:13Z"),
        ("cannot read /srv/a/b.txt", "cannot read /srv/c/d.txt"),
    ],
)
def test_messages_that_differ_by_parameters_are_one_group(one: str, other: str) -> None:
    assert message_parameterise(one) == message_parameterise(other)
    assert fingerprint(exception=None, message=one) == fingerprint(exception=None, message=other)


@given(st.text(max_size=300))
def test_parameterising_never_fails_and_never_grows_without_bound(text: str) -> None:
    assert len(message_parameterise(text)) <= 15_000
