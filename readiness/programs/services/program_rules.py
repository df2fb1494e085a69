"""What a schema cannot say about a program file: weights, references, circles, dates. Each mistake with its line."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from readiness.infra.envelope import FAMILIES, ErrorClass
from readiness.programs.services.gates import gate_cycle
from readiness.programs.services.program_yaml import Mistake, Path, Source

WEIGHTS_SUM = 100


def rule_mistakes(source: Source) -> Iterator[Mistake]:
    """Every broken rule of a file that fits the schema."""
    yield from _date_mistakes(source)
    yield from _number_mistakes(source)
    yield from _gate_mistakes(source)
    yield from _rubric_mistakes(source)
    yield from _calendar_mistakes(source)
    if "example" in source.data:
        yield from _example_mistakes(source)


def _date_mistakes(source: Source) -> Iterator[Mistake]:
    dates: list[tuple[Path, str]] = [
        (("cadence", i, key), review[key])
        for i, review in enumerate(source.data.get("cadence", ()))
        for key in ("from", "stated")
        if key in review
    ]
    example = source.data.get("example", {})
    if since := source.data.get("frozen", {}).get("since"):
        dates.append((("frozen", "since"), since))
    if since := example.get("frozen", {}).get("since"):
        dates.append((("example", "frozen", "since"), since))
    if example:
        dates.append((("example", "as_of"), example["as_of"]))
        dates += [
            (("example", "evidence", i, "collected_on"), item["collected_on"])
            for i, item in enumerate(example.get("evidence", ()))
        ]
    for path, text in dates:
        if not _is_date(text):
            yield source.mistake(path, f"{text} is no day of the calendar", "write a date as 2026-02-19")


def _number_mistakes(source: Source) -> Iterator[Mistake]:
    numbers: list[tuple[Path, Any, int]] = []
    if "threshold" in source.data:
        numbers.append((("threshold",), source.data["threshold"], 2))
    for i, gate in enumerate(source.data["gates"]):
        for j, criterion in enumerate(gate.get("criteria", ())):
            if "threshold" in criterion:
                numbers.append((("gates", i, "criteria", j, "threshold"), criterion["threshold"], 6))
    for i, item in enumerate(source.data.get("example", {}).get("evidence", ())):
        if "value" in item:
            numbers.append((("example", "evidence", i, "value"), item["value"], 6))
    for path, number, places in numbers:
        if abs(number) >= 10**9 or number != round(number, places):
            text = f"{number} is longer than 9 digits before the point and {places} behind it"
            yield source.mistake(path, text, "round it")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _repeated(source: Source, items: list[tuple[Path, str]], what: str) -> Iterator[Mistake]:
    seen: dict[str, Path] = {}
    for path, key in items:
        if key in seen:
            line = source.position(seen[key]).line
            yield source.mistake(path, f'the {what} "{key}" stands in line {line} already', "give each its own key")
        seen.setdefault(key, path)


def _unknown(source: Source, path: Path, key: str, what: str, known: list[str]) -> Mistake:
    mend = f"name one of {', '.join(known[:12])}" if known else f"add the {what} first"
    return source.mistake(path, f'"{key}" is no {what} of this program', mend)


def criterion_paths(data: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """The key of every criterion with its path; a gate without criteria is its own criterion."""
    found: list[tuple[Path, str]] = []
    for i, gate in enumerate(data["gates"]):
        if "criteria" in gate:
            found += [(("gates", i, "criteria", j, "key"), c["key"]) for j, c in enumerate(gate["criteria"])]
        else:
            found.append((("gates", i, "key"), gate["key"]))
    return found


def _gate_mistakes(source: Source) -> Iterator[Mistake]:
    gates = source.data["gates"]
    keys = [gate["key"] for gate in gates]
    yield from _repeated(source, [(("gates", i, "key"), key) for i, key in enumerate(keys)], "gate")
    if len(set(keys)) == len(keys):
        yield from _repeated(source, criterion_paths(source.data), "criterion")
    for i, gate in enumerate(gates):
        for j, key in enumerate(gate.get("waits_for", ())):
            if key not in keys:
                yield _unknown(source, ("gates", i, "waits_for", j), key, "gate", keys)
        for word in ("asks", "unmet", "next"):
            if "criteria" in gate and word in gate:
                text = f'a gate with criteria says "{word}" in each of them'
                yield source.mistake(("gates", i, word), text, "move it into a criterion")
        for j, criterion in enumerate(gate.get("criteria", ())):
            if ("value" in criterion) != ("threshold" in criterion):
                mend = "write both, such as value: at_least and threshold: 45, or neither"
                yield source.mistake(("gates", i, "criteria", j), "value and threshold belong together", mend)
            if "computed" in criterion and "value" in criterion:
                text = "a criterion is either computed or measured"
                yield source.mistake(("gates", i, "criteria", j), text, "take computed or value and threshold away")
            yield from _controls_mistakes(source, ("gates", i, "criteria", j), criterion)
    circle = gate_cycle(waits_for={g["key"]: [k for k in g.get("waits_for", ()) if k in keys] for g in gates})
    if circle:
        at = keys.index(circle[0])
        text = f"gates wait in a circle: {' → '.join(circle)}"
        yield source.mistake(("gates", at, "waits_for"), text, "let one of them wait for none of the others")


def _controls_mistakes(source: Source, path: Path, criterion: Mapping[str, Any]) -> Iterator[Mistake]:
    """What goes by the lessons' controls is not measured or attested as well, and names classes that there are."""
    if "controls" not in criterion:
        return
    for word in ("computed", "value", "threshold", "unit", "aggregation", "max_age_days"):
        if word in criterion:
            text = f'a criterion that rests on controls has no "{word}": it follows from their states'
            yield source.mistake((*path, word), text, "take it out, or make it a criterion of its own")
    known = sorted({*ErrorClass, *FAMILIES})
    for j, name in enumerate(criterion["controls"].get("classes", ())):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            mend = f"did you mean {' or '.join(close)}?" if close else f"name a class, or one of {', '.join(FAMILIES)}"
            yield source.mistake((*path, "controls", "classes", j), f'"{name}" is no error class', mend)


