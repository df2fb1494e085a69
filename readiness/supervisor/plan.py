"""What `manage.py up` hands to the supervisor: programs and where they answer; one JSON document."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Program:
    """One thing to keep running.

    `socket`: a unix socket; programs later in the plan wait until something listens there. `patience_s`: how long it
    may drain after SIGTERM. `stop_last`: it ends when all others have. `once`: it runs one time, after readiness.
    """

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    socket: str | None = None
    patience_s: float = 15.0
    stop_last: bool = False
    once: bool = False


@dataclass(frozen=True)
class Plan:
    """`probe`: the web server's (host, port); `url`: what the founder is told; `cwd`: where the programs run."""

    home: Path
    cwd: Path
    probe: tuple[str, int]
    url: str
    programs: tuple[Program, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        raw: dict[str, Any] = json.loads(text)
        host, port = raw["probe"]
        programs = tuple(Program(**program) for program in raw["programs"])
        return cls(Path(raw["home"]), Path(raw["cwd"]), (host, port), raw["url"], programs)
