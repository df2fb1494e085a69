"""Tables, and their place in the README."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench.report import (
    BEGIN,
    END,
    Section,
    block_replace,
    report_keep,
    report_write,
    section_markdown,
    spread,
    table,
)


def test_it_draws_a_table() -> None:
    drawn = table(("system", "stored/s"), [["a|b", "12"], ["c", "3"]])
    assert drawn == "| system | stored/s |\n| --- | ---: |\n| a\\|b | 12 |\n| c | 3 |"


def test_it_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="1 cells in a table of 2"):
        table(("system", "stored/s"), [["a"]])


def test_it_says_when_and_on_what_it_was_measured() -> None:
    section = Section("Ingest", ("system",), [["a"]], ["Three rounds."])
    moment = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    text = section_markdown(section, machine="2 cores, 24 GB", software="Python 3.11", moment=moment)
    assert text.startswith("### Ingest\n\n| system |\n")
    assert text.endswith("\n\n2026-11-21 10:30 UTC, 2 cores, 24 GB, Python 3.11. Three rounds.\n")


def test_it_replaces_only_what_is_between_the_markers() -> None:
    assert block_replace(f"before\n{BEGIN}\nold\n{END}\nafter\n", "new\n") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_it_refuses_a_readme_without_one_pair_of_markers(text: str) -> None:
    with pytest.raises(ValueError, match="once each, in this order"):
        block_replace(text, "new")


def test_it_keeps_the_other_parts_when_one_is_measured_again(tmp_path: Path) -> None:
    readme, results = tmp_path / "README.md", tmp_path / "results"
    readme.write_text(f"# Console\n{BEGIN}{END}\n")
    report_keep(results, "start", "### Start\n")
    report_keep(results, "ingest", "### Ingest, old\n")
    report_keep(results, "ingest", "### Ingest\n")
    report_write(readme, results, ["ingest", "config", "start"])
    assert readme.read_text() == f"# Console\n{BEGIN}\n### Ingest\n\n### Start\n{END}\n"


def test_it_names_the_largest_first() -> None:
    assert spread({"broker": 4.4, "worker": 95.2, "web": 79.0}) == "worker 95, web 79, broker 4"
