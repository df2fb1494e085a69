"""Plain SQL with lists among its values, and what comes of it on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from readiness.infra.plain_sql import instances_of, tuples_of
from readiness.infra.transactions import atomic_write
from readiness.infra.vendor_sql import moment, moment_read
from readiness.tenants.models import User

JOINED = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
_BY_ROLE = "SELECT * FROM tenants_user WHERE role IN %s AND created_at >= %s AND email IN %s ORDER BY email LIMIT %s"


@pytest.fixture
def people(db: None) -> list[User]:
    made = [User(email=f"{name}@example.test", role="engineer", created_at=JOINED) for name in ("ada", "bo", "cy")]
    with atomic_write():
        return User.objects.bulk_create(made)


def test_it_puts_lists_in_their_places(people: list[User]) -> None:
    found = instances_of(
        User, _BY_ROLE, ("engineer", "viewer"), moment(JOINED), ("ada@example.test", "cy@example.test"), 5
    )
    assert [(user.email, user.is_active, user.created_at) for user in found] == [
        ("ada@example.test", True, JOINED),
        ("cy@example.test", True, JOINED),
    ]
    later = moment(JOINED + timedelta(microseconds=1))
    assert instances_of(User, _BY_ROLE, ("engineer",), later, ("ada@example.test",), 5) == []


def test_nothing_is_in_an_empty_list(people: list[User]) -> None:
    assert instances_of(User, _BY_ROLE, (), moment(JOINED), ("ada@example.test",), 5) == []
    assert tuples_of("SELECT email FROM tenants_user WHERE email IN %s", ()) == []


def test_it_refuses_values_that_have_no_place(people: list[User]) -> None:
    with pytest.raises(ValueError, match="zip"):
        tuples_of("SELECT email FROM tenants_user WHERE email IN %s", ("ada@example.test",), "more")


def test_it_reads_times_as_columns_and_as_computed(people: list[User]) -> None:
    sql = "SELECT created_at, max(created_at) FROM tenants_user WHERE email IN %s GROUP BY created_at"
    ((column, computed),) = tuples_of(sql, ("ada@example.test", "bo@example.test"))
    assert (moment_read(column), moment_read(computed)) == (JOINED, JOINED)


def test_it_needs_every_column_of_the_model(people: list[User]) -> None:
    with pytest.raises(ValueError, match="User needs columns that were not selected: password, name, role"):
        instances_of(User, "SELECT id, email FROM tenants_user")


def test_it_passes_over_a_column_that_a_newer_version_added(people: list[User]) -> None:
    sql = "SELECT 'new' AS added, person.* FROM tenants_user AS person WHERE email IN %s"
    assert [user.email for user in instances_of(User, sql, ("bo@example.test",))] == ["bo@example.test"]
