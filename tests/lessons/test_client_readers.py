"""What test runners print, recorded from real ones (go 1.19, node 20, Perl's Test::More), as checks."""

import ast
from pathlib import Path

import pytest

from incidents.lessons.client import client_source
from incidents.lessons.client.readers import go_checks, go_command, go_verbose, junit_checks, tap_checks, tap_spoken

GO_TEXT = """\
# example.test/shop/broken [example.test/shop/broken.test]
broken/b_test.go:5:28: undefined: undefined
FAIL	example.test/shop/broken [build failed]
=== RUN   TestRefuses
    budget_test.go:5: allowed 2 of 1
--- FAIL: TestRefuses (0.00s)
=== RUN   TestAllows
ok 1 - not TAP
--- PASS: TestAllows (0.00s)
=== RUN   TestLater
    budget_test.go:7: later
--- SKIP: TestLater (0.00s)
=== RUN   TestTable
=== RUN   TestTable/zero_parts
=== RUN   TestTable/one
--- FAIL: TestTable (0.00s)
    --- PASS: TestTable/zero_parts (0.00s)
    --- FAIL: TestTable/one (0.00s)
FAIL
FAIL	example.test/shop/budget	0.004s
?   	example.test/shop/empty	[no test files]
FAIL
"""
GO_JSON = """\
FAIL	example.test/shop/broken [build failed]
{"Action":"run","Package":"example.test/shop/budget","Test":"TestRefuses"}
{"Action":"output","Package":"example.test/shop/budget","Test":"TestRefuses","Output":"--- PASS: TestOther (0.00s)\\n"}
{"Action":"fail","Package":"example.test/shop/budget","Test":"TestRefuses","Elapsed":0}
{"Action":"run","Package":"example.test/shop/budget","Test":"TestAllows"}
{"Action":"pass","Package":"example.test/shop/budget","Test":"TestAllows","Elapsed":0}
{"Action":"run","Package":"example.test/shop/budget","Test":"TestHangs"}
{"Action":"fail","Package":"example.test/shop/budget","Elapsed":0.005}
{"Action":"skip","Package":"example.test/shop/empty","Elapsed":0}
{"not": "an event"}
"""
TAP_NODE = """\
TAP version 13
# Subtest: refuses
not ok 1 - refuses
  ---
  error: '1 == 2'
ok 9 - quoted in a diagnostic
  ...
# Subtest: later
ok 2 - later # SKIP
# Subtest: one day
not ok 3 - one day # TODO
# Subtest: table
    # Subtest: zero
    ok 1 - zero
      ---
      duration_ms: 0.365322
      ...
    # Subtest: one
    not ok 2 - one
    1..2
not ok 4 - table
1..4
# tests 6
"""


def outcomes(checks: list[dict[str, str]]) -> dict[str, str]:
    return {check["id"]: check["outcome"] for check in checks}


def test_it_reads_go() -> None:
    budget = "example.test/shop/budget::"
    assert outcomes(go_checks(GO_TEXT.splitlines())) == {
        "example.test/shop/broken": "error", budget + "TestRefuses": "failed", budget + "TestAllows": "passed",
        budget + "TestLater": "skipped", budget + "TestTable": "failed", budget + "TestTable/zero_parts": "passed",
        budget + "TestTable/one": "failed",
    }  # fmt: skip
    assert outcomes(go_checks(GO_JSON.splitlines())) == {
        "example.test/shop/broken": "error", budget + "TestRefuses": "failed", budget + "TestAllows": "passed",
        budget + "TestHangs": "error",
    }  # fmt: skip


def test_it_asks_go_for_the_tests_that_passed() -> None:
    assert go_command(["/usr/bin/go", "test", "./..."])
    assert not go_command(["go", "build"])
    assert go_verbose(["go", "test", "./..."]) == ["go", "test", "-v", "./..."]
    for told in ("-v", "-v=true", "-json", "-test.v"):
        assert go_verbose(["go", "test", told]) == ["go", "test", told]


def test_it_reads_tap() -> None:
    assert tap_spoken(TAP_NODE.splitlines())
    assert outcomes(tap_checks(TAP_NODE.splitlines())) == {
        "refuses": "failed", "later": "skipped", "one day": "skipped", "table > zero": "passed",
        "table > one": "failed", "table": "failed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1..2\nok 1 - a # skip no database\nnot ok 2 b # TODO later", {"a": "skipped", "b": "skipped"}),
        ("ok\nnot ok\n1..2", {"test 1": "passed", "test 2": "failed"}),
        ("1..3\nok 1 - a", {"a": "passed", "plan: 1 of 3 tests came": "error"}),
        ("ok 1 - cut off", {"cut off": "passed", "plan: 1 of ? tests came": "error"}),
        ("1..0 # skip all of it", {}),
        ("1..1\nok 1 - a \\# b", {"a # b": "passed"}),
        ("1..1\nok 1 - fast # time=12ms", {"fast": "passed"}),
        ("1..1\nBail out! no database", {"Bail out! no database": "error", "plan: 0 of 1 tests came": "error"}),
        ("1..2\nok 1 - twice\nnot ok 2 - twice", {"twice": "failed"}),
    ],
)
def test_it_reads_what_tap_may_say(said: str, expected: dict[str, str]) -> None:
    assert outcomes(tap_checks(said.splitlines())) == expected


@pytest.mark.parametrize("said", ["", "ok then\n", GO_TEXT, "1..2 is a range\n", "  ok 1 - indented\n"])
def test_it_takes_nothing_else_for_tap(said: str) -> None:
    assert not tap_spoken(said.splitlines())


JUNIT = """<testsuites><testsuite><testcase classname="a" name="one"><failure>&lt;!DOCTYPE html></failure></testcase>
<testcase name="two"><system-out>x</system-out></testcase><testcase name="three"><skipped/></testcase></testsuite>
</testsuites>"""
BOMB = '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'


@pytest.mark.parametrize("raw", [JUNIT.encode(), JUNIT.replace("\n", "\r\n").encode("utf-16")])
def test_it_reads_junit(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_bytes(raw)
    found = junit_checks(tmp_path / "junit.xml")
    assert found is not None
    assert outcomes(found) == {"a::one": "failed", "two": "passed", "three": "skipped"}


@pytest.mark.parametrize(
    "raw",
    [
        BOMB.encode(), b"", b"<testsuite><testcase name='a'/>",
        *(f'<?xml version="1.0" encoding="{name}"?><testsuite/>'.encode() for name in ("shift_jis", "klingon")),
    ],
)  # fmt: skip
def test_it_says_why_it_cannot_read_a_report(raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "junit.xml").write_bytes(raw)
    assert junit_checks(tmp_path / "junit.xml") is None
    assert "junit.xml cannot be read" in capsys.readouterr().err


def test_it_is_one_file_that_an_old_python_reads() -> None:
    source = client_source()
    ast.parse(source, feature_version=(3, 8))
    assert "incidents" not in {name.split(".")[0] for name in _imported(source)}
    assert source.startswith("#!/usr/bin/env python3")


def _imported(source: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return named | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
