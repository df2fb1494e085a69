"""What a role may do."""

import pytest

from readiness.tenants.models import User

EVERYTHING = ["tenants.view_user", "tenants.change_user", "flags.add_flag", "flags.change_flag", "flags.delete_flag"]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("founder", EVERYTHING),
        ("engineer", ["tenants.view_user", "flags.add_flag", "flags.change_flag"]),
        ("viewer", ["tenants.view_user"]),
        ("intruder", []),
    ],
)
def test_it_follows_from_the_role_alone(role: str, allowed: list[str]) -> None:
    user = User(email="a@b.test", role=role)
    assert [perm for perm in EVERYTHING if user.has_perm(perm)] == allowed
    assert user.has_perms(allowed)
    assert user.is_superuser == (role == "founder")


@pytest.mark.parametrize("role", ["founder", "engineer", "viewer"])
def test_it_lets_everybody_active_into_the_admin_and_nobody_else(role: str) -> None:
    user = User(email="a@b.test", role=role)
    assert user.is_staff
    assert user.has_module_perms("flags")
    user.is_active = False
    assert not user.is_staff
    assert not user.has_module_perms("flags")
    assert not any(user.has_perm(perm) for perm in EVERYTHING)
    assert not user.is_superuser
