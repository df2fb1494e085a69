"""Releases in the order of their versions: the grammar, semver.org's own example, and an order that is one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.triage.services.versions import release_is_commit, release_order, release_version

pytestmark = pytest.mark.once

# https://semver.org/spec/v2.0.0.html#spec-item-11, the example of 11.4.4 and that of 11.2
SEMVER_EXAMPLE = [
    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
    "1.0.0", "2.0.0", "2.1.0", "2.1.1",
]  # fmt: skip


def test_it_orders_as_semver_does() -> None:
    for older, newer in itertools.combinations(SEMVER_EXAMPLE, 2):
        assert release_order(older, newer) == -1, (older, newer)
        assert release_order(f"shop@{newer}", f"shop@v{older}") == 1


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("v1.2.3", "1.2.3", 0),
        ("1.2", "1.2.0", 0),
        ("1.10.0", "1.9.0", 1),
        ("2026.11.2", "2026.9.30", 1),
        ("2026.11.02", "2026.11.2", 0),
        ("1.2.3.4", "1.2.3", 1),
        ("@acme/shop@1.2.3", "@acme/shop@1.2.4", -1),
        ("shop@1.2.3", "1.2.4", -1),  # typed by a person, without the name
        ("shop@1.2.3+7", "1.2.3", 0),
        ("shop@1.2.3+7", "shop@1.2.3+8", None),  # builds have no order
        ("shop@1.2.4+7", "shop@1.2.3+8", 1),
        ("shop@2.0.0", "till@1.0.0", None),
        ("shop@2.0.0", "Shop@1.0.0", None),
        ("3f2c1ab", "1.0.0", None),
        ("1234567", "1.0.0", None),  # a commit of digits alone
        ("2026-11-02", "2026-11-03", None),
        ("1.2.", "1.0.0", None),
        ("1.2.3-", "1.0.0", None),
        ("1.2.3 ", "1.0.0", None),
        ("1.2.3\n", "1.0.0", None),
        ("١.٢.٣", "1.0.0", None),
        ("", "1.0.0", None),
        ("9" * 19 + ".1", "1.0", None),
    ],
)
def test_it_orders_what_has_a_version_of_one_name(first: str, second: str, order: int | None) -> None:
    assert release_order(first, second) == order
    assert release_order(second, first) == (None if order is None else -order)


def test_it_knows_a_release_that_is_named_after_a_commit() -> None:
    commit = "3f2c1ab" + "0" * 33
    assert release_is_commit("shop@3f2c1ab", commit)
    assert release_is_commit(commit, "3F2C1AB")
    assert not release_is_commit("shop@3f2c1a", commit)
    assert not release_is_commit("shop@1.2.3", commit)
    assert not release_is_commit("shop@3f2c1ac", commit)


VERSIONS = st.from_regex(r"[0-3]\.[0-3](\.[0-3])?(-(a|1|b\.2|rc\.1))?", fullmatch=True)


@given(one=VERSIONS, other=VERSIONS, third=VERSIONS)
def test_it_is_a_total_order_of_what_it_orders(one: str, other: str, third: str) -> None:
    forth, back = release_order(one, other), release_order(other, one)
    assert forth is not None
    assert back is not None
    assert forth == -back
    follows = release_order(other, third)
    if follows is not None and forth <= 0 and follows <= 0:
        assert (release_order(one, third) or 0) <= 0


@given(text=st.text(max_size=60))
def test_it_takes_any_text(text: str) -> None:
    assert release_order(text, text) in (0, None)
    release_version(text)
