"""What a correlation id is, and how the events of many sources become one story. Pure."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.triage.services.correlations import (
    CorrelationSlice,
    OpsCorrelatedEvent,
    correlation_assemble,
    correlation_id_read,
    title_of,
)
from incidents.triage.services.sequence import components_spell, events_fold
from incidents.triage.services.severity import OpsSeverity
from readiness.infra.refusals import Invalid

T0 = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ID = "0af7651916cd43dd8448eb211c80319c"


def event(ms: int = 0, **fields: object) -> OpsCorrelatedEvent:
    known = {
        "kind": "error",
        "component": "shop",
        "layer": "L4",
        "severity": OpsSeverity.INFO,
        "title": "t",
        "ref": "r",
    }
    return OpsCorrelatedEvent(at=T0 + timedelta(milliseconds=ms), **{**known, **fields})  # type: ignore[arg-type]


def part(*events: OpsCorrelatedEvent, total: int = 0) -> CorrelationSlice:
    return CorrelationSlice("errors", events, len(events), total or len(events))


@pytest.mark.parametrize(
    "pasted",
    [
        ID, ID.upper(), f"  {ID}\n", f"'{ID}'", f"00-{ID}-b7ad6b7169203331-01", f"{ID}-b7ad6b7169203331-1",
        f"X-Correlation-Id: {ID}", f"traceparent: 00-{ID}-b7ad6b7169203331-01", f"sentry-trace: {ID}-b7ad6b7169203331",
        f"rid={ID}", f"http://127.0.0.1:8000/correlations/{ID}/", f"https://x.test/ops/correlations/{ID}?a=1",
    ],
)  # fmt: skip
def test_it_finds_the_id_in_what_is_pasted(pasted: str) -> None:
    assert correlation_id_read(pasted) == ID


@pytest.mark.parametrize("own", ["order-17", "9b2e0a34-7f0e-4b43-9d3a-1f6f0c9a7c11", "a b", "ü" * 64, "x/y"])
def test_a_senders_own_id_stays_as_it_is(own: str) -> None:
    assert correlation_id_read(own) == own


@pytest.mark.parametrize("bad", ["", "   ", "x" * 65, "a\x00b", "a\nb", "\u202etxt"])
def test_it_refuses_what_can_be_no_id(bad: str) -> None:
    with pytest.raises(Invalid, match="X-Correlation-Id"):
        correlation_id_read(bad)


@given(st.text(max_size=200))
def test_it_reads_or_refuses_any_text(text: str) -> None:
    try:
        found = correlation_id_read(text)
    except Invalid:
        return
    assert 1 <= len(found) <= 64
    assert found.isprintable()


def test_it_puts_all_sources_in_order_of_time() -> None:
    late = event(40, component="worker", kind="job", took=timedelta(milliseconds=100))
    story = correlation_assemble(correlation_id=ID, slices=[part(late), part(event(0), event(12, component="db"))])
    assert story is not None
    assert [story.offset_ms(e) for e in story.events] == [0, 12, 40]
    assert story.components == ("shop", "db", "worker")
    assert story.ended_at == T0 + timedelta(milliseconds=140)
    assert not story.truncated


def test_cause_stands_before_effect_at_the_same_moment() -> None:
    story = correlation_assemble(
        correlation_id=ID, slices=[part(event(5, kind="error")), part(event(5, kind="incident"))]
    )
    assert story is not None
    assert [e.kind for e in story.events] == ["error", "incident"]


def test_it_says_when_something_is_left_out() -> None:
    story = correlation_assemble(correlation_id=ID, slices=[part(event(), total=1_234)])
    assert story is not None
    assert story.truncated


def test_nothing_is_no_story() -> None:
    assert correlation_assemble(correlation_id=ID, slices=[part(), part()]) is None


def test_the_worst_is_by_rank() -> None:
    events = [event(severity=severity) for severity in (OpsSeverity.ACTION, OpsSeverity.URGENT, OpsSeverity.INFO)]
    story = correlation_assemble(correlation_id=ID, slices=[part(*events)])
    assert story is not None
    assert story.worst is OpsSeverity.URGENT


def test_a_storm_of_the_same_is_one_line() -> None:
    other = event(9, title="another")
    lines = events_fold([event(0, ref="a"), event(1, ref="b"), other, event(10)])
    assert [(line.event.title, line.times) for line in lines] == [("t", 2), ("another", 1), ("t", 1)]
    assert lines[0].last_at == T0 + timedelta(milliseconds=1)


def test_a_component_takes_part_from_its_first_event_to_its_last() -> None:
    spells = components_spell(
        [event(0), event(5, component="db", severity=OpsSeverity.ACTION), event(30, took=timedelta(milliseconds=10))]
    )
    assert [(s.component, s.events, s.failed) for s in spells] == [("shop", 2, False), ("db", 1, True)]
    assert spells[0].last_at == T0 + timedelta(milliseconds=40)


@pytest.mark.parametrize(("text", "title"), [("a\nb", "a"), ("", ""), ("  \n x ", "x"), ("y" * 300, "y" * 199 + "…")])
def test_a_title_is_one_bounded_line(text: str, title: str) -> None:
    assert title_of(text) == title
