"""Whatever is generated: nothing secret is left, nothing harmless is touched, and the quick look misses nothing."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from readiness.infra.redaction import FILTERED, is_suspect, scrub, text_scrub, value_scrub
from readiness.infra.redaction.numbers import luhn
from readiness.infra.redaction.patterns import ENCODED_QUICK, TEXT, TEXT_QUICK

_PIECES = [
    "password", "Secret", "token", "api_key", "auth", "author", "otp", "cookie", "Authorization", "bearer",
    "basic", "pwd", "is", "--token", "=", ":", "=>", "://", "//", "@", "%40", ".", "example.com", "4111", "1111",
    "-1111", "078-05-1120", "203.0.113.7", "2001:db8::1", "DE89", "3704", "/home/", "C:\\Users\\", "-----BEGIN",
    "KEY-----", "eyJhbGciOiJIUzI1", "'", '"', "\\", "(", ")", "[", "]", "{", "}", "<", ">", "é", "日本", "a", "Z",
    "0", "7", "[Filtered]", "?key=", "&sig=", "AKIA", "hunter2", "1111111111111111", "ſ", "K",
]  # fmt: skip
_WORDS = st.sampled_from([*_PIECES, " ", "\n", "\t", "\x00", "\x1f"])
TEXTS = st.lists(_WORDS | st.text(max_size=6), max_size=14).map("".join)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SAFE = st.text(alphabet=" .,;\n\té日", max_size=8)


def _card(prefix: str, digits: str) -> str:
    body = prefix + digits
    return next(body + str(last) for last in range(10) if luhn(body + str(last)))


def _some(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet=alphabet, min_size=least, max_size=most)


_NAMED = st.sampled_from(["password=", "token: ", "api_key='", '"secret": "', "Bearer "])
SECRETS = st.one_of(
    st.builds("{}{}".format, _NAMED, _some(_LETTERS + "0123456789", 8, 30)),
    st.builds("https://joe:{}@host/".format, _some(_LETTERS + "0123456789!$", 8, 20)),
    st.builds("{}@{}.com".format, _some(_LETTERS, 8, 12), _some(_LETTERS, 2, 8)),
    st.builds(_card, st.sampled_from(["4", "51", "37", "6011"]), _some("0123456789", 11, 11)),
    st.from_regex(r"\A[0-9]{3}-[0-9]{2}-[0-9]{4}\Z"),
    st.from_regex(r"\A203\.0\.113\.[1-9]\Z"),
)


@given(TEXTS)
def test_scrubbing_twice_changes_nothing_more_and_never_grows_much(text: str) -> None:
    once = text_scrub(text)
    assert text_scrub(once) == once
    assert len(once) <= 6 * len(text) + len(FILTERED)


@given(TEXTS)
def test_a_text_that_no_rule_matches_stays_as_it_is(text: str) -> None:
    if not TEXT.search(text.encode("utf-8", "replace")):
        assert text_scrub(text) == text


@given(TEXTS)
def test_the_quick_look_misses_nothing_of_a_text(text: str) -> None:
    data = text.encode("utf-8", "replace")
    if TEXT.search(data):
        assert TEXT_QUICK.search(data)
        assert ENCODED_QUICK.search(msgspec.json.encode([data.decode()]))
        assert ENCODED_QUICK.search(msgspec.json.encode({"a": data.decode()}))


@given(VALUES)
def test_the_quick_look_misses_nothing_of_a_value(value: Any) -> None:
    encoded = msgspec.json.encode(value)
    if value_scrub(value) != value:
        assert is_suspect(encoded)
        assert is_suspect(json.dumps(value).encode())


@given(VALUES)
def test_it_keeps_the_shape_of_anything(value: Any) -> None:
    scrubbed = scrub(value)
    assert type(scrubbed) is type(value) or scrubbed == FILTERED
    assert scrub(scrubbed) == scrubbed
    assert scrub(value) is value or scrubbed == value_scrub(value)


@given(_SAFE, SECRETS, _SAFE)
def test_every_secret_goes_whatever_surrounds_it(before: str, secret: str, after: str) -> None:
    bare = secret.rsplit(":", 1)[-1].split("=", 1)[-1].split("@", 1)[0].strip(" '\"/").removeprefix("Bearer ")
    assert bare not in text_scrub(before + secret + after)
    assert bare not in json.dumps(scrub({"a": [before + secret + after]}), ensure_ascii=False)


@given(st.text(), VALUES)
def test_it_never_raises(text: str, value: Any) -> None:
    text_scrub(text)
    scrub({text.encode("utf-8", "replace").decode(): value})
