"""JUnit XML as evidence: counts come from the test cases, and hostile XML is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.facts import Outcome
from readiness.programs.services.junit import JUnitError, JUnitReport, junit_read

CASES = {
    "passed": '<testcase classname="a" name="ok"/>',
    "failed": '<testcase classname="a" name="bad"><failure message="no">trace</failure></testcase>',
    "error": '<testcase classname="a" name="worse"><error/></testcase>',
    "skipped": '<testcase classname="a" name="later"><skipped/></testcase>',
}


def report(*cases: str) -> JUnitReport:
    body = "".join(CASES[case] for case in cases)
    return junit_read(f'<testsuites><testsuite tests="999" failures="0">{body}</testsuite></testsuites>'.encode())


def test_it_counts_cases_and_not_what_the_attributes_claim() -> None:
    read = report("passed", "passed", "failed", "error", "skipped")
    assert (read.total, read.passed, read.failed, read.skipped) == (5, 2, 2, 1)
    assert read.failures == ["a::bad", "a::worse"]
    assert read.summary == "2 passed, 2 failed, 1 skipped; failed: a::bad, a::worse"


@pytest.mark.parametrize(
    ("cases", "outcome"),
    [
        (("passed",), Outcome.PASSED),
        (("passed", "skipped"), Outcome.PASSED),
        (("passed", "failed"), Outcome.FAILED),
        (("skipped", "error"), Outcome.FAILED),
        (("skipped",), Outcome.SKIPPED),
        ((), Outcome.SKIPPED),
    ],
)
def test_no_test_that_passed_is_no_pass(cases: tuple[str, ...], outcome: Outcome) -> None:
    assert report(*cases).outcome is outcome


def test_a_failure_outside_a_test_case_is_not_counted_twice() -> None:
    assert report("failed", "passed").failed == 1


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>',
        b"<testsuite>" * 60 + b"</testsuite>" * 60,
        b"<html><body/></html>",
        b"<testsuite><testcase></testsuite>",
        b"",
        b"not xml at all",
        b'<?xml version="1.0" encoding="klingon"?><testsuite/>',
        b"<testsuite>\xff\xfe</testsuite>",
    ],
    ids=["entities", "external", "deep", "html", "unclosed", "empty", "text", "encoding", "bytes"],
)
def test_it_refuses_hostile_or_broken_xml(xml: bytes) -> None:
    with pytest.raises(JUnitError):
        junit_read(xml)


@given(st.binary(max_size=300))
def test_it_answers_any_bytes_with_a_report_or_a_refusal(raw: bytes) -> None:
    with suppress(JUnitError):
        assert junit_read(raw).total >= 0


@given(st.lists(st.sampled_from(list(CASES)), max_size=30))
def test_every_case_is_counted_once(cases: list[str]) -> None:
    read = report(*cases)
    assert read.total == len(cases) == read.passed + read.failed + read.skipped
