"""The playbook's rules, without a database: drafts, review, versions, differences, merging, search, first drafts."""

from datetime import UTC, datetime
from time import monotonic

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from incidents.lessons.services.check_first import check_first_of_class
from incidents.lessons.services.playbook import (
    BookVersion,
    ProposalState,
    SectionText,
    component_scopes,
    reference_parse,
    version_parse,
    version_raise,
)
from incidents.lessons.services.playbook_diff import lines_diff, section_diff, section_merge
from incidents.lessons.services.playbook_edits import (
    ReviewFacts,
    proposal_accept_judge,
    proposal_decline_judge,
    proposal_draft,
    proposal_replace_judge,
)
from incidents.lessons.services.playbook_export import ExportedSection, ExportedUpdate, playbook_yaml
from incidents.lessons.services.playbook_prefill import learnt_of_control, learnt_of_lesson, section_grow
from incidents.lessons.services.playbook_search import Searchable, query_spellings, sections_rank
from readiness.infra.refusals import Conflict, Forbidden, Invalid, Refusal

GOOD = {"error_class": "infra.timeout", "title": "Gateways time out", "why": "INC-1", "check_first": ["The gateway"]}
SCRIPT = "<script>alert(1)</script>"

lines = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20), max_size=12)


def facts(**fields: object) -> ReviewFacts:
    known = {"state": ProposalState.PROPOSED, "own": False, "author": "Ada", "writers": 2}
    return ReviewFacts(**{**known, "base_version": 3, "current_version": 3, **fields})  # type: ignore[arg-type]


# --- drafts -------------------------------------------------------------------------------------------------------


def test_it_trims_bounds_and_keeps_each_line_once() -> None:
    draft = proposal_draft(**{**GOOD, "check_first": [" a ", "", "a", "b"], "grown_from": ["inc-2", "INC-2", "les-3"]})  # type: ignore[arg-type]
    assert draft.text.check_first == ("a", "b")
    assert draft.text.grown_from == ("INC-2", "LES-3")


