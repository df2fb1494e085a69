"""What a flag is called and what it may hold: five types, checked with messages that name the mend."""

import json
import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeAlias

from readiness.infra.refusals import FieldError, Invalid

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None

# OpenFeature clients put keys into URLs without encoding them, so only characters that need none are allowed.
KEY_PATTERN = r"[A-Za-z][A-Za-z0-9._-]{0,99}"
ENVIRONMENT_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
PRODUCTION = "production"

MAX_SAFE_INTEGER = 2**53 - 1  # what JavaScript clients still read exactly (RFC 8259, section 6)
MAX_STRING = 4_000
MAX_OBJECT_BYTES = 16_384
MAX_OBJECT_DEPTH = 12
MAX_NUMBER_DIGITS = 15  # what a binary64 reader gets back digit for digit

_KEY = re.compile(KEY_PATTERN)
_ENVIRONMENT = re.compile(ENVIRONMENT_PATTERN)
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
# PostgreSQL's jsonb stores neither NUL nor half of a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class FlagType(StrEnum):
    """A flag's type never changes after its definition: clients read it by type."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    STRING = "string"
    NUMBER = "number"
    OBJECT = "object"


def key_check(*, key: str) -> str:
    """The key itself. Raises Invalid when a client could not put it into a URL as it stands."""
    if not _KEY.fullmatch(key):
        raise _invalid(
            "/key", "A key starts with a letter and has at most 100 of: letters, digits, dot, dash, underscore."
        )
    return key


def environment_check(*, environment: str) -> str:
    """The environment's name itself. Raises Invalid when it is empty, over 64 characters or has odd ones."""
    if not _ENVIRONMENT.fullmatch(environment):
        raise _invalid(
            "/environment", "An environment has 1 to 64 of: letters, digits, dot, dash, underscore; try `production`."
        )
    return environment


def value_parse(*, type: FlagType, text: str, pointer: str = "/value") -> JsonValue:
    """A person's text as the value it spells; ranges are `value_check`'s. Raises Invalid with the mend."""
    stripped = text.strip()
    match type:
        case FlagType.STRING:
            return text
        case FlagType.BOOLEAN:
            if stripped.lower() in ("true", "false"):
                return stripped.lower() == "true"
            raise _invalid(pointer, "A boolean is `true` or `false`.")
        case FlagType.INTEGER:
            if not _INTEGER.fullmatch(stripped):
                raise _invalid(pointer, "An integer is digits with an optional sign, such as `900`.")
            return int(stripped)
        case FlagType.NUMBER:
            return stripped
        case FlagType.OBJECT:
            try:
                parsed: JsonValue = json.loads(stripped, parse_constant=_refuse_constant)
            except (ValueError, RecursionError) as error:
                raise _invalid(pointer, f'An object is JSON such as {{"limit": 3}}; this is not: {error}.') from error
            return parsed


def value_check(
    *,
    type: FlagType,
    value: JsonValue,
    minimum: Decimal | None = None,
    maximum: Decimal | None = None,
    pointer: str = "/value",
) -> JsonValue:
    """The value in its stored form (a number becomes a decimal string, so that 0.1 stays 0.1). Raises Invalid.

    `minimum` and `maximum` are inclusive and only for integers and numbers. A boolean is not an integer.
    """
    match type:
        case FlagType.BOOLEAN:
            if not isinstance(value, bool):
                raise _invalid(pointer, f"A boolean flag takes true or false, not {_kind(value)}.")
            return value
        case FlagType.INTEGER:
            if not isinstance(value, int) or isinstance(value, bool):
                raise _invalid(pointer, f"An integer flag takes a whole number, not {_kind(value)}.")
            if abs(value) > MAX_SAFE_INTEGER:
                raise _invalid(pointer, f"Keep it within ±{MAX_SAFE_INTEGER}: browsers read no larger integer exactly.")
            _range_check(Decimal(value), minimum, maximum, pointer)
            return value
        case FlagType.STRING:
            return _string_check(value, pointer)
        case FlagType.NUMBER:
            number = _number_check(value, pointer)
            _range_check(number, minimum, maximum, pointer)
            return _number_text(number)
        case FlagType.OBJECT:
            return _object_check(value, pointer)


def range_check(*, type: FlagType, minimum: Decimal | None, maximum: Decimal | None) -> None:
    """Raises Invalid for a range on a type without order, an infinite bound, or a range that holds nothing."""
    bounds = [bound for bound in (minimum, maximum) if bound is not None]
    if bounds and type not in (FlagType.INTEGER, FlagType.NUMBER):
        raise _invalid("/minimum", "Only integers and numbers have a range; leave minimum and maximum empty.")
    if not all(bound.is_finite() and abs(bound) < 10**16 and bound == round(bound, 8) for bound in bounds):
        raise _invalid("/minimum", "A bound has at most 16 digits before the point and 8 after; empty means none.")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise _invalid("/minimum", "The minimum is above the maximum, so no value would fit; swap them.")


