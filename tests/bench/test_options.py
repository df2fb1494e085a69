"""What the command line is made of."""

from typing import Any

import pytest

from tests.bench.__main__ import PARTS, arguments_read
from tests.bench.options import SYSTEMS, Options, kills_read, numbers_read, sizes_read, systems_read


def test_it_measures_everything_when_nothing_is_named() -> None:
    given = arguments_read([])
    assert given.parts == list(PARTS)
    assert given.options == Options()


def test_it_takes_parts_and_bounds() -> None:
    given = arguments_read(
        ["disk", "scale", "--quick", "--sizes", "1_000,20_000", "--systems", "bugsink-sqlite,sqlite"]
    )
    assert given.parts == ["disk", "scale"]
    assert given.options == Options(quick=True, sizes=(1_000, 20_000), systems=("sqlite", "bugsink-sqlite"))


@pytest.mark.parametrize(
    "arguments", [["speed"], ["--quick", "--write"], ["--sizes", "5,3"], ["--systems", "x"], ["--concurrency", "0"]]
)
def test_it_says_what_it_does_not_understand(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments_read(arguments)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (numbers_read, "1,16,64", (1, 16, 64)),
        (sizes_read, "50_000,2_000_000", (50_000, 2_000_000)),
        (systems_read, ",".join(reversed(SYSTEMS)), SYSTEMS),
        (kills_read, "web:3,worker+broker", {"web": 3, "worker+broker": 1}),
    ],
)
def test_it_reads_lists(read: Any, text: str, value: object) -> None:
    assert read(text) == value
