"""Who is told at each step of the escalation path (requirement 353). Pure; when a step is due: services.response."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.triage.services.response import STEPS


@dataclass(frozen=True, slots=True)
class Reached:
    """Who stands at a step: names for people, addresses for the message. `by_default`: nobody was named."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    by_default: bool = False

    @property
    def words(self) -> str:
        """`Ada, Bob`; the founders where nobody was named."""
        shown = ", ".join(self.names[:5]) or "nobody can be reached"
        return f"{shown}, as founder" if self.by_default and self.names else shown


def path_reached(*, contacts: Sequence[tuple[int, int, str, str]], founders: Sequence[str]) -> dict[int, Reached]:
    """step → who: the project's own contacts, else the installation's (project 0), else the founders.

    `contacts`: (project, step, address, name), of one project and of the installation.
    """
    path: dict[int, Reached] = {}
    for step in STEPS:
        at_step = [row for row in contacts if row[1] == step]
        own = [row for row in at_step if row[0] != 0] or at_step
        if own:
            addresses = tuple(dict.fromkeys(address for _, _, address, _ in own))
            path[step] = Reached(tuple(dict.fromkeys(name or address for _, _, address, name in own)), addresses)
        else:
            path[step] = Reached(tuple(founders), tuple(founders), by_default=True)
    return path
