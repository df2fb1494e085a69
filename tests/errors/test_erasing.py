"""Erasure (GDPR, article 17): what it reaches, what it leaves, who may, and what is said of it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.utils import IntegrityError
from django.test import Client

from incidents.errors.models import (
    ErasureTombstone,
    ErrorEvent,
    ErrorId,
    ErrorRollup,
    KeptError,
    Span,
    UserReport,
)
from incidents.errors.services.captured import CapturedError
from incidents.errors.services.normalising import person_hash
from incidents.errors.workflows import (
    Erasure,
    errors_commit,
    events_erase,
    keys,
    person_erase,
    person_erasure_preview,
    rollups_compare,
)
from incidents.triage.models import Incident
from incidents.triage.workflows import incident_merge
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionAudit, DeletionPermit
from readiness.infra.refusals import Invalid
from readiness.infra.transactions import atomic_write
from tests.factories import a_captured_error, a_founder, a_project, a_user

pytestmark = pytest.mark.django_db
TRACE = "a" * 32


def _stored(
    count: int = 1, *, person: str = "", message: str = "It broke.", project_id: int = 1, trace: str = ""
) -> list[CapturedError]:
    errors = [
        a_captured_error(
            exception={"values": [{"type": "ValueError", "value": message}]},
            timestamp=(utcnow() + timedelta(seconds=n - count)).isoformat(),
            user={"id": person} if person else None,
            contexts={"trace": {"trace_id": trace, "span_id": "b" * 16}} if trace else {},
            fingerprint=["one-group"] if "one group" in message else ["{{ default }}"],
            project_id=project_id,
            keys=keys(),
        )
        for n in range(count)
    ]
    errors_commit(errors=errors)
    return errors


def _in_balance() -> bool:
    now = utcnow()
    counts = rollups_compare(since=now - timedelta(days=400), until=now + timedelta(hours=1))
    return dict(counts.events) == {key: n for key, n in counts.rollups.items() if n}


def _report(project_id: int, report_id: str, **fields: str) -> None:
    with atomic_write():
        UserReport.objects.create(
            project_id=project_id, report_id=report_id, comments="It broke.", created_at=utcnow(), **fields
        )


def test_it_erases_a_person_and_leaves_tombstones() -> None:
    hers = _stored(2, person="anna@example.com")
    others = _stored(1, person="ben@example.com", message="another failure")
    project = hers[0].origin.project_id
    with atomic_write():
        UserReport.objects.create(
            project_id=project, report_id="r1", comments="It broke.", created_at=utcnow(),
            user_hash=person_hash("anna@example.com", keys().hash_key) or "",
        )  # fmt: skip
    gone = person_erase(project_id=project, person="anna@example.com", actor=SYSTEM, reason="asked on the phone")
    assert (gone.events, gone.copies, gone.reports) == (2, 1, 1)
    assert list(ErrorEvent.objects.values_list("error_id", flat=True)) == [others[0].envelope.error_id]
    assert list(KeptError.objects.values_list("error_id", flat=True)) == [others[0].envelope.error_id]
    graves = set(ErasureTombstone.objects.values_list("error_id", "reason"))
    assert graves == {(error.envelope.error_id, "asked on the phone") for error in hers}
    assert _in_balance()
    audited = set(DeletionAudit.objects.values_list("table_name", "reason"))
    assert ("infra_error_events", "erasure: asked on the phone") in audited
    assert not DeletionPermit.objects.exists()


def test_a_retry_does_not_bring_an_erased_event_back() -> None:
    hers = _stored(1, person="anna@example.com")
    person_erase(project_id=hers[0].origin.project_id, person="anna@example.com", actor=SYSTEM, reason="asked")
    answer = errors_commit(errors=hers)
    assert answer[0].duplicate
    assert not ErrorEvent.objects.exists()
    assert ErrorId.objects.count() == 1


def test_another_projects_namesake_stays() -> None:
    _stored(1, person="anna@example.com")
    gone = person_erase(project_id=999, person="anna@example.com", actor=SYSTEM, reason="asked")
    assert (gone.events, ErrorEvent.objects.count()) == (0, 1)


@pytest.mark.parametrize(("person", "reason"), [("", "asked"), ("  ", "asked"), ("anna", " ")])
def test_it_refuses_an_erasure_of_nobody_or_for_no_reason(person: str, reason: str) -> None:
    _stored(1, person="anna")
    with pytest.raises(Invalid):
        person_erase(project_id=1, person=person, actor=SYSTEM, reason=reason)
    assert ErrorEvent.objects.count() == 1


def test_the_command_counts_erases_and_refuses() -> None:
    stored = _stored(2, person="anna")
    project = f"--project={stored[0].origin.project_id}"
    out = StringIO()
    call_command("erase_events", project, "--person=anna", "--dry-run", stdout=out)
    assert out.getvalue().startswith("Would erase 2 events, 1 kept copy, 0 users' reports, 0 spans")
    with pytest.raises(CommandError, match="needs a reason") as refused:
        call_command("erase_events", project, "--person=anna")
    assert refused.value.returncode == 64
    call_command("erase_events", project, f"--error-id={stored[0].envelope.error_id}", "--reason=leaked", stdout=out)
    assert "Erased: 1 event, 1 kept copy" in out.getvalue()
    assert ErrorEvent.objects.count() == 1


def test_a_tombstone_cannot_be_removed() -> None:
    stored = _stored(1, person="anna")
    person_erase(project_id=stored[0].origin.project_id, person="anna", actor=SYSTEM, reason="asked")
    with pytest.raises(IntegrityError, match="append-only"), atomic_write():
        ErasureTombstone.objects.all().delete()


# --- how far it reaches -----------------------------------------------------------------------------------------------


def test_it_takes_what_was_written_about_the_errors_and_the_spans_of_their_traces() -> None:
    (hers,) = _stored(1, person="anna", trace=TRACE)
    project, error_id = hers.origin.project_id, hers.envelope.error_id
    _report(project, "about", error_id=error_id)
    _report(project, "another", error_id="err_000000000000")
    now = utcnow()
    with atomic_write():
        for trace in (TRACE, "c" * 32):
            Span.objects.create(
                project_id=project, trace_id=trace, span_id="d" * 16, name="GET /anna", component="shop", kind="server",
                status="ok", started_at=now, duration_us=1, attributes={"enduser.id": "anna"}, created_at=now,
            )  # fmt: skip
    would = person_erasure_preview(project_id=project, person="anna")
    assert person_erase(project_id=project, person="anna", actor=SYSTEM, reason="asked") == would
    assert would == Erasure(events=1, copies=1, reports=1, spans=1)
    assert UserReport.objects.get().report_id == "another"
    assert Span.objects.get().trace_id == "c" * 32
    assert DeletionAudit.objects.filter(table_name="infra_user_reports", reason="erasure: asked").exists()


def test_a_person_who_only_wrote_a_report_is_erased_and_audited() -> None:
    _report(1, "r1", user_hash=person_hash("anna", keys().hash_key) or "")
    assert person_erase(project_id=1, person="anna", actor=SYSTEM, reason="asked").reports == 1
    assert DeletionAudit.objects.get().table_name == "infra_user_reports"
    assert not DeletionPermit.objects.exists()


def test_an_incident_is_no_longer_called_after_an_erased_error() -> None:
    _stored(1, person="anna", message="Anna Smith of one group is missing")
    _stored(1, person="ben", message="Somebody of one group is missing")
    assert "Anna Smith" in Incident.objects.get().title
    person_erase(project_id=1, person="anna", actor=SYSTEM, reason="asked")
    assert Incident.objects.get().title == "ValueError: Somebody of one group is missing"
    person_erase(project_id=1, person="ben", actor=SYSTEM, reason="asked")
    incident = Incident.objects.get()
    assert incident.title == f"{incident.error_class} in {incident.component}"
    assert incident.occurrences == 2, "its figures stay"


def test_an_incident_that_was_merged_away_is_not_either() -> None:
    _stored(1, person="anna", message="Anna Smith is missing")
    _stored(1, message="Something else entirely")
    hers, other = Incident.objects.get(title__contains="Anna"), Incident.objects.get(title__contains="else")
    incident_merge(source_ids=[hers.pk], target_id=other.pk, actor=SYSTEM)
    person_erase(project_id=1, person="anna", actor=SYSTEM, reason="asked")
    assert not Incident.objects.filter(title__contains="Anna").exists()
    other.refresh_from_db()
    assert other.title == "ValueError: Something else entirely"


def test_a_title_that_repeats_nobody_stays() -> None:
    _stored(1, person="anna")
    _stored(1, person="ben")
    person_erase(project_id=1, person="anna", actor=SYSTEM, reason="asked")
    assert Incident.objects.get().title == "ValueError: It broke."


def test_single_errors_go_by_the_id_that_sentry_shows_too() -> None:
    stored = _stored(2)
    bare = stored[0].envelope.error_id.removeprefix("err_").upper()
    gone = events_erase(project_id=1, error_ids=[bare], actor=SYSTEM, reason="a card number in a message")
    assert (gone.events, ErrorEvent.objects.count()) == (1, 1)
    assert not ErasureTombstone.objects.get().of_person


def test_no_table_of_capture_holds_a_word_of_an_erased_error() -> None:
    word = "Xanthippe"
    _stored(3, person="anna", message=f"{word} was here")
    person_erase(project_id=1, person="anna", actor=SYSTEM, reason="asked")
    for model in (
        ErrorEvent,
        KeptError,
        ErrorId,
        ErrorRollup,
        ErasureTombstone,
        UserReport,
        Span,
        Incident,
        DeletionAudit,
    ):
        for row in model._default_manager.values():
            assert word not in repr(row)


def test_the_reason_must_not_name_the_person() -> None:
    _stored(1, person="anna@example.com")
    with pytest.raises(Invalid, match="refer to the request"):
        person_erase(project_id=1, person="anna@example.com", actor=SYSTEM, reason="Mail of Anna@Example.com")
    assert ErrorEvent.objects.count() == 1


# --- in the admin -----------------------------------------------------------------------------------------------------

LIST, ERASE = "/admin/errors/erasedevent/", "/admin/errors/erasedevent/erase/"


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder(email="ada@example.test"))
    return client


def test_a_founder_sees_numbers_first_and_erases_then(founder: Client) -> None:
    project = a_project()
    _stored(2, person="anna", project_id=project.pk)
    given = {"tenant": project.tenant.slug, "person": "anna", "error_ids": "", "reason": "request 7"}
    assert f'href="{ERASE}"' in founder.get(LIST).content.decode()
    assert founder.get(ERASE).status_code == 200
    preview = founder.post(ERASE, given).content.decode()
    assert "2 events, 1 kept copy, 0 users&#x27; reports, 0 spans would go." in preview
    assert ErrorEvent.objects.count() == 2, "nothing goes before it is confirmed"
    answer = founder.post(ERASE, {**given, "confirmed": "Erase it for good"}, follow=True).content.decode()
    assert "Erased: 2 events, 1 kept copy" in answer
    assert answer.count("request 7") == 2
    assert not ErrorEvent.objects.exists()
    assert set(DeletionAudit.objects.values_list("actor", "reason")) == {("ada@example.test", "erasure: request 7")}


def test_a_founder_erases_errors_by_their_ids(founder: Client) -> None:
    project = a_project()
    stored = _stored(3, project_id=project.pk)
    ids = "\n".join(error.envelope.error_id for error in stored[:2])
    given = {"tenant": project.tenant.slug, "error_ids": ids, "reason": "a card number", "confirmed": "1"}
    assert founder.post(ERASE, given).status_code == 302
    assert ErrorEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tenant": "nobody", "person": "anna"}, "There is no tenant nobody"),
        ({}, "either a person or errors"),
        ({"person": "anna", "error_ids": "err_000000000000"}, "either a person or errors"),
        ({"person": "anna", "reason": ""}, "This field is required"),
        ({"person": "anna", "reason": "anna asked", "confirmed": "1"}, "do not name"),
        ({"error_ids": "err_1 " * 501}, "Name 1 to 500 events"),
        ({"person": "nobody we know"}, "Nothing is stored of that here"),
    ],
)
def test_it_says_why_nothing_was_erased(founder: Client, given: dict[str, str], said: str) -> None:
    project = a_project()
    _stored(1, person="anna", project_id=project.pk)
    answer = founder.post(ERASE, {"tenant": project.tenant.slug, "reason": "asked", **given})
    assert said in answer.content.decode()
    assert ErrorEvent.objects.count() == 1


@pytest.mark.parametrize("role", ["engineer", "viewer"])
def test_others_may_look_and_not_erase(client: Client, role: str) -> None:
    project = a_project()
    _stored(1, person="anna", project_id=project.pk)
    client.force_login(a_user(role=role))
    shown = client.get(LIST)
    assert (shown.status_code, ERASE in shown.content.decode()) == (200, False)
    given = {"tenant": project.tenant.slug, "person": "anna", "reason": "asked", "confirmed": "1"}
    assert client.get(ERASE).status_code == 403
    assert client.post(ERASE, given).status_code == 403
    assert ErrorEvent.objects.count() == 1
