"""What a flag may hold: five types that do not melt into each other, and messages that name the mend."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.services.values import (
    MAX_SAFE_INTEGER,
    FlagType,
    JsonValue,
    environment_check,
    key_check,
    range_check,
    value_check,
    value_parse,
    value_public,
    value_text,
)
from readiness.infra.refusals import Invalid

SAMPLES: dict[FlagType, JsonValue] = {
    FlagType.BOOLEAN: True,
    FlagType.INTEGER: 900,
    FlagType.STRING: "blue",
    FlagType.NUMBER: "0.25",
    FlagType.OBJECT: {"limit": 3, "on": [True, None]},
}
# Text without what PostgreSQL cannot store (NUL, lone surrogates).
storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | storable_text,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(storable_text, below, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("type", FlagType)
@pytest.mark.parametrize("other", FlagType)
def test_it_keeps_the_types_apart(type: FlagType, other: FlagType) -> None:
    value = SAMPLES[other]
    text_spells_a_number = type is FlagType.NUMBER and other is FlagType.INTEGER
    number_is_kept_as_text = type is FlagType.STRING and other is FlagType.NUMBER
    if type is other or text_spells_a_number or number_is_kept_as_text:
        value_check(type=type, value=value)
        return
    with pytest.raises(Invalid) as refused:
        value_check(type=type, value=value)
    assert refused.value.errors[0].pointer == "/value"


def test_it_takes_no_boolean_for_an_integer() -> None:
    with pytest.raises(Invalid, match="whole number, not a boolean"):
        value_check(type=FlagType.INTEGER, value=True)
    with pytest.raises(Invalid, match="true or false, not an integer"):
        value_check(type=FlagType.BOOLEAN, value=1)


@pytest.mark.parametrize("type", [FlagType.INTEGER, FlagType.NUMBER])
def test_it_holds_the_range_with_both_ends_included(type: FlagType) -> None:
    least, most = Decimal(1), Decimal(86400)
    for inside in (1, 86_400):
        value_check(type=type, value=inside, minimum=least, maximum=most)
    with pytest.raises(Invalid, match="The least allowed is 1; 0 is below it"):
        value_check(type=type, value=0, minimum=least, maximum=most)
    with pytest.raises(Invalid, match="The most allowed is 86400; 86401 is above it"):
        value_check(type=type, value=86_401, minimum=least, maximum=most)


@pytest.mark.parametrize(
    "bad", ["NaN", "Infinity", "1e999999", "-1e-999999", "0." + "1" * 40, "nine", "", True, None, [], "9" * 70]
)
def test_it_refuses_numbers_that_no_client_reads_back(bad: JsonValue) -> None:
    with pytest.raises(Invalid):
        value_check(type=FlagType.NUMBER, value=bad)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**8), max_value=10**8, places=6))
def test_it_keeps_every_digit_of_a_number_and_shows_a_point(number: Decimal) -> None:
    stored = value_check(type=FlagType.NUMBER, value=str(number))
    assert isinstance(stored, str)
    assert Decimal(stored) == number
    assert "." in stored
    assert "E" not in stored
    assert not stored.startswith("-0.000000")
    assert value_public(type=FlagType.NUMBER, value=stored) == number
    assert value_check(type=FlagType.NUMBER, value=stored) == stored


@given(st.integers())
def test_it_takes_the_integers_that_a_browser_reads_exactly(value: int) -> None:
    if abs(value) <= MAX_SAFE_INTEGER:
        assert value_check(type=FlagType.INTEGER, value=value) == value
    else:
        with pytest.raises(Invalid, match="browsers"):
            value_check(type=FlagType.INTEGER, value=value)


@given(storable_text)
def test_it_stores_text_as_it_stands(text: str) -> None:
    assert value_check(type=FlagType.STRING, value=text) == text


@pytest.mark.parametrize("text", ["a\x00b", "\ud83d", "x" * 4_001])
def test_it_refuses_text_that_no_database_stores(text: str) -> None:
    for type, value in ((FlagType.STRING, text), (FlagType.OBJECT, {"k": text * 5}), (FlagType.OBJECT, {text * 5: 1})):
        with pytest.raises(Invalid):
            value_check(type=type, value=value)  # type: ignore[arg-type]  # dict is invariant in its values


@given(st.dictionaries(storable_text, json_values, max_size=4))
def test_it_stores_objects_as_they_stand(value: dict[str, JsonValue]) -> None:
    assert value_check(type=FlagType.OBJECT, value=value) == value


def test_it_refuses_bottomless_and_huge_objects() -> None:
    nested: JsonValue = {}
    for _ in range(50_000):
        nested = {"a": nested}
    with pytest.raises(Invalid, match="levels deep"):
        value_check(type=FlagType.OBJECT, value=nested)
    with pytest.raises(Invalid, match="bytes"):
        value_check(type=FlagType.OBJECT, value={"a": ["x" * 1_000] * 20})
    with pytest.raises(Invalid):
        value_check(type=FlagType.OBJECT, value={"a": float("nan")})
    while isinstance(nested, dict) and nested:  # taken apart by hand: freeing it at once recurses in C
        nested = nested.popitem()[1]


@given(st.sampled_from(FlagType), st.data())
def test_it_reads_back_what_it_shows(type: FlagType, data: st.DataObject) -> None:
    values: dict[FlagType, st.SearchStrategy[JsonValue]] = {
        FlagType.BOOLEAN: st.booleans(),
        FlagType.INTEGER: st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),
        FlagType.STRING: storable_text,
        FlagType.NUMBER: st.sampled_from(["0.0", "1.5", "-12.25", "100.0"]),
        FlagType.OBJECT: st.dictionaries(storable_text, json_values, max_size=3),
    }
    value = value_check(type=type, value=data.draw(values[type]))
    shown = value_text(type=type, value=value)
    again = value_check(type=type, value=value_parse(type=type, text=shown))
    assert json.dumps(again) == json.dumps(value)


@given(st.sampled_from(FlagType), st.text(max_size=30))
def test_it_answers_any_text_with_a_value_or_a_refusal(type: FlagType, text: str) -> None:
    try:
        value = value_check(type=type, value=value_parse(type=type, text=text))
    except Invalid as refused:
        assert refused.errors  # noqa: PT017  the point is that nothing but Invalid comes out
    else:
        assert value is not None


@pytest.mark.parametrize(
    ("type", "text"),
    [
        (FlagType.BOOLEAN, "yes"),
        (FlagType.INTEGER, "1.0"),
        (FlagType.INTEGER, "٣"),
        (FlagType.INTEGER, "1_000"),
        (FlagType.OBJECT, "{"),
        (FlagType.OBJECT, '{"a": NaN}'),
        (FlagType.OBJECT, "[" * 100_000),
    ],
)
def test_it_does_not_guess_what_a_person_meant(type: FlagType, text: str) -> None:
    with pytest.raises(Invalid):
        value_parse(type=type, text=text)


@pytest.mark.parametrize("key", ["syncEnabled", "a", "billing.v2-beta_1", "k" * 100])
def test_it_takes_keys_that_need_no_url_encoding(key: str) -> None:
    assert key_check(key=key) == key


@pytest.mark.parametrize("key", ["", "1st", "a b", "a/b", "é", "a\n", "__proto__", "k" * 101, "a%20"])
def test_it_refuses_other_keys(key: str) -> None:
    with pytest.raises(Invalid) as refused:
        key_check(key=key)
    assert refused.value.errors[0].pointer == "/key"


@pytest.mark.parametrize("environment", ["", "a b", "-x", "e" * 65, "staging\n", "a/b"])
def test_it_refuses_odd_environments(environment: str) -> None:
    with pytest.raises(Invalid):
        environment_check(environment=environment)
    assert environment_check(environment="Staging-2") == "Staging-2"


@pytest.mark.parametrize(
    ("type", "minimum", "maximum"),
    [
        (FlagType.STRING, Decimal(1), None),
        (FlagType.BOOLEAN, None, Decimal(1)),
        (FlagType.INTEGER, Decimal(2), Decimal(1)),
        (FlagType.NUMBER, Decimal("NaN"), None),
        (FlagType.NUMBER, None, Decimal("Infinity")),
        (FlagType.NUMBER, Decimal("1e30"), None),
        (FlagType.NUMBER, Decimal("1e-30"), None),
    ],
)
def test_it_refuses_ranges_that_hold_nothing_or_mean_nothing(
    type: FlagType, minimum: Decimal | None, maximum: Decimal | None
) -> None:
    with pytest.raises(Invalid):
        range_check(type=type, minimum=minimum, maximum=maximum)
    range_check(type=FlagType.INTEGER, minimum=Decimal(1), maximum=Decimal(1))
