"""What is told beside the evidence, without a database: likeness, changes, questions, kinds of evidence, a sentence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors.services.own_frames import own_frames
from incidents.errors.services.people import people_count
from incidents.errors.store.people import Met
from incidents.lessons.services.around import FlagChanged, changes_assemble, offset_words, suspects_name
from incidents.lessons.services.check_first import Known, check_first_suggest
from incidents.lessons.services.evidence import EvidenceFacts, evidence_completeness_compute
from incidents.lessons.services.pinning import MAX_PINNED, evidence_pin
from incidents.lessons.services.similar import (
    Likeness,
    release_line,
    similar_rank,
    similar_refine,
    similar_score,
)
from incidents.lessons.services.what_broke import what_broke_tell
from readiness.infra.refusals import Invalid

pytestmark = pytest.mark.once
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ONE = Likeness("infra.timeout", "billing.engine", "Timeout while settling", "shop@4.11.2", {"a f", "b g"})
likenesses = st.builds(
    Likeness,
    error_class=st.sampled_from(["infra.timeout", "domain.conflict", "system.unclassified"]),
    component=st.sampled_from(["billing", "shop"]),
    title=st.text(max_size=30),
    release=st.text(max_size=10),
    frames=st.frozensets(st.sampled_from(["a f", "b g", "c h"])),
)


# --- similar --------------------------------------------------------------------------------------------------------


def test_it_scores_by_the_formula_and_says_why() -> None:
    other = Likeness("infra.timeout", "billing.engine", "Gateway timeout after deploy", "shop@4.9", {"b g", "c h"})
    found = similar_score(one=ONE, other=other, other_id=17)
    # 35 + 20 + 25 * 1/3 + 15 * 1/5 (of timeout, while, settling, gateway, after, deploy) + 5
    assert found.score == round(35 + 20 + 25 / 3 + 15 / 6 + 5)
    assert found.why == (
        "same class infra.timeout", "1 in-app frame shared", "same component", "“timeout” in both titles",
        "release line shop@4",
    )  # fmt: skip


@given(one=likenesses, other=likenesses)
def test_it_is_as_like_one_way_as_the_other_and_within_bounds(one: Likeness, other: Likeness) -> None:
    score = similar_score(one=one, other=other, other_id=1).score
    assert score == similar_score(one=other, other=one, other_id=1).score
    assert 0 <= score <= 100


def test_two_errors_that_nobody_classified_have_no_class_in_common() -> None:
    one = Likeness("system.unclassified", "a", "first")
    assert similar_score(one=one, other=Likeness("system.unclassified", "b", "second"), other_id=1).score == 0


def test_what_ended_comes_first_and_what_was_fixed_before_that() -> None:
    others = [(1, ONE), (2, Likeness("infra.timeout", "x", "y")), (3, Likeness("domain.conflict", "z", "z"))]
    found = similar_rank(one=ONE, others=others, ended=[2], limit=8)
    assert [item.incident_id for item in found] == [2, 1], "3 is too little like it"
    refined = similar_refine(one=ONE, found=found, frames={2: {"a f", "b g"}}, fixed=[], limit=1)
    assert [item.incident_id for item in refined] == [1]
    refined = similar_refine(one=ONE, found=found, frames={2: {"a f", "b g"}}, fixed=[2], limit=2)
    assert [(item.incident_id, item.score) for item in refined] == [(2, 60), (1, 75)]


@pytest.mark.parametrize(
    ("release", "line"), [("shop@4.11.2", "shop@4"), ("v2.0", "2"), ("2026.1", "2026"), ("main", "main"), ("", "")]
)
def test_a_release_line_is_its_name_and_first_number(release: str, line: str) -> None:
    assert release_line(release) == line


# --- what changed ---------------------------------------------------------------------------------------------------


def test_changes_stand_in_order_with_offsets_and_name_suspects() -> None:
    flag = FlagChanged(NOON - timedelta(minutes=6), "gatewayV2", "set", "production", "ada", "Roll out")
    later = FlagChanged(NOON + timedelta(minutes=2), "gatewayV2", "killed", "production", "bob", "")
    changes = changes_assemble(anchor=NOON, releases=[("4.11.2", NOON - timedelta(hours=3))], flags=[later, flag])
    assert [(change.kind, change.offset, change.before, change.near) for change in changes] == [
        ("release", "3 hours before", True, False),
        ("flag", "6 minutes before", True, True),
        ("flag", "2 minutes after", False, False),
    ]
    assert suspects_name(changes, ["INC-7: turn it off"]) == (
        "flag gatewayV2 set in production, 6 minutes before by ada",
        "the first error of release 4.11.2, 3 hours before",
        "it looks like INC-7: turn it off",
    )


@given(st.integers(-(10**7), 10**7))
def test_an_offset_is_told_in_one_unit(seconds: int) -> None:
    words = offset_words(NOON + timedelta(seconds=seconds), NOON)
    assert words == "at the same second" if seconds == 0 else words.endswith("before" if seconds < 0 else "after")


# --- check first ----------------------------------------------------------------------------------------------------


def test_it_answers_what_is_known_and_asks_the_rest() -> None:
    known = Known(
        error_class="infra.timeout", releases=["4.11"], environments=["staging"],
        flags_near=["gatewayV2, 6 minutes before"], others=["INC-3"], repeats=5, people=1, events=9,
    )  # fmt: skip
    found = {check.question: (check.answer, check.because) for check in check_first_suggest(known=known)}
    assert found["Did a flag change in the hour before?"] == ("yes", "gatewayV2, 6 minutes before")
    assert found["Was a release new then?"] == ("no", "seen in 4.11")
    assert found["Does the service that it waited for answer in time?"] == ("", "")
    assert found["Are retries piling up behind it?"][0] == "yes"
    assert found["Did anything else like it break in the same hour?"] == ("yes", "INC-3")
    assert found["Is it one environment only?"] == ("yes", "staging")
    assert found["Is it one person only?"] == ("yes", "1 in 9 events")


def test_it_asks_for_a_release_where_none_is_named() -> None:
    questions = [check.question for check in check_first_suggest(known=Known(error_class="system.unclassified"))]
    assert "What was deployed last? Its events name no release." in questions


# --- evidence -------------------------------------------------------------------------------------------------------


def test_only_what_applies_counts_and_what_is_missing_says_how_to_get_it() -> None:
    facts = EvidenceFacts(
        exception=True, own_frames=False, breadcrumbs=True, release=True, environment=True, correlation=True,
        spans=False,
    )  # fmt: skip
    found = evidence_completeness_compute(facts=facts)
    assert (len(found.present), found.expected) == (5, 7)
    assert [kind.name for kind in found.missing] == ["in-app frames", "spans"]
    assert "in_app_include" in found.missing[0].how


@pytest.mark.parametrize(
    ("wanted", "left", "reason", "stops"),
    [(["err_1"], True, "", True), ([], True, "No time.", False), ([], False, "", False), ([], False, "Gone.", True)],
)
def test_only_pinned_evidence_stops_the_clock(wanted: list[str], left: bool, reason: str, stops: bool) -> None:
    found = evidence_pin(wanted=wanted, stored=["err_1"], anything_left=left, reason=reason)
    assert found.stops_clock is stops


@pytest.mark.parametrize(
    ("wanted", "reason"), [(["err_2"], ""), ([f"err_{n}" for n in range(MAX_PINNED + 1)], ""), ([], "x" * 501)]
)
def test_it_refuses_what_cannot_be_pinned(wanted: list[str], reason: str) -> None:
    with pytest.raises(Invalid):
        evidence_pin(wanted=wanted, stored=["err_1"], anything_left=True, reason=reason)


# --- the sentence, people, frames -----------------------------------------------------------------------------------


def test_it_says_what_broke_in_one_sentence() -> None:
    broke = what_broke_tell(
        component="billing.engine", exception_type="TimeoutError", message="no answer\nin 3000 ms.", function="settle",
        place="billing/engine.py", request="POST /orders", environment="production",
    )  # fmt: skip
    assert broke.sentence == (
        "settle in billing/engine.py raised TimeoutError: no answer in 3000 ms, while it answered POST /orders, "
        "in production."
    )
    bare = what_broke_tell(component="worker", exception_type="", message="x" * 900)
    assert bare.sentence.startswith("worker reported: xxx")
    assert len(bare.sentence) < 320


def test_it_counts_people_and_tenants_apart() -> None:
    found = people_count([Met("a", "acme", 3), Met("a", "globex", 1), Met("b", None, 2), Met(None, "acme", 4)])
    assert (found.people, found.named, found.events) == (2, 6, 10)
    assert found.tenants == (("acme", 7), ("globex", 1))


def test_own_frames_are_the_in_app_ones_whatever_was_stored() -> None:
    frames = [{"module": "shop.a", "function": "f", "in_app": True}, {"module": "lib", "function": "g"}, None, "x"]
    detail = {"exceptions": [{"stacktrace": None}, None, {"frames": frames}]}
    assert own_frames(detail) == {"shop.a f"}
    assert own_frames({}) == frozenset()