@pytest.mark.parametrize(
    ("given_fields", "pointer"),
    [
        ({"title": " "}, "/title"),
        ({"title": "a\nb"}, "/title"),
        ({"why": ""}, "/why"),
        ({"error_class": "infra.nonsense"}, "/error_class"),
        ({"component": "a b<"}, "/component"),
        ({"number": 0}, "/number"),
        ({"check_first": []}, "/check_first"),
        ({"check_first": ["x" * 501]}, "/check_first"),
        ({"never_again": [str(n) for n in range(51)]}, "/never_again"),
        ({"grown_from": ["somewhere"]}, "/grown_from"),
        ({"evolved": "magic"}, "/evolved"),
        ({"evolved": "new_primitive"}, "/root_cause"),
        ({"before": "a\0b"}, "/before"),
        ({"files_changed": ["\0"]}, "/files_changed"),
    ],
)
def test_it_refuses_a_draft_and_points_at_the_field(given_fields: dict[str, object], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        proposal_draft(**{**GOOD, **given_fields})  # type: ignore[arg-type]
    assert pointer in [error.pointer for error in refused.value.errors]


def test_it_reads_references_and_scopes() -> None:
    assert str(reference_parse(" ctl-7 ")) == "CTL-7"
    assert str(reference_parse("INC-1 ")) == "INC-1"
    assert [reference_parse(text) for text in ("CTL-0", "CTL-", "XXX-1", "")] == [None, None, None, None]
    assert component_scopes("billing.engine.v2") == ("", "billing", "billing.engine", "billing.engine.v2")
    assert component_scopes("") == ("",)


# --- review and versions ------------------------------------------------------------------------------------------


def test_it_lets_another_accept_and_a_sole_founder_alone() -> None:
    assert proposal_accept_judge(facts=facts()) is False
    assert proposal_accept_judge(facts=facts(own=True, writers=1)) is True


@pytest.mark.parametrize(
    ("what", "refusal", "says"),
    [
        ({"own": True}, Forbidden, "somebody else has to"),
        ({"current_version": 4}, Conflict, "nothing of it is lost"),
        ({"base_version": 0}, Conflict, "was made since"),
        ({"state": ProposalState.DECLINED}, Conflict, "declined already"),
    ],
)
def test_it_refuses_to_accept(what: dict[str, object], refusal: type[Refusal], says: str) -> None:
    with pytest.raises(refusal, match=says):
        proposal_accept_judge(facts=facts(**what))


def test_it_declines_with_a_reason_and_withdraws_without() -> None:
    assert proposal_decline_judge(facts=facts(own=True), note="") is ProposalState.WITHDRAWN
    assert proposal_decline_judge(facts=facts(), note="Too long.") is ProposalState.DECLINED
    with pytest.raises(Invalid, match="so that Ada can"):
        proposal_decline_judge(facts=facts(), note=" ")
    with pytest.raises(Conflict):
        proposal_replace_judge(facts=facts(state=ProposalState.ACCEPTED))


def test_it_raises_versions_and_only_raises_them() -> None:
    assert str(version_parse("v2.27")) == "v2.27"
    assert version_raise(current=BookVersion(1, 9)) == (2, 0)
    assert version_raise(current=BookVersion(0, 3), wanted="2.27") == (2, 27)
    for wanted in ("1.9", "v1.0", "two", "1", "1.2.3", "-1.0", "v2.99999999"):
        with pytest.raises(Invalid):
            version_raise(current=BookVersion(1, 9), wanted=wanted)


# --- differences --------------------------------------------------------------------------------------------------


@given(lines, lines)
def test_it_marks_lines_so_that_both_texts_can_be_read_from_the_difference(old: list[str], new: list[str]) -> None:
    diff = lines_diff(before=old, after=new)
    assert [line.text for line in diff if line.mark in " -"] == old
    assert [line.text for line in diff if line.mark in " +"] == new
    if old == new:
        assert {line.mark for line in diff} <= {" "}


def test_it_marks_the_words_that_changed() -> None:
    removed, added = lines_diff(before=["Is the gateway up today?"], after=["Is the gateway down today?"])
    assert [piece.text for piece in removed.pieces if piece.changed] == ["up"]
    assert [piece.text for piece in added.pieces if piece.changed] == ["down"]
    assert (removed.mark, added.mark) == ("-", "+")


def test_it_takes_no_seconds_for_lines_that_are_made_to_be_slow() -> None:
    """Dots and commas: every sign is a word of its own, and every word is like every other."""
    old, new = (
        ["".join(".,"[(place * place // step + row) % 2] for place in range(500)) for row in range(50)]
        for step in (3, 5)
    )
    began = monotonic()
    diff = lines_diff(before=old, after=new)
    assert monotonic() - began < 0.5
    assert {line.mark for line in diff} == {"-", "+"}


def test_it_names_the_fields_that_differ() -> None:
    old = SectionText("Timeouts", ("a",), ("b",))
    assert section_diff(before=old, after=old) == ()
    new = SectionText("Timeouts", ("a", "c"), ("b",), ("INC-1",))
    assert [field.label for field in section_diff(before=old, after=new)] == ["Check first", "Grown from"]


def test_it_brings_an_edit_onto_a_text_that_moved_on() -> None:
    base = SectionText("T", ("one", "two", "three"))
    mine = SectionText("T", ("one", "one and a half", "three"))
    theirs = SectionText("Better title", ("zero", "one", "two", "three", "four"))
    merged = section_merge(base=base, mine=mine, theirs=theirs)
    assert merged.check_first == ("zero", "one", "one and a half", "three", "four")
    assert merged.title == "Better title"
    first = section_merge(
        base=SectionText("", ("a", "b")), mine=SectionText("", ("new", "a", "b")), theirs=SectionText("", ("A", "b"))
    )
    assert first.check_first == ("new", "A", "b")
    between = section_merge(
        base=SectionText("", ("a", "b")), mine=SectionText("", ("a", "new", "b")), theirs=SectionText("", ("x", "b"))
    )
    assert between.check_first == ("x", "new", "b")


unique = st.lists(st.sampled_from("abcdefgh"), unique=True).map(tuple)


@given(unique, unique, unique)
def test_it_loses_no_line_that_either_added(
    base: tuple[str, ...], mine: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    merged = section_merge(
        base=SectionText("", base), mine=SectionText("", mine), theirs=SectionText("", theirs)
    ).check_first
    added_by_me, taken_by_me = set(mine) - set(base), set(base) - set(mine)
    assert set(merged) == (set(theirs) - taken_by_me) | added_by_me
    assert len(merged) == len(set(merged))


# --- search and first drafts --------------------------------------------------------------------------------------


def test_it_ranks_by_where_every_word_stands() -> None:
    sections = [
        Searchable(1, "1 infra.queue", "Queues", ("Is the gateway slow?",), ()),
        Searchable(2, "2 infra.timeout in billing", "Gateway", ("Is it up?",), ("INC-12",)),
        Searchable(3, "3 domain.conflict", "Two writers", (), ()),
    ]
    assert sections_rank(query="gateway", sections=sections) == [2, 1]
    assert sections_rank(query="GATEWAY slow", sections=sections) == [1]
    assert sections_rank(query="inc-12", sections=sections) == [2]
    assert sections_rank(query="  ", sections=sections) == [1, 2, 3]
    assert sections_rank(query="(.*)+$ nothing", sections=sections) == []


def test_it_looks_for_a_word_in_the_spellings_that_databases_tell_apart() -> None:
    assert query_spellings("Gateway slow, slow\0") == (("Gateway",), ("slow",))
    assert query_spellings("ärger") == (("ärger", "ÄRGER", "Ärger"),)
    assert "Straße" in query_spellings("straße")[0]
    assert len(query_spellings("x y " * 100 + "z")) == 2
    assert len(query_spellings(" ".join(map(str, range(99))))) == 8


# --- the file -----------------------------------------------------------------------------------------------------

ODD = (
    "12e3", "0o17", "0x1F", "1_000", "yes", "~", "null", "=", "<<", "2026-11-21", "- a", "a: b", "# a", "'", '"', " a",
    "a\x85b", "a\u2028b\nc", "a\x85b\nc", "\ufeffa", "a \nb", "\n a\n", "a\tb", "\x1b[31m", "😀", "[x]", "{x: y}", "*a",
    "&a", "!a", "%a", "@a", " \n", "a\r\nb", "a\rb",
)  # fmt: skip
said = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(ODD)
AT = datetime(2026, 11, 21, tzinfo=UTC)


@given(said, said)
@example(*ODD[16:18])
@example(*ODD[18:20])
def test_what_it_writes_a_yaml_reader_reads_back(one: str, other: str) -> None:
    text = playbook_yaml(
        version="v2.27",
        sections=[ExportedSection(16, 1, one, "infra.timeout", other, [one, other], [other], [{"ref": one}], AT)],
        updates=[ExportedUpdate("v2.27", AT, 16, one, "", other, one, other, [one], one, other, True)],
        known_classes={"infra.timeout": [16], "infra.queue": []},
        aggregation_rules={"a": one},
        chapters={"phases": [other]},
    )
    read = yaml.safe_load(text)
    [section], [update] = read["sections"], read["updates"]
    assert read["known_incident_classes"] == [
        {"class": "infra.queue", "sections": []}, {"class": "infra.timeout", "sections": [16]},
    ]  # fmt: skip
    assert (section["title"], section["check_first"], section["never_again"]) == (one, [one, other], [other])
    assert (section["references"], section.get("component", "")) == ([{"ref": one}], other)
    assert (update["why"], update.get("root_cause", ""), update["files_changed"]) == (one, other, [one])
    assert (read["l4_aggregation_rules"], read["phases"]) == ({"a": one}, [other])
    assert read["directive"] == "MIRROR, NOT AUTHORITY"


@pytest.mark.parametrize("text", ["12e3", "0o17", "1.", ".5e-7", "+12E3"])
def test_what_a_reader_of_yaml_1_2_takes_for_a_number_is_quoted(text: str) -> None:
    section = ExportedSection(16, 1, text, "infra.timeout", "", [], [], [], AT)
    file = playbook_yaml(
        version="v0.1", sections=[section], updates=[], known_classes={}, aggregation_rules={}, chapters={}
    )
    assert f'title: "{text}"' in file or f"title: '{text}'" in file


def test_it_drafts_from_a_lesson_and_from_a_control() -> None:
    lesson = learnt_of_lesson(
        number=3, incident="INC-12", incident_title="Timeout", believed="It answers.\n- Always.", do_now="- Ask first.",
        root_cause="Nobody asked.",
    )  # fmt: skip
    grown = section_grow(section=SectionText("Timeouts", ("Is it up?",)), learnt=lesson)
    assert grown.check_first == ("Is it up?", "Ask first.")
    assert grown.never_again == ("Never again rely on this: It answers.", "Never again rely on this: Always.")
    assert grown.grown_from == ("INC-12", "LES-3")
    control = learnt_of_control(
        number=7, incident="INC-12", incident_title="Timeout", check_first="The gateway.", never_again="Retry.",
        root_cause="", evolved="stricter_intent",
    )  # fmt: skip
    assert section_grow(section=SectionText(), learnt=control).title == "Timeout"
    assert control.evolved == ""
    assert check_first_of_class(error_class="infra.timeout")
    assert check_first_of_class(error_class="nonsense") == ()
