"""Reading what a test runner says: JUnit XML (pytest's among them), `go test`, TAP. Standard library, Python 3.8.

Each reader answers `[{"id": …, "outcome": passed | failed | error | skipped}]`, a check that comes twice by its worst.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from incidents.lessons.client.exits import say

WORST_FIRST = ("error", "failed", "skipped", "passed")
JUNIT_TAGS = (("error", "error"), ("failure", "failed"), ("skipped", "skipped"))
GO_ENDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}
GO_BEGAN = re.compile(r"=== RUN +(\S+)$")
GO_ENDED = re.compile(r" *--- (PASS|FAIL|SKIP): (\S+) \(")
GO_PACKAGE = re.compile(r"(ok  |FAIL|\?   )\t(\S+)(.*)$")
TAP_RESULT = re.compile(r"( *)(not )?ok\b *(\d*) *(?:- *)?(.*)$")
TAP_PLAN = re.compile(r"1\.\.(\d{1,9})")
TAP_SUBTEST = re.compile(r"( *)# Subtest: (.*)$")
TAP_DIRECTIVE = re.compile(r"(?<!\\)# *(skip|todo)\b", re.IGNORECASE)


class Found:
    """The checks of one run; the worst outcome of a check that comes twice."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def add(self, name: str, outcome: str) -> None:
        name = "".join(c for c in name if c.isprintable())[:500] or "unnamed"
        self.outcomes[name] = min(self.outcomes.get(name, outcome), outcome, key=WORST_FIRST.index)

    def checks(self) -> list[dict[str, str]]:
        return [{"id": name, "outcome": outcome} for name, outcome in self.outcomes.items()]


# --- JUnit XML, pytest's among them -----------------------------------------------------------------------------


def check_id(case: Mapping[str, str]) -> str:
    """pytest's node id where the report's attributes allow it, else class and name."""
    name, classname, file = case.get("name", ""), case.get("classname", ""), case.get("file", "").replace("\\", "/")
    module = file[:-3].replace("/", ".") if file.endswith(".py") else ""
    inner = classname[len(module) + 1 :].split(".") if classname.startswith(module + ".") else []
    return "::".join(filter(None, [file, *inner, name] if module else [classname, name]))


def junit_checks(path: Path) -> list[dict[str, str]] | None:
    """The checks of a JUnit XML file, read block by block; None if it cannot be read, and why is said."""
    report = JunitReport()
    parser = ET.XMLParser(target=report)  # noqa: S314  its entities are refused with their declaration
    try:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(65536), b""):
                parser.feed(block)
        parser.close()
    # not well-formed; a declaration; an encoding that the parser does not know
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        say(f"the report {path.name} cannot be read: {error}")
        return None
    return report.found.checks()


class JunitReport:
    """What the parser finds. Only ids and outcomes are kept, whatever the tests printed into the file."""

    def __init__(self) -> None:
        self.found = Found()
        self.depth = 0
        self.cases: list[tuple[int, dict[str, str], set[str]]] = []

    def doctype(self, *_: object) -> None:
        raise ValueError("it declares a document type, which no test report needs")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        name = tag.rpartition("}")[2]
        if name == "testcase":
            self.cases.append((self.depth, attributes, set()))
        elif self.cases and self.depth == self.cases[-1][0] + 1:
            self.cases[-1][2].add(name)

    def end(self, tag: str) -> None:
        if self.cases and self.depth == self.cases[-1][0]:
            _, attributes, tags = self.cases.pop()
            outcome = next((outcome for tag, outcome in JUNIT_TAGS if tag in tags), "passed")
            self.found.add(check_id(attributes), outcome)
        self.depth -= 1

    def data(self, text: str) -> None:
        """Left in the file."""

    def close(self) -> None:
        """The parser asks for it."""


# --- go test -----------------------------------------------------------------------------------------------------


def go_command(command: list[str]) -> bool:
    return len(command) > 1 and Path(command[0]).name == "go" and command[1] == "test"


def go_verbose(command: list[str]) -> list[str]:
    """`go test` names the tests that passed only when it is asked to."""
    told = any(part.lstrip("-").split("=")[0] in ("v", "json", "test.v") for part in command if part.startswith("-"))
    return command if told else [*command[:2], "-v", *command[2:]]


