"""A program file's mistakes are named by file, line, path and mend; a good one reads back from what is written."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.programs.services.definition import Comparator, ProgramKind
from readiness.programs.services.program_file import LIBRARY, library_names, program_read, program_write
from readiness.programs.services.program_yaml import MAX_BYTES, ProgramFileError
from tests.factories import library_program
from tests.programs.examples import LIBRARY_BYTES, definition, gate

SMALL = """\
program: tiny
kind: go
title: Tiny
gates:
  - key: G1
    title: First
"""


def mistakes_of(text: str | bytes) -> list[str]:
    with pytest.raises(ProgramFileError) as caught:
        program_read(name="tiny.yaml", raw=text if isinstance(text, bytes) else text.encode())
    return str(caught.value).splitlines()


def line_of(fragment: str) -> int:
    return LIBRARY_BYTES.decode()[: LIBRARY_BYTES.decode().index(fragment)].count("\n") + 1


def test_every_program_of_the_library_reads() -> None:
    for name in library_names():
        assert program_read(name=name, raw=(LIBRARY / f"{name}.yaml").read_bytes()).definition.slug == name


def test_the_library_program_is_the_packet() -> None:
    file = library_program()
    program, example = file.definition, file.example
    assert example is not None
    assert [g.key for g in program.gates] == ["G1", "G2", "G3", "G4", "G5", "G6", "G7"]
    assert program.gates[6].waits_for == ("G5",)
    assert [(c.title, c.weight) for c in program.categories] == [
        ("Measurement Completeness", 20),
        ("Reliability Outcomes", 25),
        ("Test and CI Strength", 15),
        ("Security and Abuse Resistance", 15),
        ("Operability and Incident Readiness", 15),
        ("Delivery Discipline", 10),
    ]
    assert program.threshold == Decimal("80.00")
    assert all(word.evidence for word in example.scores)
    assert len([piece for piece in example.evidence if piece.url]) == 9
    assert sum(item["count"] for item in example.recorded["slo_classes"]) == 15


def test_it_reads_back_what_it_writes() -> None:
    program = library_program().definition
    assert program_read(name="x", raw=program_write(program).encode()).definition == program


@given(
    title=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40),
    threshold=st.decimals("0", "1000", places=3),
    comparator=st.sampled_from(Comparator),
    kind=st.sampled_from(ProgramKind),
)
def test_it_reads_back_any_definition(
    title: str, threshold: Decimal, comparator: Comparator, kind: ProgramKind
) -> None:
    measured = gate("G1", title=title, criterion={"comparator": comparator, "threshold": threshold, "unit": "%"})
    program = definition(kind=kind, title=title, gates=(measured, gate("G2", waits_for=("G1",), required=False)))
    assert program_read(name="x", raw=program_write(program).encode()).definition == program


def test_a_gate_without_criteria_is_its_own() -> None:
    program = program_read(name="tiny.yaml", raw=SMALL.encode()).definition
    assert [(c.key, c.text) for c in program.gates[0].criteria] == [("G1", "First")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("weight: 20", "wieght: 20", 'rubric[0].wieght: unknown key "wieght"; did you mean "weight"?'),
        ("weight: 20", "weight: twenty", 'rubric[0].weight: "twenty" is not a whole number'),
        ("weight: 20", "weight: 400", 'rubric[0].weight: "400" is out of bounds; it must be at most 100'),
        ("key: G6\n", "key: G5\n", 'gates[5].key: the gate "G5" stands in line'),
        ("key: G6.3", "key: G6.2", 'criteria[2].key: the criterion "G6.2" stands in line'),
        (
            "waits_for: [G5]",
            "waits_for: [G9]",
            'gates[6].waits_for[0]: "G9" is no gate of this program; name one of G1',
        ),
        ("waits_for: [G5]", "waits_for: G5", 'gates[6].waits_for: "G5" is not a list'),
        ("waits_for: [G5]", "waits_for: [G7]", "gates wait in a circle: G7 → G7"),
        ("as_of: 2026-02-19", "as_of: 2026-02-30", "example.as_of: 2026-02-30 is no day of the calendar"),
        (
            "as_of: 2026-02-19",
            "as_of: 19.2.2026",
            'example.as_of: "19.2.2026" does not fit; write a date as 2026-02-19',
        ),
        ("    on: monday\n", "", "cadence[0]: a weekly review needs its weekday; add on: monday"),
        ("every: weekly", "every: fortnightly", "write one of daily, weekly, biweekly, trigger"),
        ("kind: go", "kind: maybe", '"maybe" is not known here; write one of go, pilot'),
        ("threshold: 80.00", "threshold: 80.005", "80.005 is longer than"),
        ("threshold: 80.00\n", "", "a rubric needs a threshold"),
        ("to: 4", "to: 3", "a step from 3 to 3 leads nowhere up"),
        ("collected_on: 2026-02-12", "collected_on: 2026-02-20", "lies after as_of 2026-02-19"),
        ("evidence: [execution-rubric]}", "evidence: []}", "a list is out of bounds; it must be at least 1 entry"),
        ("evidence: [execution-rubric]}", "evidence: [nothing]}", '"nothing" is no evidence of this program'),
        ("{criterion: G1,", "{criterion: G0,", '"G0" is no criterion of this program'),
        ("owner: Steph\nthreshold", "owner: &who Steph\nthreshold", "anchors and aliases are not allowed"),
        ("title: Phase 1 exit\n", "title: Phase 1 exit\ntitle: Again\n", '"title" stands here twice, first in line'),
        ("kind: go", "kind: !!str go", "the tag"),
    ],
)
def test_it_names_the_mistake(before: str, after: str, expected: str) -> None:
    text = LIBRARY_BYTES.decode()
    assert before in text
    found = mistakes_of(text.replace(before, after, 1))
    assert any(expected in line and line.startswith("tiny.yaml, line ") for line in found), found


@pytest.mark.parametrize(
    ("before", "after", "fragment"),
    [
        ("weight: 20", "weight: 15", "\nrubric:"),
        ("waits_for: [G5]", "waits_for: [G9]", "    waits_for: [G5]"),
        ("as_of: 2026-02-19", "as_of: 2026-02-30", "  as_of:"),
        ("to: 4", "too: 4", "    to: 4"),
    ],
)
def test_it_names_the_line(before: str, after: str, fragment: str) -> None:
    offset = 1 if fragment.startswith("\n") else 0
    found = mistakes_of(LIBRARY_BYTES.decode().replace(before, after, 1))
    assert any(f"line {line_of(fragment) + offset}," in line for line in found), found


def test_weights_that_sum_to_95_say_what_is_missing() -> None:
    found = mistakes_of(LIBRARY_BYTES.decode().replace("weight: 20", "weight: 15"))
    assert [line.partition(", ")[2].partition(", ")[2] for line in found] == [
        "rubric: the weights sum to 95, not to 100; add 5"
    ]


def test_it_names_every_mistake_at_once_in_the_order_of_lines() -> None:
    text = LIBRARY_BYTES.decode().replace("waits_for: [G5]", "waits_for: [G9]").replace("weight: 20", "weight: 15")
    found = mistakes_of(text)
    lines = [int(line.split("line ")[1].split(",")[0]) for line in found]
    assert len(found) == 2
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "the file is empty"),
        (b"# nothing but a comment\n", "the file is empty"),
        (b"- a\n- b\n", "a list is not a mapping of keys"),
        (b"program: [x\nkind: go\n", "YAML syntax"),
        (b"program: tiny\n\tkind: go\n", "YAML syntax"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"program: tiny\nkind: g\x00o\n", "a control character"),
        (b"[" * 5_000, "nested deeper than 20 levels"),
        (b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "anchors and aliases"),
        (b"? [a, b]\n: c\n", "a key must be plain text"),
        (b"---\na: 1\n---\nb: 2\n", "a second document"),
        (b"a: !!python/object/apply:os.system [ls]\n", "the tag"),
        (b"a: " + b"x" * MAX_BYTES, "more than the 262,144"),
    ],
)
def test_it_refuses_what_is_no_plain_yaml(raw: bytes, expected: str) -> None:
    found = mistakes_of(raw)
    assert len(found) == 1
    assert expected in found[0]
    assert "line " in found[0]


@pytest.mark.parametrize(("word", "means"), [("no", "no"), ("on", "on"), ("1:30", "1:30"), ("0o17", "0o17")])
def test_words_stay_words(word: str, means: str) -> None:
    assert program_read(name="x", raw=SMALL.replace("Tiny", word).encode()).definition.title == means


@given(st.binary(max_size=200))
def test_it_answers_any_bytes_with_mistakes(raw: bytes) -> None:
    with pytest.raises(ProgramFileError) as caught:
        program_read(name="x", raw=raw)
    assert all(mistake.line >= 1 and mistake.text and mistake.mend for mistake in caught.value.mistakes)


@settings(deadline=None, max_examples=40)  # each reads a file of 250 lines, on whatever machine runs this
@given(st.data())
def test_it_answers_any_damage_of_a_good_file_with_mistakes_or_a_program(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(LIBRARY_BYTES) - 1))
    length = data.draw(st.integers(1, 40))
    damage = data.draw(st.binary(max_size=8))
    raw = LIBRARY_BYTES[:start] + damage + LIBRARY_BYTES[start + length :]
    with suppress(ProgramFileError):
        assert program_read(name="x", raw=raw).definition.title
