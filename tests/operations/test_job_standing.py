"""Who may start a run, and how a job stands; no database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from readiness.operations.services.attention import attention_words
from readiness.operations.services.drift import HealthCard
from readiness.operations.services.health import ProbeResult
from readiness.operations.services.jobs import (
    DELIVERY_GRACE,
    GRACE,
    JOBS,
    LONGEST_RUN,
    REQUEST_KEPT,
    Claim,
    JobFacts,
    JobStanding,
    Outcome,
    job_claim,
    job_find,
    job_standing,
    job_words,
    took_words,
)

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NIGHTLY, OUTBOX = (next(job for job in JOBS if job.key == key) for key in ("retention", "outbox"))


@pytest.mark.parametrize(
    ("running_id", "since", "run_id", "claim"),
    [
        ("", None, "b", Claim.FREE),
        ("a", NOW - LONGEST_RUN, "b", Claim.HELD),
        ("a", NOW - LONGEST_RUN - SECOND, "b", Claim.LOST),
        ("a", NOW - SECOND, "a", Claim.LOST),  # the same message again: its worker was killed
    ],
)
def test_it_lets_one_run_start_and_takes_over_from_the_dead(
    running_id: str, since: datetime | None, run_id: str, claim: Claim
) -> None:
    assert (
        job_claim(running_id=running_id, running_since=since, run_id=run_id, lost_after=LONGEST_RUN, now=NOW) is claim
    )


def test_it_never_takes_over_a_task_that_may_still_run() -> None:
    assert timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT) < LONGEST_RUN


def _facts(**fields: object) -> JobFacts:
    known = {"scheduled": True, "due_at": NOW + GRACE, "last_outcome": Outcome.OK}
    return JobFacts(**{**known, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "kind", "word"),
    [
        (_facts(), "pass", "OK"),
        (_facts(last_outcome=None), "neutral", "Not yet run"),
        (_facts(last_outcome=None, due_at=NOW - GRACE - SECOND), "warn", "Late"),
        (_facts(due_at=NOW - GRACE), "pass", "OK"),
        (_facts(due_at=NOW - GRACE - SECOND), "warn", "Late"),
        (_facts(scheduled=False, due_at=None), "warn", "Switched off"),
        (_facts(last_outcome=Outcome.FAILED, scheduled=False), "fail", "Failed"),
        (_facts(last_outcome=Outcome.FAILED, running_since=NOW - SECOND), "info", "Running"),
        (_facts(running_since=NOW - LONGEST_RUN - SECOND), "pass", "OK"),
        (_facts(requested_at=NOW - SECOND), "info", "Asked for"),
        (_facts(requested_at=NOW - REQUEST_KEPT), "pass", "OK"),
    ],
)
def test_it_stands_as_its_most_pressing_fact(facts: JobFacts, kind: str, word: str) -> None:
    standing = job_standing(job=NIGHTLY, facts=facts, now=NOW)
    assert (standing.kind, standing.word) == (kind, word)


def test_a_quiet_job_is_late_when_something_waits_for_it() -> None:
    assert OUTBOX.quiet
    waits = _facts(last_outcome=None, due_at=None, waiting_since=NOW - DELIVERY_GRACE - SECOND)
    assert job_standing(job=OUTBOX, facts=waits, now=NOW).word == "Late"
    idle = _facts(last_outcome=None, due_at=NOW - timedelta(days=1))
    assert job_standing(job=OUTBOX, facts=idle, now=NOW).word == "OK"


def test_it_words_numbers_and_lengths() -> None:
    stale = job_find("controls-stale")
    assert stale is not None
    assert [job_words(job=stale, answer=n) for n in (0, 3)] == ["None turned stale.", "3 turned stale."]
    assert job_words(job=stale, answer="Its own words.") == "Its own words."
    assert [took_words(timedelta(seconds=s)) for s in (0.4, 12.9, 65, 1_800)] == [
        "< 1 s",
        "12 s",
        "1 min 05 s",
        "30 min 00 s",
    ]


def test_every_job_says_what_it_is_for() -> None:
    assert len({job.key for job in JOBS}) == len(JOBS)
    assert all(job.title and job.what.endswith(".") for job in JOBS)


def test_it_names_what_needs_a_person_or_says_that_nothing_does() -> None:
    fine = [ProbeResult("database", True, "")]
    assert (
        attention_words(probes=fine, cards=[], standings=[("Retention", JobStanding("pass", "OK"))], dead_messages=0)
        == "Nothing here needs a person."
    )
    assert attention_words(
        probes=[*fine, ProbeResult("append_only", False, "")],
        cards=[HealthCard("fail", "Drift", "2 %", "")],
        standings=[("Retention", JobStanding("fail", "Failed"))],
        dead_messages=2,
    ) == ("Needs a person: the append-only check, the figures (drift), Retention (failed), 2 dead messages.")