def go_checks(lines: Iterable[str]) -> list[dict[str, str]]:
    """`package::Test/sub` of what `go test -v` or `go test -json` printed. A test that began and did not end, and a
    package that failed without a failing test (it does not build), are errors.
    """
    reading = GoOutput()
    for line in lines:
        event = go_event(line)
        if event is None:
            reading.text(line)
        else:
            reading.event(str(event.get("Action")), str(event.get("Package", "")), str(event.get("Test", "")))
    return reading.checks()


class GoOutput:
    """What was read so far. A text names the package of its results only after them, in the package's last line."""

    def __init__(self) -> None:
        self.found = Found()
        self.begun: dict[tuple[str, str], None] = {}
        self.failed: set[str] = set()
        self.printed: list[tuple[str, str]] = []

    def event(self, action: str, package: str, test: str) -> None:
        if test and action == "run":
            self.begun[package, test] = None
        elif test and action in GO_ENDS:
            self.result(package, test, GO_ENDS[action])
        elif action == "fail" and not test:
            self.package(package, failed=True)

    def text(self, line: str) -> None:
        began, result, trailer = GO_BEGAN.match(line), GO_ENDED.match(line), GO_PACKAGE.match(line)
        if began:
            self.begun["", began[1]] = None
        elif result:
            self.begun.pop(("", result[2]), None)
            self.printed.append((result[2], GO_ENDS[result[1].lower()]))
        elif trailer:
            self.package(trailer[2], failed=trailer[1] == "FAIL")

    def result(self, package: str, test: str, outcome: str) -> None:
        self.begun.pop((package, test), None)
        self.found.add("::".join(filter(None, [package, test])), outcome)
        if outcome == "failed":
            self.failed.add(package)

    def package(self, package: str, *, failed: bool) -> None:
        for test, outcome in self.printed:
            self.result(package, test, outcome)
        self.printed = []
        if failed and package not in self.failed:
            self.found.add(package, "error")

    def checks(self) -> list[dict[str, str]]:
        self.package("", failed=False)
        for package, test in self.begun:
            self.found.add("::".join(filter(None, [package, test])), "error")
        return self.found.checks()


def go_event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "Action" in event else None


# --- the Test Anything Protocol, 13 and 14 ------------------------------------------------------------------------


def tap_spoken(lines: Iterable[str]) -> bool:
    """Whether this output is TAP: its version line, or a plan and a result at the start of lines."""
    plan = result = False
    for line in lines:
        if line.startswith(("TAP version 13", "TAP version 14")):
            return True
        plan = plan or bool(TAP_PLAN.match(line))
        result = result or bool(TAP_RESULT.match(line) and not line.startswith(" "))
    return plan and result


def tap_checks(lines: Iterable[str]) -> list[dict[str, str]]:
    """`suite > test` of each result. A TODO is no failure and no proof: it counts as skipped, as a SKIP does. A plan
    that was not kept, and a bail out, are errors.
    """
    found = Found()
    path: list[str] = []
    planned, seen, diagnostic = None, 0, ""  # type: int | None, int, str
    for line in lines:
        if diagnostic:  # a YAML block, which may quote anything
            diagnostic = "" if line == diagnostic else diagnostic
        elif line.strip() == "---":
            diagnostic = line.replace("---", "...")
        elif TAP_SUBTEST.match(line):
            indent, name = TAP_SUBTEST.match(line).groups()  # type: ignore[union-attr]
            path[len(indent) // 4 :] = [name.strip()]
        elif TAP_PLAN.match(line):
            planned = int(TAP_PLAN.match(line)[1])  # type: ignore[index]
        elif line.startswith("Bail out!"):
            found.add(line.strip(), "error")
        elif TAP_RESULT.match(line):
            indent, failed, number, said = TAP_RESULT.match(line).groups()  # type: ignore[union-attr]
            directive = TAP_DIRECTIVE.search(said)
            name = re.split(r"(?<!\\) # ", " " + said + " ")[0].strip().replace("\\#", "#") if said else ""
            name = (said[: directive.start()].strip() if directive else name) or f"test {number or seen + 1}"
            found.add(" > ".join([*path[: len(indent) // 4], name]), tap_outcome(bool(failed), bool(directive)))
            seen += not indent
    if planned != seen:
        found.add(f"plan: {seen} of {'?' if planned is None else planned} tests came", "error")
    return found.checks()


def tap_outcome(failed: bool, excused: bool) -> str:
    return "skipped" if excused else "failed" if failed else "passed"
