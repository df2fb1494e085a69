"""Why an event is in its group: told from what is stored, by the code that grouped it."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.explaining import GroupingExplained, grouping_explain
from incidents.errors.services.grouping import GROUPING_VERSION, fingerprint_hash
from incidents.errors.services.native import envelope_capture, native_capture
from incidents.errors.services.normalising import payload_decompress
from readiness.infra.envelope import ErrorClass, ErrorEnvelope, ErrorSeverity
from tests.factories import KEYS, a_captured_error

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def frame(function: str, module: str = "shop.orders", **fields: Any) -> dict[str, Any]:
    return {"module": module, "function": function, "lineno": 12, "in_app": True, **fields}


def exception(*frames: dict[str, Any], kind: str | None = "KeyError", value: str = "'a'", **mechanism: Any) -> Any:
    found: dict[str, Any] = {"type": kind, "value": value, "mechanism": {"type": "generic", **mechanism}}
    return {**found, "stacktrace": {"frames": list(frames)}} if frames else found


def chain(*exceptions: Any) -> dict[str, Any]:
    return {"exception": {"values": list(exceptions)}}


def thread(*frames: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"threads": {"values": [{"stacktrace": {"frames": list(frames)}, **fields}, {"id": 2}]}}


def explained(error: CapturedError) -> GroupingExplained:
    e = error.envelope
    row = SimpleNamespace(
        component=e.component, error_class=e.error_class.value, exception_type=e.exception_type, message=e.message,
        context=e.context, release=e.release, environment=e.environment, fingerprint=error.fingerprint,
    )  # fmt: skip
    return grouping_explain(event=row, detail=payload_decompress(error.payload))


def told(**fields: Any) -> GroupingExplained:
    found = explained(a_captured_error(**fields))
    assert found.agrees, found
    assert fingerprint_hash([part.hashed for part in found.parts]) == found.stored
    assert found.version == GROUPING_VERSION
    return found


GROUPED = chain(
    exception(frame("one"), kind="ValueError", exception_id=2, parent_id=0),
    exception(frame("two"), kind="TypeError", exception_id=1, parent_id=0),
    exception(frame("gather"), kind="ExceptionGroup", exception_id=0, is_exception_group=True),
)
ALIKE = chain(
    exception(frame("one"), kind="ValueError", value="2", exception_id=2, parent_id=0),
    exception(frame("one"), kind="ValueError", value="1", exception_id=1, parent_id=0),
    exception(frame("gather"), kind="ExceptionGroup", exception_id=0, is_exception_group=True),
)
NO_EXCEPTION: dict[str, Any] = {"exception": None}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "own frames": ("app-frames", chain(exception(frame("settle"), frame("execute", "django.db", in_app=False)))),
    "all frames": ("all-frames", chain(exception(frame("settle", in_app=False)))),
    "chained": ("app-frames", chain(exception(frame("read"), kind="OSError"), exception(frame("settle")))),
    "a cause without a stack": ("app-frames", chain(exception(kind="OSError"), exception(frame("settle")))),
    "recursion": ("app-frames", chain(exception(frame("a"), *[frame("walk")] * 40))),
    "a long stack": ("app-frames", chain(exception(*[frame(f"step{chr(97 + n % 26)}{'x' * n}") for n in range(90)]))),
    "a group": ("app-frames", GROUPED),
    "a group of the like": ("app-frames", ALIKE),
    "a value": ("value", chain(exception(value="order 4711 of 10.0.0.1 failed"))),
    "no type": ("app-frames", chain(exception(frame("settle"), kind=None))),
    "a long type": ("value", chain(exception(kind="Very" * 120))),
    "synthetic": ("app-frames", chain(exception(frame("settle"), synthetic=True))),
    "a long value": ("value", chain(exception(value=f"{'word ' * 3_000}12"))),
    "a secret in it": ("value", chain(exception(value="password=hunter2hunter2 was refused for 12"))),
    "minified": (
        "app-frames",
        {**chain(exception(frame("a", "", filename="https://x.test/app.3f9c2b1a.js"))), "platform": "javascript"},
    ),
    "a crashed thread": ("thread", {**chain(exception()), **thread(frame("main"), crashed=True)}),
    "a thread alone": ("thread", {**NO_EXCEPTION, **thread(frame("main"), current=True)}),
    "a message": ("message", {**NO_EXCEPTION, "message": "order 12 failed", "logger": "shop"}),
    "a template": (
        "message",
        {**NO_EXCEPTION, "logentry": {"message": "order %s failed", "formatted": "order 12 failed"}},
    ),
    "a template alone": ("message", {**NO_EXCEPTION, "logentry": {"message": "order 12 failed"}}),
    "nothing": ("message", {**NO_EXCEPTION, "transaction": "/checkout"}),
    "an exception that says nothing": ("message", {**chain(exception(kind=None, value="")), "message": "it broke"}),
    "the SDK's": ("sdk", {"fingerprint": ["mine", "order 12"]}),
    "the SDK's and ours": ("sdk", {"fingerprint": ["{{ default }}", "eu"]}),
    "the SDK's and our message": ("sdk", {**NO_EXCEPTION, "message": "no 12", "fingerprint": ["{{default}}", "eu"]}),
    "the SDK's variables": (
        "sdk",
        {
            "fingerprint": [
                "{{ type }}",
                "{{ value }}",
                "{{ function }}",
                "{{ module }}",
                "{{ transaction }}",
                "{{ level }}",
                "{{ logger }}",
                "{{ release }}",
                "{{ environment }}",
                "{{ tags.region }}",
                "{{ tags.password }}",
                "{{ tags.none }}",
                "{{ unheard_of }}",
                "token=abcdefabcdef123456",
                "x" * 3_000,
            ],
            "tags": {"region": "eu" * 400, "password": "hunter2hunter2"},
            "logger": "shop" * 90,
            "transaction": "/t" * 300,
            "release": "r" * 300,
        },
    ),
    "NUL and what is no character": ("value", chain(exception(value="a\x00b \ud800 12"))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_that_it_shows_hash_to_what_is_stored(kind: str) -> None:
    strategy, fields = KINDS[kind]
    assert told(**fields).strategy == strategy


_WORDS = st.text(alphabet="aB 127:./é\n\x00", max_size=30)
_NAMES = st.sampled_from(["settle", "walk", "<lambda>", "a", "", "block in pay", "<module>", None])
_FRAMES = st.lists(
    st.builds(
        lambda function, module, in_app: frame(function, module, in_app=in_app),
        _NAMES, st.sampled_from(["shop.orders", "", "__main__", "django.db", None]),
        st.sampled_from([True, False, None]),
    ),
    max_size=6,
)  # fmt: skip
_EXCEPTIONS = st.builds(
    lambda frames, kind, value, place, parent, group: exception(
        *frames, kind=kind, value=value, exception_id=place, parent_id=parent, is_exception_group=group
    ),
    _FRAMES, st.sampled_from(["KeyError", "ExceptionGroup", None]), _WORDS, st.integers(0, 3),
    st.none() | st.integers(0, 3), st.none() | st.booleans(),
)  # fmt: skip


@given(
    st.lists(_EXCEPTIONS, max_size=4),
    st.none() | st.lists(st.sampled_from(["{{ default }}", "mine", "{{ type }}", "{{ message }}"]), max_size=3),
    _WORDS,
    st.sampled_from(["python", "javascript"]),
)
def test_whatever_is_raised(exceptions: list[Any], fingerprint: Any, message: str, platform: str) -> None:
    found = explained(
        a_captured_error(**chain(*exceptions), fingerprint=fingerprint, message=message, platform=platform)
    )
    assert found.agrees


def an_envelope(**fields: Any) -> ErrorEnvelope:
    return ErrorEnvelope(
        error_id="err_0123456789ab", timestamp=NOW, layer="L4", component="shop",
        error_class=ErrorClass("domain.validation"), severity=ErrorSeverity.ERROR, message="order 12 failed", **fields,
    )  # fmt: skip


def test_an_envelope_is_explained_too() -> None:
    entry = {
        "layer": "L4", "component": "shop", "error_class": "domain.validation", "severity": "ERROR",
        "message": "order 12 in /srv/a/b.txt failed", "exception_type": "OrderError",
    }  # fmt: skip
    found = explained(native_capture(entry=entry, origin=Origin(1), keys=KEYS, received_at=NOW))
    assert found.agrees
    assert found.rule == "Message"
    assert [part.label for part in found.parts] == ["component", "class", "type", "message"]
    assert found.message is not None
    assert found.message[1] == "order <number> in <path> failed"


def test_an_error_of_our_own_is_explained_by_its_frames() -> None:
    frames: list[dict[str, Any]] = [
        {"module": "readiness.infra", "function": "write", "lineno": 3},
        {"module": "x", "function": "y"},
    ]
    error = envelope_capture(
        envelope=an_envelope(exception_type="OSError"), origin=Origin(0), keys=KEYS, received_at=NOW, frames=frames
    )
    found = explained(error)
    assert found.agrees
    assert [frame.key for frame in found.stacks[0].frames] == ["readiness.infra:write", "x:y"]


def test_it_says_why_each_other_frame_is_left_out() -> None:
    found = told(
        **chain(
            exception(
                frame("execute", "django.db", in_app=False), frame("settle"), frame("walk"), frame("walk"),
                frame("walk"), frame("", module="", filename=""),
            )
        )
    )  # fmt: skip
    frames = found.stacks[0].frames
    assert [(one.key, one.left_out.split()[0] if one.left_out else "", one.times) for one in frames] == [
        ("django.db:execute", "library:", 1),
        ("shop.orders:settle", "", 1),
        ("shop.orders:walk", "", 1),
        ("shop.orders:walk", "counted", 2),
        ("", "says", 1),
    ]
    assert [part.text for part in found.parts if part.label == "frame"] == ["shop.orders:settle", "shop.orders:walk"]
    assert (found.stacks[0].used, found.stacks[0].total) == (2, 6)


def test_what_counts_of_the_stacks_is_what_is_hashed() -> None:
    for _, fields in KINDS.values():
        found = explained(a_captured_error(**fields))
        if found.strategy in ("sdk", "message"):
            continue
        keys = {
            frame.key for stack in found.stacks for frame in stack.frames if not frame.left_out and not stack.left_out
        }
        assert keys == {part.text for part in found.parts if part.label == "frame"}


def test_it_says_which_exception_of_a_group_counts_for_nothing() -> None:
    alike = told(**ALIKE).stacks
    assert [bool(stack.left_out) for stack in alike] == [True, False, True]
    assert "members" in alike[0].left_out
    assert not any(stack.left_out for stack in told(**GROUPED).stacks)


def test_it_shows_a_message_before_and_after() -> None:
    found = told(exception=None, message="order 12 in /srv/a/b failed")
    assert found.message == ("order 12 in /srv/a/b failed", "order <number> in <path> failed")
    value = told(**chain(exception(value="order 12 failed"))).stacks[0]
    assert (value.value, value.said) == ("order 12 failed", "order <number> failed")


def test_it_shows_the_word_of_the_sdk_and_what_it_stands_for() -> None:
    found = told(fingerprint=["eu", "{{ type }}", "{{ default }}"])
    assert [part.label for part in found.parts][:3] == ["the SDK's word", "the SDK's {{ type }}", "an exception"]
    assert found.stacks
    assert not told(fingerprint=["eu"]).stacks


def test_another_version_is_told_from_the_present_one() -> None:
    error = a_captured_error()
    e = error.envelope
    row = SimpleNamespace(
        component=e.component, error_class=e.error_class.value, exception_type=e.exception_type, message=e.message,
        context=e.context, release=e.release, environment=e.environment, fingerprint="0" * 32,
    )  # fmt: skip
    assert not grouping_explain(event=row, detail=payload_decompress(error.payload)).agrees
