"""What tenants, keys and environments may be called."""

import pytest

from readiness.infra.refusals import Invalid
from readiness.tenants.services.slugs import environment_checked, label_checked, name_checked, slug_checked


@pytest.mark.parametrize("slug", ["a", "7", "demo", "acme-eu", "a" * 63])
def test_it_takes_dns_labels(slug: str) -> None:
    assert slug_checked(slug=slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "a-", "Acme", "a_b", "a b", "ä", "a/b", "a" * 64, "a\n"])
def test_it_refuses_what_is_no_dns_label_and_says_what_is(slug: str) -> None:
    with pytest.raises(Invalid, match="lower-case letters, digits and hyphens"):
        slug_checked(slug=slug)


def test_it_trims_a_name_and_refuses_an_empty_long_or_unprintable_one() -> None:
    assert name_checked(name="  Acme   Ltd ") == "Acme Ltd"
    for name in ("", "   ", "x" * 121, "a\x00b", "a\u202eb"):
        with pytest.raises(Invalid):
            name_checked(name=name)


def test_it_leaves_a_label_empty() -> None:
    assert label_checked(label="  ") == ""
    assert label_checked(label=" web ") == "web"


def test_it_takes_environments_as_teams_name_them() -> None:
    assert environment_checked(environment="eu-west.2_blue") == "eu-west.2_blue"
    for environment in ("", "a b", ".", "x" * 65):
        with pytest.raises(Invalid, match="production"):
            environment_checked(environment=environment)
