"""How the client speaks and ends."""

from __future__ import annotations

import sys
from typing import NoReturn

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, CANNOT_RUN, TIMED_OUT = 64, 65, 69, 127, 124


class Away(Exception):
    """The console cannot be reached: nothing was recorded."""


def say(text: str) -> None:
    sys.stderr.write("readiness: " + text + "\n")


def fail(code: int, text: str) -> NoReturn:
    say(text)
    raise SystemExit(code)
