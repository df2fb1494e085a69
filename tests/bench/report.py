"""Markdown tables: on the terminal, and between the markers in README.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


@dataclass(frozen=True)
class Section:
    """One part's result: a table, and what its reader has to know."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; text in the first column is left-aligned, everything else right-aligned.

    Raises ValueError for a row of another length.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"A row of {len(row)} cells in a table of {len(columns)} columns: {row}")
    alignment = ["---", *["---:"] * (len(columns) - 1)]
    lines = [columns, alignment, *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section_markdown(section: Section, *, machine: str, software: str, moment: datetime) -> str:
    """The section as it stands in the README."""
    where = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {machine}, {software}."
    notes = " ".join([where, *section.notes])
    return f"### {section.title}\n\n{table(section.columns, section.rows)}\n\n{notes}\n"


def block_replace(text: str, block: str) -> str:
    """`text` with the block between the markers. Raises ValueError unless there is one pair of them, in order."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after or END in before:
        raise ValueError(f"README.md needs the markers {BEGIN} and {END} once each, in this order.")
    return f"{before}{BEGIN}\n{block.strip()}\n{END}{after}"


def report_keep(folder: Path, part: str, markdown: str) -> None:
    """Keep a part's section, so that one part can be measured again without the others."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}.md").write_text(markdown)


def report_write(readme: Path, folder: Path, parts: Sequence[str]) -> None:
    """Put the kept sections into the README, in the order of `parts`. Raises ValueError when it has no markers."""
    kept = [file.read_text().strip() for part in parts if (file := folder / f"{part}.md").exists()]
    readme.write_text(block_replace(readme.read_text(), "\n\n".join(kept)))


def spread(values: Mapping[str, float]) -> str:
    """`a 12, b 3`: each rounded, largest first."""
    return ", ".join(f"{name} {value:.0f}" for name, value in sorted(values.items(), key=lambda item: -item[1]))
