"""check_intent_consistency: what a use-case declares and what its source does."""

import pytest

from readiness.lint.effects import Effect, House
from readiness.lint.intents import intents_check, intents_declared, registry_check
from readiness.lint.sources import SourceFile

STORE = """
from django.db import connection
from flags.models import Flag

def flags_all():
    return Flag.objects.all()

def flag_add(**fields):
    return Flag.objects.create(**fields)

def flag_add_twice(**fields):
    flag_add(**fields)
    return flag_add(**fields)

def line_stand_in():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [1])

def raw_sql():
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE flags_flag SET value = {1}")
"""


def complaints(workflows: str, more: dict[str, str] | None = None) -> list[str]:
    """What is said of a `flags/workflows.py` with this body."""
    head = "from flags import store\nfrom flags.store import flag_add, flag_add_twice\nfrom flags.models import Flag\n"
    sources = [SourceFile("flags/store.py", STORE), SourceFile("flags/workflows.py", head + workflows)]
    sources += [SourceFile(path, text) for path, text in (more or {}).items()]
    return intents_check(House(sources))


def use_case(intent: str, body: str) -> str:
    first = "txn: SingleConnectionTxn" if intent == "LOCKED_MUTATION" else "session: Session"
    return f"@transactional(TransactionIntent.{intent})\ndef flag_do({first}, *, key: str) -> None:\n    {body}\n"


WRITES = [
    "flag.save()",
    "Flag.objects.create(key=key)",
    "Flag.objects.filter(key=key).update(value=1)",
    "Flag.objects.filter(key=key).delete()",
    "Flag.objects.bulk_create([])",
    "store.flag_add(key=key)",
    "flag_add(key=key)",
    "flag_add_twice(key=key)",
    "store.raw_sql()",
    "outbox_publish(session, topic='x', key=key, payload={})",
]
LOCKS = ["txn.lock_row(Flag, pk=1)", "txn.lock_rows(Flag.objects.all())", "store.line_stand_in()"]


@pytest.mark.parametrize("body", WRITES)
def test_it_refuses_a_reader_that_writes(body: str) -> None:
    [line] = complaints(use_case("READ_ONLY", body))
    assert line.startswith("flags/workflows.py:5 flag_do declares READ_ONLY but writes")
    assert complaints(use_case("ATOMIC_WRITE", body)) == []
    assert complaints(use_case("LOCKED_MUTATION", body)) == []


@pytest.mark.parametrize("body", LOCKS)
@pytest.mark.parametrize("intent", ["READ_ONLY", "ATOMIC_WRITE"])
def test_it_refuses_a_lock_outside_locked_mutation(intent: str, body: str) -> None:
    [line] = complaints(use_case(intent, body))
    assert f"declares {intent} but locks rows" in line
    assert complaints(use_case("LOCKED_MUTATION", body)) == []


@pytest.mark.parametrize(
    "body", ["known.update({'a': 1})", "digest.update(b'x')", "ErrorEnvelope.create(layer='L4')", "store.flags_all()"]
)
def test_it_knows_what_is_no_write(body: str) -> None:
    assert complaints(use_case("READ_ONLY", body)) == []


def test_it_refuses_a_weaker_use_case_that_calls_a_stronger_one() -> None:
    stronger = use_case("LOCKED_MUTATION", "txn.lock_row(Flag, pk=1)")
    weaker = (
        "@transactional(TransactionIntent.ATOMIC_WRITE)\ndef outer(session: Session) -> None:\n    flag_do(key='a')\n"
    )
    [line] = complaints(stronger + weaker)
    assert "outer declares ATOMIC_WRITE but locks rows" in line


def test_it_knows_that_update_or_create_locks() -> None:
    body = "Flag.objects.update_or_create(key=key, defaults={})"
    assert len(complaints(use_case("READ_ONLY", body))) == 2
    assert len(complaints(use_case("ATOMIC_WRITE", body))) == 1
    assert complaints(use_case("LOCKED_MUTATION", body)) == []


def test_it_follows_a_re_export() -> None:
    reader = "@transactional(TransactionIntent.READ_ONLY)\ndef outer(session: Session) -> None:\n    tenant_add()\n"
    package = "readiness/tenants/workflows"
    writer = "@transactional(TransactionIntent.ATOMIC_WRITE)\ndef tenant_add(session: Session) -> None:\n    t.save()\n"
    found = complaints(
        "from readiness.tenants.workflows import tenant_add\n" + reader,
        {
            f"{package}/__init__.py": "from readiness.tenants.workflows.onboarding import tenant_add\n",
            f"{package}/onboarding.py": writer,
        },
    )
    assert len(found) == 1
    assert "outer declares READ_ONLY but writes" in found[0]


def test_it_refuses_a_public_workflow_without_an_intent() -> None:
    [line] = complaints("def flags_read():\n    return store.flags_all()\n")
    assert "flags_read touches the tables in flags.store.flags_all without an intent" in line
    [line] = complaints("def helped():\n    return _help()\ndef _help():\n    return Flag.objects.first()\n")
    assert "helped touches the tables in flags.workflows._help" in line


def test_it_leaves_callers_and_helpers_of_use_cases_alone() -> None:
    assert complaints(use_case("ATOMIC_WRITE", "flag_add(key=key)") + "def two():\n    flag_do(key='a')\n") == []
    assert complaints("def flag_lock(txn: SingleConnectionTxn, pk: int):\n    return txn.lock_row(Flag, pk=pk)\n") == []
    [line] = complaints("def flag_lock(session: Session, pk: int):\n    return session.lock_row(Flag, pk=pk)\n")
    assert "takes a Session" in line


def test_it_compares_the_source_with_the_registry() -> None:
    house = House([SourceFile("flags/workflows.py", use_case("READ_ONLY", "pass"))])
    assert intents_declared(house) == {"flags.workflows.flag_do": "READ_ONLY"}
    assert registry_check(intents_declared(house), {"flags.workflows.flag_do": "READ_ONLY"}) == []
    assert len(registry_check(intents_declared(house), {"flags.workflows.flag_do": "ATOMIC_WRITE"})) == 2
    assert len(registry_check(intents_declared(house), {})) == 1


def test_it_adds_up_what_a_chain_of_helpers_does() -> None:
    house = House([SourceFile("flags/store.py", STORE)])
    facts = house.resolve("flags.store.flag_add_twice")
    assert facts is not None
    assert house.effect(facts) == Effect.QUERY | Effect.WRITE


def test_it_leaves_what_the_modules_of_a_workflows_folder_share_to_them() -> None:
    package = "flags/workflows"
    states = SourceFile(
        f"{package}/states.py", "from flags import store\n\ndef settle():\n    return store.flags_all()\n"
    )
    inside = SourceFile(f"{package}/changes.py", "from flags.workflows.states import settle\n")
    outside = SourceFile("flags/views.py", "from flags.workflows.states import settle\n")
    exported = SourceFile(f"{package}/__init__.py", "from flags.workflows.states import settle\n")
    shared = [SourceFile("flags/store.py", STORE), states, inside]
    assert intents_check(House(shared)) == []
    for user in (outside, exported):
        [line] = intents_check(House([*shared, user]))
        assert "settle touches the tables" in line
