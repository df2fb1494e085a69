"""Who joins, what they may do, and the first founder."""

from typing import Any

import pytest

from readiness.infra.refusals import Conflict, Invalid, NotFound
from readiness.tenants.models import User
from readiness.tenants.workflows import founder_ensure, password_set, person_add, person_change
from tests.factories import ANYBODY, PASSWORD, a_founder, a_viewer, an_engineer

pytestmark = pytest.mark.django_db


def add(**values: str) -> User:
    return person_add(
        **{"email": "new@example.test", "name": "", "role": "viewer", "password": PASSWORD, **values}, actor=ANYBODY
    )


def change(person: User, **values: Any) -> None:
    now: dict[str, Any] = {
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "is_active": person.is_active,
    }
    person_change(user_id=person.pk, **{**now, **values}, actor=ANYBODY)


def test_it_adds_a_person() -> None:
    person = add(email="New@Example.test", name=" Ada  L ", role="engineer")
    assert (person.email, person.name, person.role) == ("new@example.test", "Ada L", "engineer")
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": "a" * 250 + "@b.test"}, "/email"),
        ({"role": "emperor"}, "/role"),
        ({"password": "short"}, "/password"),
        ({"name": "x" * 121}, "/name"),
    ],
)
def test_it_refuses_bad_values_and_names_the_field(values: dict[str, str], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(**values)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert not User.objects.exists()


def test_it_refuses_an_email_that_is_taken() -> None:
    other = a_viewer()
    with pytest.raises(Conflict):
        add(email=other.email.upper())
    with pytest.raises(Conflict):
        change(a_founder(), email=other.email)


def test_it_changes_a_person() -> None:
    a_founder()
    person = an_engineer()
    change(person, role="viewer", is_active=False, email="X@example.test")
    person.refresh_from_db()
    assert (person.role, person.is_active, person.email) == ("viewer", False, "x@example.test")


@pytest.mark.parametrize("values", [{"role": "engineer"}, {"is_active": False}])
def test_it_never_leaves_the_console_without_an_active_founder(values: dict[str, object]) -> None:
    last = a_founder()
    a_founder(is_active=False)
    with pytest.raises(Conflict, match="last active founder"):
        change(last, **values)
    change(last, name="Still here")
    a_founder()
    change(last, **values)


def test_it_sets_a_password_and_refuses_a_weak_one_or_nobodys() -> None:
    person = a_viewer()
    password_set(user_id=person.pk, password="a new long password", actor=ANYBODY)
    assert User.objects.get(pk=person.pk).check_password("a new long password")
    with pytest.raises(Invalid):
        password_set(user_id=person.pk, password="short", actor=ANYBODY)
    with pytest.raises(NotFound):
        password_set(user_id=person.pk + 1000, password=PASSWORD, actor=ANYBODY)


def test_the_first_founder_is_made_once_with_a_password_shown_once() -> None:
    made = founder_ensure()
    assert (made.email, made.created) == ("founder@example.com", True)
    assert made.password is not None
    assert made.password not in repr(made)
    founder = User.objects.get()
    assert founder.role == "founder"
    assert founder.check_password(made.password)
    again = founder_ensure(email="other@example.test", password="something else")
    assert (again.created, again.password) == (False, None)
    assert User.objects.get().password == founder.password


def test_the_operators_own_email_and_password_are_taken_as_they_are() -> None:
    made = founder_ensure(email="Me@Localhost", password="weak")
    assert (made.email, made.password) == ("me@localhost", None)
    assert User.objects.get().check_password("weak")
    with pytest.raises(Invalid):
        founder_ensure(email="nobody")
