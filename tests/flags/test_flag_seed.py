"""The seed is reversible, and neither way touches what a person has changed."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection

from flags.models import Flag, FlagRevision
from flags.workflows import flag_set
from readiness.infra.actor import Actor
from readiness.infra.transactions import atomic_write

ADA = Actor(kind="person", name="ada@example.test", id=1)


def migrate(target: str) -> None:
    call_command("migrate", "flags", target, verbosity=0, interactive=False)


def test_it_goes_back_and_forth_around_a_persons_edit(fresh_database: str) -> None:
    flag_set(key="retryCap", value=7, expected_version=1, actor=ADA)
    migrate("0001")
    assert list(Flag.objects.values_list("key", "value")) == [("retryCap", 7)]
    migrate("0002")
    flags = dict(Flag.objects.values_list("key", "value"))
    assert flags == {"syncEnabled": True, "minIntervalSec": 900, "retryCap": 7}
    assert FlagRevision.objects.filter(key="retryCap").count() == 2
    with pytest.raises(DatabaseError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM flags_revision")


def test_it_leaves_nothing_behind(fresh_database: str) -> None:
    migrate("zero")
    assert not [name for name in connection.introspection.table_names() if name.startswith("flags_")]
    migrate("0002")
    assert Flag.objects.count() == FlagRevision.objects.count() == 3