def text_check(*, text: str, pointer: str, longest: int) -> str:
    """Free text, stripped. Raises Invalid when it is too long or holds what no database stores."""
    text = text.strip()
    if len(text) > longest:
        raise _invalid(pointer, f"Keep it within {longest} characters; it has {len(text)}.")
    if _UNSTORABLE.search(text):
        raise _invalid(pointer, "It holds a NUL or half of a surrogate pair; take that character out.")
    return text


def value_text(*, type: FlagType, value: JsonValue, indent: int | None = None) -> str:
    """The stored value as a person reads and edits it: the inverse of `value_parse`. `indent` spreads an object out."""
    if type in (FlagType.STRING, FlagType.NUMBER) and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=indent)


def range_text(*, minimum: Decimal | None, maximum: Decimal | None) -> str:
    """The range in words, empty without one."""
    ends = [("at least", minimum), ("at most", maximum)]
    return ", ".join(f"{words} {_plain(bound)}" for words, bound in ends if bound is not None)


def value_public(*, type: FlagType, value: JsonValue) -> JsonValue | Decimal:
    """The stored value as a client gets it: a number as a JSON number (OpenFeature reads `1.0`, never `1`)."""
    if type is FlagType.NUMBER and isinstance(value, str):
        return Decimal(value)
    return value


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(pointer, detail)])


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "nothing")


def _string_check(value: JsonValue, pointer: str) -> str:
    if not isinstance(value, str):
        raise _invalid(pointer, f"A string flag takes text, not {_kind(value)}.")
    if len(value) > MAX_STRING:
        raise _invalid(pointer, f"Keep it within {MAX_STRING} characters; it has {len(value)}.")
    if _UNSTORABLE.search(value):
        raise _invalid(pointer, "It holds a NUL or half of a surrogate pair; take that character out.")
    return value


def _number_check(value: JsonValue, pointer: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _invalid(pointer, f"A number flag takes a decimal number, not {_kind(value)}.")
    try:
        number = Decimal(str(value)) if len(str(value)) <= 64 else Decimal("NaN")
    except InvalidOperation:
        raise _invalid(pointer, "A number is written in decimals, such as `0.25`.") from None
    # adjusted() bounds the exponent before anything is formatted: 1E999999 would be a million digits.
    sizes = (abs(number.adjusted()), len(number.as_tuple().digits)) if number.is_finite() else (MAX_NUMBER_DIGITS + 1,)
    if max(sizes) > MAX_NUMBER_DIGITS:
        raise _invalid(pointer, f"A number is finite and has at most {MAX_NUMBER_DIGITS} digits, such as `0.25`.")
    return number


def _number_text(number: Decimal) -> str:
    text = format(number or abs(number), "f")  # no minus zero
    return text if "." in text else f"{text}.0"


def _range_check(number: Decimal, minimum: Decimal | None, maximum: Decimal | None, pointer: str) -> None:
    if minimum is not None and number < minimum:
        raise _invalid(pointer, f"The least allowed is {_plain(minimum)}; {_plain(number)} is below it.")
    if maximum is not None and number > maximum:
        raise _invalid(pointer, f"The most allowed is {_plain(maximum)}; {_plain(number)} is above it.")


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _object_check(value: JsonValue, pointer: str) -> JsonValue:
    if not isinstance(value, dict):
        raise _invalid(pointer, f"An object flag takes a JSON object, not {_kind(value)}.")
    if _depth(value) > MAX_OBJECT_DEPTH:
        raise _invalid(pointer, f"Nest at most {MAX_OBJECT_DEPTH} levels deep.")
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise _invalid(pointer, f"This is not JSON: {error}.") from error
    if len(encoded.encode(errors="surrogatepass")) > MAX_OBJECT_BYTES:
        raise _invalid(pointer, f"Keep it within {MAX_OBJECT_BYTES} bytes of JSON.")
    if _UNSTORABLE.search(encoded) or "\\u0000" in encoded:
        raise _invalid(pointer, "It holds a NUL or half of a surrogate pair; take that character out.")
    return value


def _depth(value: JsonValue) -> int:
    """Levels of nesting, counted without recursion: the input may be hostile."""
    deepest, level = 0, [value]
    while level and deepest <= MAX_OBJECT_DEPTH:
        below: list[JsonValue] = []
        for item in level:
            below += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
        level, deepest = below, deepest + 1
    return deepest
