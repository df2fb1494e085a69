"""A program as a YAML file: read, checked against its schema and its own rules, and turned into a definition.

Every mistake is named by file, line, path and mend; up to twenty at once, so that a file is mended in one go.
"""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from readiness.programs.services.definition import ProgramDefinition
from readiness.programs.services.program_build import Example, definition_build, definition_data, example_build
from readiness.programs.services.program_rules import rule_mistakes
from readiness.programs.services.program_yaml import Mistake, ProgramFileError, Source, yaml_read

LIBRARY = Path(__file__).resolve().parent.parent / "library"
MAX_MISTAKES = 20
_KINDS = {
    "object": "a mapping of keys",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} character long",
    "maxLength": "at most {} characters long",
    "minItems": "at least {} entry long",
    "maxItems": "at most {} entries long",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFile:
    """A file that holds: the definition, and the example if there is one."""

    definition: ProgramDefinition
    example: Example | None


def program_read(*, name: str, raw: bytes) -> ProgramFile:
    """The program in a file's bytes. Raises ProgramFileError with every mistake that was found."""
    source = yaml_read(name=name, raw=raw)
    mistakes = list(_schema_mistakes(source)) or list(rule_mistakes(source))
    if mistakes:
        raise ProgramFileError(name, sorted(mistakes)[:MAX_MISTAKES])
    return ProgramFile(definition=definition_build(source.data), example=example_build(source.data))


def library_names() -> list[str]:
    """The programs that come with the console, by name."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def program_write(definition: ProgramDefinition) -> str:
    """The definition as YAML text that `program_read` reads back to an equal one."""
    return yaml.dump(
        definition_data(definition), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, indent=2
    )


class _Dumper(yaml.SafeDumper):
    """Dates stay text in quotes, Decimals keep their places."""


_Dumper.add_representer(Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", str(value)))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads((LIBRARY / "program.schema.json").read_text("utf-8")))


def _schema_mistakes(source: Source) -> Iterator[Mistake]:
    for error in _validator().iter_errors(source.data):
        yield from _explain(source, error)


def _explain(source: Source, error: ValidationError) -> Iterator[Mistake]:
    path = tuple(error.absolute_path)
    rules: Any = error.schema
    held: Any = error.instance
    wanted: Any = error.validator_value
    shown = _shown(held)
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(source, error)
        case "required":
            for key in sorted(set(wanted) - set(held)):
                if f"'{key}'" in error.message:
                    yield source.mistake(path, f'"{key}" is missing', f"add {key}: …")
        case "type":
            yield source.mistake(path, f"{shown} is not {_KINDS[wanted]}", f"write {_KINDS[wanted]} here")
        case "enum":
            yield source.mistake(path, f"{shown} is not known here", f"write one of {', '.join(map(str, wanted))}")
        case "pattern":
            yield source.mistake(path, f"{shown} does not fit", str(rules.get("x-mend", f"match {wanted}")))
        case "uniqueItems":
            yield source.mistake(path, "an entry stands here twice", "keep one of them")
        case _:
            limit = _LIMITS.get(str(error.validator), "valid: {}").format(wanted)
            yield source.mistake(path, f"{shown} is out of bounds", f"it must be {limit}")


def _unknown_keys(source: Source, error: ValidationError) -> Iterator[Mistake]:
    rules: Any = error.schema
    held: Any = error.instance
    known = sorted(rules["properties"])
    for key in held:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            mend = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known)}"
            yield source.mistake((*error.absolute_path, key), f'unknown key "{key}"', mend)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if len(str(value)) <= 60 else f'"{str(value)[:57]}…"'
