"""How a key is made, hashed, and read from a request."""

import pytest

from readiness.infra.refusals import Unauthenticated
from readiness.tenants.services.keys import KEY, dsn_public_key_make, key_from_headers, key_hash, key_make

ONE, OTHER = "rk_" + "a" * 43, "rk_" + "b" * 43


def test_it_makes_keys_of_256_random_bits_and_stores_neither_them_nor_a_bare_hash() -> None:
    made = key_make(secret="s")
    assert KEY.fullmatch(made.key)
    assert made.key.startswith(made.prefix)
    assert len(made.prefix) <= 12
    assert made.hash == key_hash(key=made.key, secret="s") != key_hash(key=made.key, secret="t")
    assert made.key not in repr(made)
    assert key_make(secret="s").key != made.key


def test_it_makes_dsn_keys_of_32_hex() -> None:
    assert len(bytes.fromhex(dsn_public_key_make())) == 16


@pytest.mark.parametrize(
    ("authorization", "api_key"),
    [
        (f"Bearer {ONE}", None),
        (f"bearer   {ONE} ", None),
        (None, ONE),
        (None, f" {ONE} "),
        (f"Bearer {ONE}", ONE),
        ("Basic dXNlcjpwYXNz", ONE),  # the proxy's
        ("", ONE),
    ],
)
def test_it_reads_the_key_from_either_header(authorization: str | None, api_key: str | None) -> None:
    assert key_from_headers(authorization=authorization, api_key=api_key) == ONE


@pytest.mark.parametrize(("authorization", "api_key"), [(None, None), ("", ""), ("  ", None)])
def test_it_finds_no_key_where_there_is_none(authorization: str | None, api_key: str | None) -> None:
    assert key_from_headers(authorization=authorization, api_key=api_key) is None


def test_it_refuses_two_keys_that_disagree() -> None:
    with pytest.raises(Unauthenticated, match="different keys") as refused:
        key_from_headers(authorization=f"Bearer {ONE}", api_key=OTHER)
    assert refused.value.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("authorization", "api_key"),
    [
        ("Basic dXNlcjpwYXNz", None),
        ("Bearer", None),
        (ONE, None),
        (None, ONE[:-1]),
        (None, "sk_" + "a" * 43),
        (None, "\x00"),
    ],
)
def test_it_refuses_what_cannot_be_a_key_of_ours(authorization: str | None, api_key: str | None) -> None:
    with pytest.raises(Unauthenticated) as refused:
        key_from_headers(authorization=authorization, api_key=api_key)
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")
