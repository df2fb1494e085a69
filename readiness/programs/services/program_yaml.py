"""YAML with line numbers and without its dangers: plain data only, from text that a person wrote by hand.

Refused by name and line: anchors and aliases (a few hundred bytes of them can describe gigabytes), tags, duplicate
keys, several documents, nesting deeper than any program needs, and files over 256 KiB. Numbers with a point become
Decimal, dates stay text, and only `true` and `false` are booleans: YAML 1.1's `no` and `on` are words here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,12}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}

Path = tuple[str | int, ...]


class Position(NamedTuple):
    """Line and column in the file, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a program file: where, what, and how to mend it."""

    line: int
    column: int
    path: str
    text: str
    mend: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.path}" if self.path else "")
        return f"{where}: {self.text}; {self.mend}"


class ProgramFileError(Exception):
    """The file is no program: `mistakes` in the order of their lines, `name` the file's."""

    def __init__(self, name: str, mistakes: Sequence[Mistake]) -> None:
        self.name = name
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(f"{name}, {mistake}" for mistake in self.mistakes))


@dataclass(frozen=True, slots=True)
class Source:
    """A file's data with the position of every value; `keys` holds the positions of mapping keys."""

    data: Any
    values: dict[Path, Position]
    keys: dict[Path, Position]

    def position(self, path: Path) -> Position:
        """Where `path` stands, or the nearest place above it (for something that is missing)."""
        for length in range(len(path), -1, -1):
            found = self.keys.get(path[:length]) or self.values.get(path[:length])
            if found:
                return found
        return Position(1, 1)

    def mistake(self, path: Path, text: str, mend: str) -> Mistake:
        return Mistake(*self.position(path), path_text(path), text, mend)


def path_text(path: Path) -> str:
    """`gates[4].waits_for[0]`, as people write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def yaml_read(*, name: str, raw: bytes) -> Source:
    """The file's data and positions. Raises ProgramFileError for everything that is not plain, safe YAML."""
    if len(raw) > MAX_BYTES:
        text = f"the file has {len(raw):,} bytes, more than the {MAX_BYTES:,} that a program may have"
        raise ProgramFileError(name, [Mistake(1, 1, "", text, "split it into programs, or cut long notes")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProgramFileError(
            name, [Mistake(line, 1, "", "this is not UTF-8 text", "save the file as UTF-8")]
        ) from None
    try:
        _check_events(name, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise ProgramFileError(name, [_syntax_mistake(error)]) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        mistake = Mistake(line, 1, "", "a control character stands here", "delete it; YAML allows none")
        raise ProgramFileError(name, [mistake]) from None
    if node is None:
        raise ProgramFileError(name, [Mistake(1, 1, "", "the file is empty", "write a program into it")])
    return _Reader(name).read(node)


def _syntax_mistake(error: yaml.MarkedYAMLError) -> Mistake:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    text = error.problem or "this is not YAML"
    return Mistake(line, column, "", f"YAML syntax: {text}", "check the indentation, quotes and colons at this place")


def _check_events(name: str, text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        problem = _danger(event, depth=depth, documents=documents)
        if problem:
            mark = event.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise ProgramFileError(name, [Mistake(line, column, "", *problem)])


def _danger(event: yaml.Event, *, depth: int, documents: int) -> tuple[str, str] | None:
    """What is wrong with an event and how to mend it; None when it is plain."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors and aliases are not allowed", "write the value out where it is used"
    if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
        return f"the tag {getattr(event, 'tag', '')} is not allowed", "write the plain value"
    if documents > 1:
        return "a second document starts here", "keep one program in a file"
    if depth > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH} levels", "a program needs no more than six"
    return None


class _Reader:
    """Turns YAML nodes into data, remembering where everything stood."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}
        self.mistakes: list[Mistake] = []

    def read(self, node: yaml.Node) -> Source:
        data = self._value(node, ())
        if self.mistakes:
            raise ProgramFileError(self.name, self.mistakes)
        return Source(data, self.values, self.keys)

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self.values[path] = _position(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*path, index)) for index, child in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, column = _position(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                text = "a key must be plain text"
                self.mistakes.append(Mistake(line, column, path_text(path), text, "check the brackets and colons here"))
                continue
            key = key_node.value
            here = (*path, key)
            if key in found:
                text = f'"{key}" stands here twice, first in line {self.keys[here].line}'
                self.mistakes.append(Mistake(line, column, path_text(here), text, "keep one of them"))
                continue
            self.keys[here] = Position(line, column)
            found[key] = self._value(value_node, here)
        return found


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: yaml.Node) -> Any:
    text: str = node.value
    if getattr(node, "style", None):  # quoted, literal or folded: it is text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text
