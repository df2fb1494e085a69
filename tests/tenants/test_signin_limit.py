"""How many wrong passwords are too many, and from where they come."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.infra.refusals import RateLimited
from readiness.tenants.services.signin import (
    PER_EMAIL_AND_SOURCE,
    PER_SOURCE,
    WINDOW,
    Failure,
    email_hash,
    signin_permitted,
    signin_source,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def failures(count: int, *, who: str = "me", first: timedelta = timedelta(minutes=10)) -> list[Failure]:
    return [Failure(who, NOW - first + timedelta(seconds=number)) for number in range(count)]


def test_it_permits_four_wrong_passwords_and_refuses_after_the_fifth() -> None:
    signin_permitted(email_hash="me", failures=failures(4), last_success=None, now=NOW)
    with pytest.raises(RateLimited, match="Try again in 5 minutes") as refused:
        signin_permitted(email_hash="me", failures=failures(5), last_success=None, now=NOW)
    assert refused.value.headers["Retry-After"] == "300"


def test_it_permits_again_when_the_message_said() -> None:
    signin_permitted(email_hash="me", failures=failures(5), last_success=None, now=NOW + timedelta(seconds=300))


def test_it_counts_from_the_last_success() -> None:
    signin_permitted(email_hash="me", failures=failures(5), last_success=NOW - timedelta(minutes=1), now=NOW)


def test_it_lets_others_in_from_the_same_source_until_fifty_have_failed() -> None:
    signin_permitted(email_hash="you", failures=failures(49), last_success=None, now=NOW)
    with pytest.raises(RateLimited):
        signin_permitted(email_hash="you", failures=failures(50), last_success=NOW, now=NOW)


@given(st.lists(st.tuples(st.sampled_from(["me", "you"]), st.integers(0, 1800)), max_size=80))
def test_it_refuses_exactly_while_the_window_holds_too_many(rows: list[tuple[str, int]]) -> None:
    seen = [Failure(who, NOW - timedelta(seconds=seconds)) for who, seconds in rows]
    inside = [who for who, seconds in rows if timedelta(seconds=seconds) < WINDOW]
    too_many = inside.count("me") >= PER_EMAIL_AND_SOURCE or len(inside) >= PER_SOURCE
    try:
        signin_permitted(email_hash="me", failures=seen, last_success=None, now=NOW)
        refused = None
    except RateLimited as limit:
        refused = limit
    assert (refused is not None) == too_many
    if refused:
        later = NOW + timedelta(seconds=int(refused.headers["Retry-After"]))
        signin_permitted(email_hash="me", failures=seen, last_success=None, now=later)


def test_it_hashes_an_email_whatever_its_capitals_and_never_bare() -> None:
    assert email_hash(email=" Ada@Example.test", secret="s") == email_hash(email="ada@example.test", secret="s")
    assert email_hash(email="a@b.test", secret="s") != email_hash(email="a@b.test", secret="t")


PROXY = (ip_network("10.0.0.0/8"), ip_network("::1"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "source"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # whoever is no proxy of ours is not believed
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.2.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "unknown"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::"),
        ("", "", "unknown"),
    ],
)
def test_it_finds_the_source_behind_the_proxies_it_trusts(remote: str, forwarded: str, source: str) -> None:
    assert signin_source(remote=remote, forwarded_for=forwarded, proxies=PROXY) == source
