"""The commands and their exit codes (INTERFACES.md), as a pipeline meets them."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from readiness.programs.management.commands.verdict import Command as VerdictCommand
from readiness.programs.models import Program
from readiness.programs.workflows import evidence_add
from tests.factories import ANYBODY, a_draft, a_program, an_incident
from tests.programs.examples import LIBRARY_BYTES
from tests.programs.test_words import attest, rate

pytestmark = pytest.mark.django_db
EMPTY = "program: empty\nkind: go\ntitle: Empty\ngates: []\n"
PILOT = "program: pilot\nkind: pilot\ntitle: Pilot\ngates: [{key: E1, title: Uptime}]\n"


def exit_code(*arguments: str) -> int:
    command = VerdictCommand(stdout=StringIO(), stderr=StringIO())
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", "verdict", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def code_of(slug: str) -> int:
    """The code without leaving the process, which ends its connection: for several looks in one test."""
    command = VerdictCommand(stdout=StringIO())
    command.handle(program=slug, json=False)
    return command.code


def import_program(*arguments: str) -> str:
    out = StringIO()
    call_command("import_program", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def imported(tmp_path: Path, text: str) -> None:
    file = tmp_path / "program.yaml"
    file.write_text(text)
    import_program(str(file))


# --- verdict ----------------------------------------------------------------------------------------------------------


def test_no_go_exits_1_and_prints_why(capsys: pytest.CaptureFixture[str]) -> None:
    a_program()
    out = StringIO()
    command = VerdictCommand(stdout=out)
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", "verdict", "phase-1-exit"])
    assert ended.value.code == 1
    text = out.getvalue()
    for words in ("NO-GO for Phase 2 entry", "68.75 of 80.00", "G7         Error budget stability: waits for G5",
                  "reaches 80.00", "Monday 2026-02-23", "Pinned to 2026-02-19"):  # fmt: skip
        assert words in text


def test_json_is_the_apis_answer() -> None:
    a_program()
    out = StringIO()
    call_command("verdict", "phase-1-exit", "--json", stdout=out)
    body = json.loads(out.getvalue())
    assert (body["verdict"], body["score"], len(body["blockers"])) == ("NO-GO", "68.75", 4)


def test_go_exits_0() -> None:
    a_program()
    rate("reliability", 3, new=a_draft("a"))
    rate("measurement", 4, new=a_draft("b"))
    for criterion in ("G5.2", "G6.3", "G7"):
        attest(criterion, new=a_draft(criterion))
    assert exit_code("phase-1-exit") == 0


def test_missing_data_exits_1() -> None:
    a_program(example=False)
    assert exit_code("phase-1-exit") == 1


def test_a_pilot_without_data_is_extended_and_exits_1(tmp_path: Path) -> None:
    imported(tmp_path, PILOT)
    assert exit_code("pilot") == 1


def test_a_pilot_proceeds_on_data_and_is_cancelled_by_a_confirmed_incident(tmp_path: Path) -> None:
    imported(tmp_path, PILOT)
    attest("E1", slug="pilot", new=a_draft("Uptime 99.95 %"))
    assert code_of("pilot") == 1  # nobody asked the users
    for rating, code in (("4.0", 1), ("4.5", 0)):
        evidence_add(slug="pilot", draft=a_draft("Survey", kind="feedback", value=Decimal(rating)), actor=ANYBODY)
        assert code_of("pilot") == code
    an_incident(incident={"priority": "P1", "trusted": False})
    assert code_of("pilot") == 1
    an_incident(incident={"priority": "P1", "priority_confirmed": True})
    assert code_of("pilot") == 2


def test_a_rollback_extends_a_pilot(tmp_path: Path) -> None:
    imported(tmp_path, PILOT)
    attest("E1", slug="pilot", new=a_draft("Uptime 99.95 %"))
    evidence_add(slug="pilot", draft=a_draft("Survey", kind="feedback", value=Decimal("4.5")), actor=ANYBODY)
    assert code_of("pilot") == 0
    evidence_add(slug="pilot", draft=a_draft("Rolled back to 1.2", kind="rollback"), actor=ANYBODY)
    assert code_of("pilot") == 1


def test_an_empty_program_exits_3(tmp_path: Path) -> None:
    imported(tmp_path, EMPTY)
    assert exit_code("empty") == 3


@pytest.mark.parametrize("arguments", [[], ["other"], ["phase-1-exit", "--what"], ["a", "b"]])
def test_bad_usage_exits_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*arguments) == 64


def test_an_error_of_ours_exits_70(monkeypatch: pytest.MonkeyPatch) -> None:
    a_program()
    monkeypatch.setattr("readiness.programs.store.program_facts", None)
    assert exit_code("phase-1-exit") == 70


# --- import and export ------------------------------------------------------------------------------------------------


def test_a_library_program_is_imported_by_its_name() -> None:
    said = import_program("phase-1-exit", "--example")
    assert "phase-1-exit imported: 7 gates, 6 rubric categories." in said
    assert "Pinned to 2026-02-19" in said
    assert "Verdict: NO-GO, 68.75 of 80.00" in said
    assert "warning: Rubric scoring" in said
    assert "phase-1-exit unchanged" in import_program("phase-1-exit", "--example")


def test_a_file_with_mistakes_is_named_by_line_and_nothing_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(LIBRARY_BYTES.replace(b"weight: 20", b"weight: 15"))
    with pytest.raises(
        CommandError, match=r"mine\.yaml, line 5\d, rubric: the weights sum to 95, not to 100; add 5"
    ) as told:
        import_program(str(file))
    assert told.value.returncode == 65
    assert not Program.objects.exists()


def test_a_missing_file_names_the_library(tmp_path: Path) -> None:
    for name in ("phase-9", str(tmp_path), str(tmp_path / "none.yaml")):
        with pytest.raises(CommandError, match="one of the library: phase-1-exit") as told:
            import_program(name)
        assert told.value.returncode == 64


def test_an_example_that_the_file_lacks_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text(EMPTY)
    with pytest.raises(CommandError, match="import it without --example"):
        import_program(str(file), "--example")
    assert not Program.objects.exists()


def test_an_export_imports_to_the_same(tmp_path: Path) -> None:
    import_program("phase-1-exit", "--example")
    out = StringIO()
    call_command("export_program", "phase-1-exit", stdout=out)
    file = tmp_path / "again.yaml"
    file.write_text(out.getvalue())
    assert "phase-1-exit unchanged" in import_program(str(file))
    with pytest.raises(CommandError, match="no program") as told:
        call_command("export_program", "other")
    assert told.value.returncode == 64
