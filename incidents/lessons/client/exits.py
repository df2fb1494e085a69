"""How the client speaks and ends."""

from __future__ import annotations

import sys
from typing import NoReturn

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, CANNOT_RUN, TIMED_OUT = 64, 65, 69, 127, 124


class Away(Exception):
    """The console cannot be reached: nothing was recorded."""


def plain(text: object) -> str:
    """One line of what the console or a tool said. Nothing in it moves the terminal's cursor or colours it, and no part
    of it begins a line, where a build server takes `::…` and `##[…` for commands to itself.
    """
    return "".join(c if c.isprintable() else " " for c in str(text))


def say(text: str) -> None:
    sys.stderr.write("readiness: " + "\n".join(map(plain, text.split("\n"))) + "\n")


def fail(code: int, text: str) -> NoReturn:
    say(text)
    raise SystemExit(code)