def _rubric_mistakes(source: Source) -> Iterator[Mistake]:
    rubric = source.data.get("rubric", [])
    keys = [category["key"] for category in rubric]
    yield from _repeated(source, [(("rubric", i, "key"), key) for i, key in enumerate(keys)], "category")
    total = sum(category["weight"] for category in rubric)
    if rubric and total != WEIGHTS_SUM:
        mend = f"{'add' if total < WEIGHTS_SUM else 'take away'} {abs(WEIGHTS_SUM - total)}"
        yield source.mistake(("rubric",), f"the weights sum to {total}, not to {WEIGHTS_SUM}", mend)
    if rubric and "threshold" not in source.data:
        yield source.mistake(("rubric",), "a rubric needs a threshold", "add threshold: 80.00 at the top of the file")
    if not rubric and "threshold" in source.data:
        yield source.mistake(("threshold",), "a threshold needs a rubric", "add the rubric, or take the threshold away")
    starts: Counter[tuple[str, int]] = Counter()
    for i, step in enumerate(source.data.get("uplift", ())):
        if step["category"] not in keys:
            yield _unknown(source, ("uplift", i, "category"), step["category"], "category", keys)
        if step["to"] <= step["from"]:
            text = f"a step from {step['from']} to {step['to']} leads nowhere up"
            yield source.mistake(("uplift", i, "to"), text, "let it lead to a higher score")
        starts[step["category"], step["from"]] += 1
        if starts[step["category"], step["from"]] == 2:
            text = f"{step['category']} has another step from {step['from']}"
            yield source.mistake(("uplift", i), text, "keep one step from each score")


def _calendar_mistakes(source: Source) -> Iterator[Mistake]:
    reviews = source.data.get("cadence", ())
    for i, review in enumerate(reviews):
        if review["every"] == "weekly" and "on" not in review:
            yield source.mistake(("cadence", i), "a weekly review needs its weekday", "add on: monday")
        if review["every"] == "biweekly" and "from" not in review:
            yield source.mistake(("cadence", i), "a bi-weekly review needs a first date", "add from: 2026-02-19")
        if review["every"] == "trigger" and review.get("decides"):
            text = "a review without a date cannot be the one that decides"
            yield source.mistake(("cadence", i, "decides"), text, "mark one with a rhythm instead")
    deciding = [i for i, review in enumerate(reviews) if review.get("decides")]
    for i in deciding[1:]:
        yield source.mistake(("cadence", i, "decides"), "another review decides already", "mark one only")


def _example_mistakes(source: Source) -> Iterator[Mistake]:
    data, example = source.data, source.data["example"]
    known = [item["key"] for item in example.get("evidence", ())]
    yield from _repeated(source, [(("example", "evidence", i, "key"), key) for i, key in enumerate(known)], "evidence")
    if _is_date(example["as_of"]):
        for i, item in enumerate(example.get("evidence", ())):
            if _is_date(item["collected_on"]) and item["collected_on"] > example["as_of"]:
                text = f"evidence of {item['collected_on']} lies after as_of {example['as_of']}"
                yield source.mistake(("example", "evidence", i, "collected_on"), text, "evidence comes from the past")
    categories = [category["key"] for category in data.get("rubric", ())]
    prerequisites = [item["key"] for item in data.get("prerequisites", ())]
    references = (
        ("attestations", "criterion", "criterion", [key for _, key in criterion_paths(data)]),
        ("scores", "category", "category", categories),
        ("uplift", "category", "category", categories),
        ("prerequisites", "key", "prerequisite", prerequisites),
    )
    for section, field, what, keys in references:
        items = [(("example", section, i, field), item[field]) for i, item in enumerate(example.get(section, ()))]
        yield from _repeated(source, list(items), f"{section} entry for")
        for path, key in items:
            if key not in keys:
                yield _unknown(source, path, key, what, keys)
    for section in ("attestations", "scores"):
        for i, item in enumerate(example.get(section, ())):
            for j, key in enumerate(item["evidence"]):
                if key not in known:
                    yield _unknown(source, ("example", section, i, "evidence", j), key, "evidence", known)
