"""The playbook's rules (requirements 57-59, 188-191): what a section says, how it is changed, and its version.

A section belongs to one incident class: an error class, or an error class in one component. It is changed by an edit
that somebody proposes and somebody else accepts; each accepted edit is a version of the playbook and its update entry.
The playbook mirrors what controls and gates enforce; it has no authority of its own.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from incidents.lessons.services.prevention import Evolution
from readiness.infra.refusals import FieldError, Invalid

DIRECTIVE = "MIRROR, NOT AUTHORITY"
MIRROR_MEANS = (
    "The playbook explains what was learnt; only the controls and gates enforce it. Where they disagree, the controls "
    "and gates are right and the playbook is out of date."
)
EVOLUTION_RULE = "Every incident becomes a new primitive, a stricter intent or a new CI invariant."
MAX_SECTIONS = 500

_VERSION = re.compile(r"v?(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")
_REFERENCE = re.compile(r"(INC|CTL|LES)-([1-9][0-9]{0,14})")


class ProposalState(StrEnum):
    """Only `proposed` leads on; `replaced`: a later proposal carries it on, brought up to date or mended."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class BookVersion(NamedTuple):
    """Shown as v2.27: minor counts the accepted edits, major is raised by a founder."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}"


class Reference(NamedTuple):
    """INC-12, CTL-7 or LES-3 (a lesson): what a section grew from."""

    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.number}"


@dataclass(frozen=True, slots=True)
class SectionText:
    """What a section says; `grown_from` are references as text, such as `INC-12`."""

    title: str = ""
    check_first: tuple[str, ...] = ()
    never_again: tuple[str, ...] = ()
    grown_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateText:
    """Why an edit is made (190, 191) and what it made stronger (189; None: only the words). `before` and
    `after` are the philosophies that it leaves and takes.
    """

    why: str
    evolved: Evolution | None = None
    root_cause: str = ""
    before: str = ""
    after: str = ""
    files_changed: tuple[str, ...] = ()


def version_parse(text: str) -> BookVersion:
    """`v2.27` or `2.27`. Raises Invalid."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        detail = f"“{text[:20]}” is no version of the playbook; they look like v2.27."
        raise Invalid(detail, errors=[FieldError("/version", detail)])
    return BookVersion(int(found[1]), int(found[2]))


def version_raise(*, current: BookVersion, wanted: str = "") -> BookVersion:
    """The version that a founder sets: the next major one, or a later one by name. Raises Invalid."""
    if not wanted.strip():
        return BookVersion(current.major + 1, 0)
    version = version_parse(wanted)
    if version <= current:
        detail = f"The playbook is at {current}; give a later version than that, or none for v{current.major + 1}.0."
        raise Invalid(detail, errors=[FieldError("/version", detail)])
    return version


def reference_parse(text: str) -> Reference | None:
    """`INC-12`, `ctl-7`, `LES-3`; None for anything else."""
    found = _REFERENCE.fullmatch(text.strip().upper())
    return Reference(found[1], int(found[2])) if found else None


def scope_text(error_class: str, component: str) -> str:
    """`infra.timeout`, or `infra.timeout in billing`."""
    return f"{error_class} in {component}" if component else error_class


def component_scopes(component: str) -> tuple[str, ...]:
    """The scopes that speak of a component, the widest first: `a.b` → "", `a`, `a.b`."""
    parts = component.split(".")
    return ("", *(".".join(parts[: length + 1]) for length in range(len(parts)) if component))
