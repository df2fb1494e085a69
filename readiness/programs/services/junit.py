"""JUnit XML as evidence: counts from the test cases themselves, never from the attributes that claim them.

Parsed by expat directly: a document type declaration is refused before any entity could be defined, nesting and the
number of elements are bounded, and nothing is kept but counts and the names of what failed.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from readiness.programs.services.facts import Outcome

MAX_DEPTH = 50
MAX_CASES = 200_000
NAMED_FAILURES = 5


class JUnitError(Exception):
    """Not a JUnit report that can be read; the text says why and what to send."""


@dataclass(slots=True, kw_only=True)
class JUnitReport:
    """Counts of test cases; `failures` names the first few that failed."""

    total: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return self.total - self.failed - self.skipped

    @property
    def outcome(self) -> Outcome:
        """FAILED if any test failed; SKIPPED when none passed (a run without tests shows nothing); else PASSED."""
        if self.failed:
            return Outcome.FAILED
        return Outcome.PASSED if self.passed else Outcome.SKIPPED

    @property
    def summary(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return f"{text}; failed: {', '.join(self.failures)}" if self.failures else text


class _Handler:
    """Element callbacks: a test case counts once, as failed before skipped before passed."""

    def __init__(self) -> None:
        self.report = JUnitReport()
        self.depth = 0
        self.root = ""
        self.case: str | None = None
        self.marks: set[str] = set()

    def doctype(self, *_: object) -> None:
        raise JUnitError("The report declares a document type; send plain JUnit XML without one.")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise JUnitError(f"The report is nested deeper than {MAX_DEPTH} elements; send plain JUnit XML.")
        if self.depth == 1:
            self.root = name
        if name == "testcase":
            self.case = f"{attributes.get('classname', '')}::{attributes.get('name', '?')}".strip(":")[:200]
            self.marks = set()
        elif self.case is not None and name in ("failure", "error", "skipped"):
            self.marks.add(name)

    def end(self, name: str) -> None:
        self.depth -= 1
        if name != "testcase" or self.case is None:
            return
        report = self.report
        report.total += 1
        if report.total > MAX_CASES:
            raise JUnitError(f"The report has more than {MAX_CASES:,} test cases; split it.")
        if self.marks & {"failure", "error"}:
            report.failed += 1
            if len(report.failures) < NAMED_FAILURES:
                report.failures.append(self.case)
        elif "skipped" in self.marks:
            report.skipped += 1
        self.case = None


def junit_read(raw: bytes) -> JUnitReport:
    """The report's counts. Raises JUnitError for anything that is not well-formed, plain JUnit XML."""
    handler = _Handler()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = handler.doctype
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise JUnitError(f"Not well-formed XML in line {error.lineno}: {expat.ErrorString(error.code)}.") from None
    except (LookupError, ValueError):  # an encoding that expat does not know, or bytes that do not fit it
        raise JUnitError("The report's encoding is not known; send it as UTF-8.") from None
    if handler.root not in ("testsuites", "testsuite"):
        raise JUnitError(f"The root element is <{handler.root[:40]}>; send <testsuites> or <testsuite>.")
    return handler.report
