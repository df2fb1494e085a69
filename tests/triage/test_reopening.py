"""A resolved incident meets releases: what reopens it and what is only counted, and what asking costs."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentRelease, TimelineEntry
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import a_captured_error, an_incident

pytestmark = pytest.mark.django_db


def ago(**words: float) -> dt.datetime:
    return utcnow() - dt.timedelta(**words)


def seen(release: str, at: dt.datetime, *, fingerprint: str = "again", environment: str = "production") -> None:
    errors_commit(
        errors=[
            a_captured_error(
                fingerprint=[fingerprint], release=release, environment=environment, timestamp=at.isoformat()
            )
        ]
    )


def resolved(release: str, *, fix: str = "") -> Incident:
    """Seen in the release two hours ago, prevented one hour ago."""
    return an_incident(
        fingerprint=["again"], release=release, timestamp=ago(hours=2).isoformat(),
        incident={"status": "prevented", "prevented_at": ago(hours=1), "fixed_in_release": fix},
    )  # fmt: skip


def status(incident: Incident) -> str:
    incident.refresh_from_db()
    return incident.status


def test_an_older_version_is_counted_and_the_fix_reopens() -> None:
    incident = resolved("shop@1.0.0", fix="shop@1.10.0")
    for release in ("shop@1.0.0", "shop@0.9.0", "shop@1.9.9", "v1.10.0-rc.1"):
        seen(release, ago(minutes=5))
        assert status(incident) == "prevented", release
    seen("shop@1.10.0", ago(minutes=4))
    assert status(incident) == "recurred"
    assert incident.occurrences == 6
    assert incident.fixed_in_release == ""
    entry = TimelineEntry.objects.get(incident=incident, kind="recurred")
    assert entry.text.startswith("It happened again: in shop@1.10.0, which has the fix.")


def test_a_release_of_another_incident_tells_which_was_first() -> None:
    incident = resolved("build-b")
    seen("build-a", ago(hours=9), fingerprint="another")
    seen("build-c", ago(hours=1.5), fingerprint="another")
    seen("build-a", ago(minutes=5))
    assert status(incident) == "prevented"
    seen("build-c", ago(minutes=5))
    assert status(incident) == "recurred"


def test_a_release_is_new_or_old_in_its_environment() -> None:
    incident = resolved("", fix="build-x")  # a fix that was never seen
    seen("build-a", ago(hours=9), fingerprint="another")
    seen("build-a", ago(minutes=5))
    assert status(incident) == "prevented"
    seen("build-a", ago(minutes=5), environment="staging")
    assert status(incident) == "recurred"


def test_a_late_event_of_a_release_makes_it_known_to_be_broken() -> None:
    incident = resolved("build-a")
    errors_commit(
        errors=[
            a_captured_error(fingerprint=["again"], release="build-b", timestamp=ago(minutes=minutes).isoformat())
            for minutes in (5, 90)
        ]
    )
    assert status(incident) == "prevented"


def test_it_asks_two_questions_and_only_where_something_is_resolved() -> None:
    incident = resolved("shop@1.0.0")
    with atomic_write():
        IncidentRelease.objects.bulk_create(
            IncidentRelease(
                project_id=1, incident=incident, release=f"shop@0.{n}.0", environment="production", occurrences=1,
                first_seen=ago(hours=3), last_seen=ago(hours=3),
            )
            for n in range(300)
        )  # fmt: skip
    for expected, release in ((2, "shop@1.0.0"), (2, "shop@2.0.0"), (0, "shop@2.0.0")):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            errors_commit(errors=[a_captured_error(fingerprint=["again"], release=release) for _ in range(20)])
        about = [q["sql"] for q in asked if q["sql"].startswith("SELECT") and "triage_incident_release" in q["sql"]]
        assert len(about) == expected, release
