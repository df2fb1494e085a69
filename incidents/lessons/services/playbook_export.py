"""SESSION_PLAYBOOK.yaml: the playbook as a file beside the code, the same bytes for the same playbook."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from incidents.lessons.services.playbook import DIRECTIVE, EVOLUTION_RULE, MIRROR_MEANS
from readiness.infra.clock import isoz

FILE_NAME = "SESSION_PLAYBOOK.yaml"


@dataclass(frozen=True, slots=True)
class ExportedSection:
    """`references`: {ref, and what is known of it: title, state}."""

    number: int
    version: int
    title: str
    error_class: str
    component: str
    check_first: Sequence[str]
    never_again: Sequence[str]
    references: Sequence[Mapping[str, str]]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ExportedUpdate:
    version: str
    at: datetime
    section: int | None
    why: str
    evolved: str
    root_cause: str
    before: str
    after: str
    files_changed: Sequence[str]
    author: str
    reviewer: str
    self_reviewed: bool


# What YAML 1.2 reads as a number and PyYAML, which speaks 1.1, would leave bare: `12e3` (a commit may look so), `0o17`.
_NUMBER_OF_1_2 = re.compile(r"[-+]?(0o[0-7]+|0x[0-9a-fA-F]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)")


class _Dumper(yaml.SafeDumper):
    """Long texts as literal blocks, no aliases: the file is read by people and by readers that refuse anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=_style(value))


def _style(value: str) -> str | None:
    """Between double quotes what a reader would take for something else: a control character, a line break that is
    none of ours (a reader makes a space of it), a number.
    """
    lines = value.split("\n")
    if not all(line.isprintable() for line in lines) or _NUMBER_OF_1_2.fullmatch(value):
        return '"'
    return "|" if len(lines) > 1 else None


_Dumper.add_representer(str, _text)


def playbook_yaml(
    *,
    version: str,
    sections: Sequence[ExportedSection],
    updates: Sequence[ExportedUpdate],
    known_classes: Mapping[str, Sequence[int]],
    aggregation_rules: Mapping[str, Any],
    chapters: Mapping[str, Any],
) -> str:
    """The whole file. `updates` newest first; `known_classes`: the classes that incidents were of, each with the
    numbers of its sections (57); `aggregation_rules` is requirement 160; `chapters` are what other
    subjects add at the end (the plan's phases and what not to focus on), by key.
    """
    document: dict[str, Any] = {
        "playbook": "SESSION_PLAYBOOK",
        "version": version,
        "directive": DIRECTIVE,
        "directive_means": MIRROR_MEANS,
        "evolution_rule": EVOLUTION_RULE,
        "sections": [_section(section) for section in sections],
        "known_incident_classes": [
            {"class": name, "sections": list(known_classes[name])} for name in sorted(known_classes)
        ],
        "l4_aggregation_rules": plain(aggregation_rules),
        **{key: plain(value) for key, value in chapters.items()},
        "updates": [_update(update) for update in updates],
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)


def _section(section: ExportedSection) -> dict[str, Any]:
    return {
        "number": section.number,
        "title": section.title,
        "class": section.error_class,
        **({"component": section.component} if section.component else {}),
        "version": section.version,
        "updated_at": isoz(section.updated_at),
        "check_first": list(section.check_first),
        "never_again": list(section.never_again),
        "references": [dict(reference) for reference in section.references],
    }


def _update(update: ExportedUpdate) -> dict[str, Any]:
    entry: dict[str, Any] = {"version": update.version, "date": update.at.date().isoformat()}
    if update.section is not None:
        entry["section"] = update.section
    entry |= {"why": update.why, "evolved": update.evolved or "nothing but the words"}
    optional = {"root_cause": update.root_cause, "before": update.before, "after": update.after}
    entry |= {key: value for key, value in optional.items() if value}
    entry |= {"files_changed": list(update.files_changed), "author": update.author, "reviewer": update.reviewer}
    return {**entry, "self_reviewed": True} if update.self_reviewed else entry


def plain(value: Any) -> Any:
    """Only what YAML has by itself: enums as their values, tuples and sets as lists, times as text."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, datetime):
        return isoz(value)
    if isinstance(value, bool | int) or value is None:
        return value
    return str.__str__(value) if isinstance(value, str) else str(value)
