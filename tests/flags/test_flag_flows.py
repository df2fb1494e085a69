"""Changing flags in the database: history, optimistic versions, kill switches; on SQLite and on PostgreSQL."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from flags.models import Flag, FlagCounter, FlagRevision
from flags.services.changes import FlagEdit, FlagState
from flags.services.config import config_payload
from flags.services.values import FlagType
from flags.store import rows_of
from flags.workflows import (
    flag_changes,
    flag_define,
    flag_edit,
    flag_kill,
    flag_override,
    flag_remove,
    flag_restore,
    flag_set,
)
from readiness.infra.actor import SYSTEM, Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal
from readiness.infra.transactions import atomic_write

ADA = Actor(kind="person", name="ada@example.test", id=1)
BOB = Actor(kind="person", name="bob@example.test", id=2)


def payload(project_id: int = 0, environment: str = "production", *, public_only: bool = False) -> dict[str, object]:
    rows = rows_of(project_id=project_id, environment=environment)
    return dict(config_payload(rows=rows, project_id=project_id, environment=environment, public_only=public_only))


def history(key: str = "syncEnabled", project_id: int = 0) -> list[FlagRevision]:
    return list(FlagRevision.objects.filter(key=key, project_id=project_id).order_by("version"))


def revision_counter() -> int:
    return FlagCounter.objects.get(project_id=0, environment="production").revision


@pytest.mark.django_db
def test_it_is_installed_with_the_three_flags_of_the_sdk() -> None:
    assert payload(public_only=True) == {"minIntervalSec": 900, "retryCap": 3, "syncEnabled": True}
    assert [(r.action, r.actor_name, r.after) for r in history()] == [("defined", "the console", {"value": True})]


@pytest.mark.django_db
def test_it_records_who_when_from_to_and_why() -> None:
    before, started = revision_counter(), utcnow()
    flag_set(key="syncEnabled", value=False, expected_version=1, actor=ADA, reason="load is high")
    latest = history()[-1]
    assert (latest.before, latest.after, latest.reason) == ({"value": True}, {"value": False}, "load is high")
    assert (latest.actor_kind, latest.actor_name, latest.actor_id, latest.version) == ("person", ADA.name, 1, 2)
    assert started <= latest.at <= utcnow()
    assert payload()["syncEnabled"] is False
    assert revision_counter() == before + 1
    flag = Flag.objects.get(key="syncEnabled")
    assert (flag.changed_by, flag.changed_at, flag.version) == (ADA.name, latest.at, 2)


@pytest.mark.django_db
def test_it_leaves_no_trace_of_a_refused_or_empty_edit() -> None:
    before = revision_counter()
    for refused, arguments in (
        (Conflict, {"key": "syncEnabled", "value": False, "expected_version": 7}),
        (Invalid, {"key": "minIntervalSec", "value": 0, "expected_version": 1}),
        (Invalid, {"key": "minIntervalSec", "value": None, "expected_version": 1}),
        (NotFound, {"key": "nosuch", "value": 1, "expected_version": 1}),
        (NotFound, {"key": "syncEnabled", "value": False, "expected_version": 1, "environment": "staging"}),
    ):
        with pytest.raises(refused):
            flag_set(actor=ADA, **arguments)
    with pytest.raises(Forbidden):
        flag_set(key="syncEnabled", value=False, expected_version=1, actor=SYSTEM)
    flag_set(key="syncEnabled", value=True, expected_version=1, actor=ADA)
    assert len(history()) == 1
    assert revision_counter() == before


@pytest.mark.django_db
def test_it_tells_the_second_of_two_people() -> None:
    flag_set(key="retryCap", value=5, expected_version=1, actor=ADA)
    with pytest.raises(Conflict, match="Somebody changed this flag"):
        flag_set(key="retryCap", value=0, expected_version=1, actor=BOB)
    assert payload()["retryCap"] == 5


def test_it_lets_one_of_two_simultaneous_edits_win(fresh_database: str) -> None:
    ready, outcomes = threading.Barrier(2), list[str]()

    def edit(value: int) -> None:
        ready.wait(timeout=20)
        try:
            flag_set(key="retryCap", value=value, expected_version=1, actor=ADA)
            outcomes.append("saved")
        except Conflict:
            outcomes.append("told")
        finally:
            connection.close()

    people = [threading.Thread(target=edit, args=(value,)) for value in (1, 2)]
    for person in people:
        person.start()
    for person in people:
        person.join(timeout=30)
    assert sorted(outcomes) == ["saved", "told"]
    assert [r.version for r in history("retryCap")] == [1, 2]


def test_it_lets_one_of_two_simultaneous_definitions_win(fresh_database: str) -> None:
    ready, outcomes = threading.Barrier(2), list[str]()

    def define() -> None:
        ready.wait(timeout=20)
        try:
            flag_define(
                key="new", state=FlagState(FlagType.BOOLEAN, value=True), actor=ADA, environment="never-seen-before"
            )
            outcomes.append("saved")
        except Conflict:
            outcomes.append("told")
        finally:
            connection.close()

    people = [threading.Thread(target=define) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join(timeout=30)
    assert sorted(outcomes) == ["saved", "told"]


@pytest.mark.django_db
def test_it_kills_for_automation_and_restores_for_people() -> None:
    with pytest.raises(Invalid, match="Say why"):
        flag_kill(key="syncEnabled", actor=SYSTEM, reason="")
    flag_kill(key="syncEnabled", actor=SYSTEM, reason="INC-12 is P0")
    assert payload()["syncEnabled"] is False
    again = flag_kill(key="syncEnabled", actor=ADA, reason="to be sure")
    assert not again.anything
    with pytest.raises(Conflict, match="Restore it first"):
        flag_set(key="syncEnabled", value=False, expected_version=2, actor=ADA)
    with pytest.raises(Forbidden, match="only turn things off"):
        flag_restore(key="syncEnabled", actor=SYSTEM, reason="looks fine")
    flag_restore(key="syncEnabled", actor=ADA, reason="INC-12 prevented")
    assert payload()["syncEnabled"] is True
    assert [(r.action, r.actor_kind, r.after) for r in history()][1:] == [
        ("killed", "system", {"killed": True}),
        ("restored", "person", {"killed": False}),
    ]


@pytest.mark.django_db
def test_it_kills_nothing_without_a_declared_safe_variant() -> None:
    with pytest.raises(Conflict, match="no safe variant"):
        flag_kill(key="minIntervalSec", actor=ADA, reason="x")
    flag_edit(key="minIntervalSec", edit=FlagEdit(safe_value=3600), expected_version=1, actor=ADA)
    flag_kill(key="minIntervalSec", actor=ADA, reason="x")
    assert payload()["minIntervalSec"] == 3600


@pytest.mark.django_db
def test_it_overrides_for_one_project_and_one_environment() -> None:
    flag_override(key="retryCap", project_id=7, environment="production", value=9, actor=ADA)
    flag_override(key="retryCap", project_id=7, environment="staging", value=1, actor=ADA)
    assert payload(7)["retryCap"] == 9
    assert payload(7, "staging")["retryCap"] == 1
    assert payload(7, "dev")["retryCap"] == 9
    assert payload(8)["retryCap"] == payload()["retryCap"] == 3
    own = Flag.objects.get(project_id=7, environment="staging")
    assert (own.type, own.visibility, own.maximum) == ("integer", "public", Decimal(100))
    with pytest.raises(Invalid, match="The most allowed is 100"):
        flag_override(key="retryCap", project_id=8, environment="production", value=101, actor=ADA)
    with pytest.raises(NotFound):
        flag_override(key="nosuch", project_id=8, environment="production", value=1, actor=ADA)
    with pytest.raises(Conflict, match="already"):
        flag_override(key="retryCap", project_id=7, environment="staging", value=1, actor=ADA)


@pytest.mark.django_db
def test_it_keeps_one_type_for_one_key() -> None:
    with pytest.raises(Invalid, match="retryCap is an integer elsewhere"):
        flag_define(key="retryCap", state=FlagState(FlagType.STRING, value="3"), actor=ADA, project_id=7)
    with pytest.raises(Invalid):
        flag_define(key="not a key", state=FlagState(FlagType.STRING, value="3"), actor=ADA)


@pytest.mark.django_db
def test_it_removes_an_override_and_remembers_it() -> None:
    flag_override(key="retryCap", project_id=7, environment="production", value=9, actor=ADA)
    with pytest.raises(Conflict):
        flag_remove(key="retryCap", project_id=7, expected_version=2, actor=ADA, reason="over")
    flag_remove(key="retryCap", project_id=7, expected_version=1, actor=ADA, reason="over")
    assert payload(7)["retryCap"] == 3
    again = flag_override(key="retryCap", project_id=7, environment="production", value=4, actor=ADA)
    assert again.version == 3
    assert [r.action for r in history("retryCap", 7)] == ["defined", "removed", "defined"]


@pytest.mark.django_db
def test_it_tells_an_incident_what_changed_meanwhile() -> None:
    started = utcnow()
    flag_set(key="retryCap", value=5, expected_version=1, actor=ADA)
    flag_override(key="syncEnabled", project_id=7, environment="production", value=False, actor=ADA)
    flag_override(key="syncEnabled", project_id=8, environment="production", value=False, actor=ADA)
    seen = flag_changes(project_id=7, since=started, until=utcnow())
    assert [(r.project_id, r.key) for r in seen] == [(7, "syncEnabled"), (0, "retryCap")]
    assert flag_changes(project_id=7, since=started - timedelta(hours=2), until=started - timedelta(hours=1)) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE flags_revision SET actor_name = 'nobody'",
        "DELETE FROM flags_revision",
        "UPDATE flags_revision SET after = '{}' WHERE version = 1",
    ],
)
def test_it_refuses_to_rewrite_history_by_raw_sql(statement: str) -> None:
    before = [(r.pk, r.actor_name, r.after) for r in history()]
    with pytest.raises(DatabaseError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert [(r.pk, r.actor_name, r.after) for r in history()] == before


@pytest.mark.django_db
def test_it_refuses_to_write_a_version_of_history_twice() -> None:
    first = history()[0]
    first.pk = None
    with pytest.raises(DatabaseError), atomic_write(), transaction.atomic():
        first.save()
    assert len(history()) == 1


@pytest.mark.sqlite_only
@pytest.mark.django_db
def test_it_lets_insert_or_replace_change_nothing() -> None:
    first = history()[0]
    columns = (
        "id, flag_id, project_id, environment, key, version, action, before, after, reason, actor_kind, actor_name, at"
    )
    forged = columns.replace("actor_name", "'nobody'").replace("action,", "'set',")
    for identity in ("id", "id + 1000"):
        chosen = forged.replace("id,", f"{identity},", 1)
        try:
            with atomic_write(), connection.cursor() as cursor:
                cursor.execute(f"INSERT OR REPLACE INTO flags_revision ({columns}) SELECT {chosen} FROM flags_revision")
        except DatabaseError as refused:
            assert "append-only" in str(refused)  # noqa: PT017  ignored or refused: either way nothing changes
        assert [(r.pk, r.actor_name) for r in history()] == [(first.pk, "the console")]


@pytest.mark.postgres_only
@pytest.mark.django_db
def test_it_refuses_truncate() -> None:
    with pytest.raises(DatabaseError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE flags_revision")
    assert len(history()) == 1


@pytest.mark.django_db
def test_it_answers_no_bad_input_with_anything_but_a_refusal() -> None:
    for key in ("", "a\x00b", "\ud83d", "x" * 5_000):
        for act in (
            lambda key: flag_set(key=key, value=1, expected_version=1, actor=ADA),
            lambda key: flag_kill(key=key, actor=ADA, reason="x"),
            lambda key: flag_define(key=key, state=FlagState(FlagType.INTEGER, value=1), actor=ADA),
        ):
            with pytest.raises(Refusal):
                act(key)
