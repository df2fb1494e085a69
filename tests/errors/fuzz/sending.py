"""Strategies: JSON with values in it that JSON can say and programs choke on, templates with parts of them changed, and
bytes with pieces cut, doubled and flipped.
"""

import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def fuzz(examples: int) -> Callable[[Any], Any]:
    """The settings of one test: `examples` in the suite, the same each time; FUZZ_EXAMPLES new ones when asked for."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,  # a busy machine is no failure; what may take how long is asserted by the test itself
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink) if EXAMPLES else (Phase.explicit, Phase.generate),
    )


# --- JSON ---------------------------------------------------------------------------------------------------------

# Spelt in JSON what Python's values cannot say: `raw("1e999")` stands in the text as 1e999.
_RAW = re.compile(r'"@raw:([^"]*)@"')
DEPTHS = (40, 150, 300, 460, 700, 850, 900, 930, 950, 960, 970, 980, 990, 1_000, 1_100, 100_000)


def raw(token: str) -> str:
    return f"@raw:{token}@"


def deep(depth: int) -> str:
    """A placeholder for arrays in arrays."""
    return f"@deep:{depth}@"


def _spelt(match: re.Match[str]) -> str:
    return match[1]


def dumps(value: Any, *, plain: bool = True) -> bytes:
    """JSON as bytes, with what `raw` and `deep` stand for. Not `plain`: as it is, lone surrogates as broken UTF-8."""
    text = _RAW.sub(_spelt, json.dumps(value, ensure_ascii=plain))
    text = re.sub(r'"@deep:(\d+)@"', lambda match: "[" * int(match[1]) + "]" * int(match[1]), text)
    text = re.sub(r'"@pit:(\d+)@"', lambda match: '{"a":' * int(match[1]) + "1" + "}" * int(match[1]), text)
    return text.encode("utf-8", "surrogatepass")


odd_numbers = st.sampled_from(
    [0, -1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1.5, -0.0, 1e308, 5e-324, raw("1e999"),
     raw("-1e999"), raw("NaN"), raw("Infinity"), raw("1e-999"), raw("9" * 5_000), raw("1E+2"), raw("-0"), raw("01")]
)  # fmt: skip
odd_texts = st.sampled_from(
    ["", " ", "\x00", "a\x00b", "\ud800", "x\udfff",
     "\ufeff", "\u202e", "\r\n", "\u2028", "ÿ", "😀" * 50, "null", "a" * 300,
     "x" * 20_000, "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "{{ default }}", "%s%n", "err_" + "0" * 32, "L4",
     "0" * 32, "0" * 31, "password=hunter2",
     "-----BEGIN PRIVATE KEY-----", "http://[broken", "//a@b:c@d/", "../../etc",
     "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30", "²", "1e999", "-1", "None",
     "Africa/../UTC"]
)  # fmt: skip
leaves = st.one_of(
    st.none(),
    st.booleans(),
    odd_numbers,
    odd_texts,
    st.text(st.characters(), max_size=12),
    st.sampled_from(DEPTHS).map(deep),
    st.sampled_from(DEPTHS).map(lambda depth: f"@pit:{depth}@"),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts | st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_OPERATIONS = ("replace", "replace", "replace", "delete", "wrap", "key", "double", "many", "insert")


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from _paths(item, (*at, name))


def _change(root: Any, where: int, operation: str, value: Any) -> None:
    paths = list(_paths(root))
    if not paths:
        return
    *way, last = paths[where % len(paths)]
    place = root
    for step in way:
        place = place[step]
    if operation == "replace":
        place[last] = value
    elif operation == "delete":
        del place[last]
    elif operation == "wrap":
        place[last] = [place[last]]
    elif operation == "key":
        place[last] = {"values": place[last]}
    elif operation == "double":
        place[last] = [place[last], copy.deepcopy(place[last])]
    elif operation == "many":
        place[last] = [place[last]] * 40
    elif isinstance(place, dict):
        place[value if isinstance(value, str) else "unknown"] = place[last]
    else:
        place.insert(last, value)


@st.composite
def changed(draw: st.DrawFn, *templates: Any, most: int = 4) -> Any:
    """One of the templates with some of its parts replaced, left out, wrapped or repeated."""
    root = {"root": copy.deepcopy(draw(st.sampled_from(templates)))}
    for _ in range(draw(st.integers(0, most))):
        _change(root, draw(st.integers(0, 500)), draw(st.sampled_from(_OPERATIONS)), draw(values))
    return root.get("root")


# --- bytes --------------------------------------------------------------------------------------------------------


@st.composite
def damaged(draw: st.DrawFn, body: bytes, *, most: int = 3) -> bytes:
    """The bytes with pieces cut out, doubled, flipped or put in."""
    data = bytearray(body)
    for _ in range(draw(st.integers(0, most))):
        at, size = draw(st.integers(0, max(len(data), 1))), draw(st.integers(1, 40))
        match draw(st.sampled_from(["cut", "double", "flip", "put", "end"])):
            case "cut":
                del data[at : at + size]
            case "double":
                data[at:at] = data[at : at + size]
            case "flip" if at < len(data):
                data[at] ^= 1 << (size % 8)
            case "put":
                data[at:at] = draw(
                    st.sampled_from([b"\n", b"\r\n", b"\x00", b"\xff\xfe", b"{}", b"{}\n", b"]", b'"', b"\x80" * 9])
                )
            case "end":
                del data[at:]
    return bytes(data)


# --- headers ------------------------------------------------------------------------------------------------------

header_texts = st.one_of(
    st.sampled_from(["", " ", "gzip, gzip", "ünï", "\xff\xfe", "a" * 9_000, "x" * 70_000, ",", "=", ";;",
                     "Sentry", "Basic !!",
                     "Basic " + "A" * 400, "Bearer ", "null", "\t", "sentry_key=", "Sentry sentry_key=" + "0" * 31]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)  # fmt: skip
_TRACE, _SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
headers = st.fixed_dictionaries(
    {},
    optional={
        "traceparent": st.sampled_from([f"00-{_TRACE}-{_SPAN}-01", f"00-{'0' * 32}-{_SPAN}-01", "ff-x"]) | header_texts,
        "sentry-trace": st.sampled_from([f"{_TRACE}-{_SPAN}-1", f"{_TRACE}-{_SPAN}", "0-0-0"]) | header_texts,
        "baggage": header_texts,
        "Content-Encoding": st.sampled_from(["", "UTF-8", "gzip", "br", "zstd", "deflate", "gzip,br", "GZIP"])
        | header_texts,
        "Idempotency-Key": header_texts,
        "User-Agent": header_texts,
        "Origin": header_texts,
        "Accept": header_texts,
        "Host": st.sampled_from(["testserver", "", "a b", "[::1", "x" * 300]),
        "X-Forwarded-For": header_texts,
    },
)  # fmt: skip
