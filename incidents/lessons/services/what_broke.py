"""One sentence that says what broke: the first thing on an incident's page, before any stack. Pure."""

from dataclasses import dataclass

MAX_SAID = 280


@dataclass(frozen=True, slots=True)
class WhatBroke:
    """`settle in shop/orders.py` (who) `raised` (did) `KeyError` (what); `said` is its message on one line, bounded;
    `during`: `while it answered POST /orders, in production`. Parts may be empty.
    """

    who: str
    did: str
    what: str
    said: str
    during: str

    @property
    def sentence(self) -> str:
        lead = " ".join(part for part in (self.who, self.did, self.what) if part)
        return f"{lead}{': ' if self.said else ''}{self.said}{', ' if self.during else ''}{self.during}."


def what_broke_tell(
    *,
    component: str,
    exception_type: str,
    message: str,
    function: str = "",
    place: str = "",
    request: str = "",
    environment: str = "",
) -> WhatBroke:
    """`function` and `place` are of the innermost in-app frame, empty where there is none."""
    who = f"{function} in {place}" if function and place else place or component
    during = [f"while it answered {request}"] if request else []
    if environment:
        during.append(f"in {environment}")
    return WhatBroke(
        who=who,
        did="raised" if exception_type else "reported",
        what=exception_type,
        said=said_line(message),
        during=", ".join(during),
    )


def said_line(message: str) -> str:
    """A message as one line of at most MAX_SAID characters, without the full stop that ends it."""
    line = " ".join(message[: 4 * MAX_SAID].split()).rstrip(".")
    return line if len(line) <= MAX_SAID else f"{line[: MAX_SAID - 1]}…"
