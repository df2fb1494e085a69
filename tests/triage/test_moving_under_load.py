"""A batch that looked its hash up before a merge, and got its lock after it, counts where the hash leads now."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentFingerprint, IncidentHour
from incidents.triage.workflows import incident_merge, incident_split
from readiness.infra.actor import Actor
from readiness.infra.transactions import single_connection_transaction
from tests.factories import a_captured_error, an_incident

ADA = Actor("person", "ada@example.test", 1)


def counted_while(move: Callable[[], object]) -> str:
    """Where an error of the hash `two` counts that arrives while `move` is done and not yet committed."""
    answers: list[str | None] = []
    started, error = threading.Event(), a_captured_error(fingerprint=["two"])

    def capture() -> None:
        started.set()
        try:
            answers.append(errors_commit(errors=[error])[0].incident)
        finally:
            connection.close()

    thread = threading.Thread(target=capture)
    with single_connection_transaction():
        move()
        thread.start()
        assert started.wait(10)
        _wait_until_it_waits()
    thread.join(30)
    return str(answers[0])


def _wait_until_it_waits() -> None:
    """PostgreSQL: until the other connection waits for our row lock (SQLite's other writer cannot even begin)."""
    if connection.vendor != "postgresql":
        return
    for _ in range(10_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.001)
    pytest.fail("the other connection never waited for the lock")


def occurrences(incident: Incident) -> tuple[int, int]:
    incident.refresh_from_db()
    return incident.occurrences, sum(
        IncidentHour.objects.filter(incident=incident).values_list("occurrences", flat=True)
    )


@pytest.mark.usefixtures("fresh_database")
def test_an_event_that_comes_during_a_merge_counts_into_the_target() -> None:
    one, two = an_incident(fingerprint=["one"]), an_incident(fingerprint=["two"])
    where = counted_while(lambda: incident_merge(source_ids=[two.pk], target_id=one.pk, actor=ADA))
    assert where == one.public_id
    assert (occurrences(one), occurrences(two)) == ((3, 3), (1, 1))


@pytest.mark.usefixtures("fresh_database")
def test_an_event_that_comes_during_a_split_counts_into_the_new_incident() -> None:
    one, two = an_incident(fingerprint=["one"]), an_incident(fingerprint=["two"])
    incident_merge(source_ids=[two.pk], target_id=one.pk, actor=ADA)
    hashes = list(IncidentFingerprint.objects.filter(incident=one).order_by("pk").values_list("pk", flat=True))
    where = counted_while(lambda: incident_split(incident_id=one.pk, fingerprint_ids=hashes[1:], actor=ADA))
    new = Incident.objects.latest("pk")
    assert where == new.public_id
    assert (occurrences(one), occurrences(new)) == ((1, 1), (2, 2))
