"""What a key may be allowed to do."""

import pytest

from readiness.infra.refusals import Invalid
from readiness.tenants.services.scopes import ALL_SCOPES, FOUNDER_SCOPES, TENANT_SCOPES, scopes_checked


def test_it_knows_the_scopes_of_the_interface() -> None:
    assert TENANT_SCOPES == ("errors:write", "decisions:write", "telemetry:write", "config:read")
    assert FOUNDER_SCOPES == ("evidence:write", "controls:write", "alerts:write", "ops:read", "faults:write")


def test_it_gives_each_scope_once_in_the_houses_order() -> None:
    assert scopes_checked(scopes=["ops:read", "errors:write", "ops:read"], by_founder=True) == [
        "errors:write",
        "ops:read",
    ]


@pytest.mark.parametrize("scope", FOUNDER_SCOPES)
def test_it_never_lets_onboarding_hand_out_a_founders_scope(scope: str) -> None:
    with pytest.raises(Invalid, match=scope):
        scopes_checked(scopes=["config:read", scope], by_founder=False)


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_it_lets_founders_hand_out_any(scope: str) -> None:
    assert scopes_checked(scopes=[scope], by_founder=True) == [scope]


@pytest.mark.parametrize("scopes", [[], ["errors:read"], ["errors:write", "*"]])
def test_it_refuses_none_and_unknown_ones_and_lists_what_there_is(scopes: list[str]) -> None:
    with pytest.raises(Invalid, match="errors:write, decisions:write") as refused:
        scopes_checked(scopes=scopes, by_founder=True)
    assert refused.value.errors[0].pointer == "/scopes"
