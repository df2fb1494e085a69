"""What a project adds to the floor: founders' own rules, and whether addresses stay."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rules:
    """`key`, `value`: all patterns of a kind as one compiled RE2, None without any. Rules only ever remove more."""

    key: Any = None
    value: Any = None
    keep_ip: bool = False


FLOOR = Rules()
