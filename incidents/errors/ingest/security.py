"""POST /api/<project_id>/security/?sentry_key=…: reports of broken policies, as browsers send them by themselves."""

from django.http import HttpRequest, HttpResponse

from incidents.errors.ingest.answers import sentry_answer, sentry_door
from incidents.errors.ingest.dsn import dsn_caller, keys_presented
from incidents.errors.ingest.reading import body_read
from incidents.errors.services.captured import Origin
from incidents.errors.services.normalising import sentry_capture
from incidents.errors.services.security import security_reports_read
from incidents.errors.workflows import capture_rules, drops_record, errors_store, key_admit, keys
from readiness.infra.clock import utcnow

MAX_REPORT_BYTES = 1024 * 1024


@sentry_door
def security(request: HttpRequest, project_id: int) -> HttpResponse:
    """200 `{"id": …}` of the first event (null when none was kept); 415 for another content type."""
    presented = keys_presented(request)
    caller = dsn_caller(project_id, presented)
    body = body_read(request, limit=MAX_REPORT_BYTES)
    received_at = utcnow()
    found = security_reports_read(
        body=body,
        content_type=request.META.get("CONTENT_TYPE", ""),
        release=request.GET.get("sentry_release"),
        environment=request.GET.get("sentry_environment"),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        at=received_at,
    )
    key_admit(project_id=project_id, key_kind="dsn", key_id=caller.key_id, errors=len(found.events))
    origin = Origin(
        project_id, trusted=caller.trusted, synthetic=caller.synthetic, key_kind="dsn", key_id=caller.key_id
    )
    captured = [
        sentry_capture(
            payload=event,
            event_id=None,
            sent_at=None,
            origin=origin,
            keys=keys(),
            received_at=received_at,
            rules=capture_rules(project_id),
            known=presented,
        )
        for event in found.events
    ]
    errors_store(captured)
    if found.dropped:
        drops_record(project_id=project_id, source="console", drops=found.dropped, key_kind="dsn", key_id=caller.key_id)
    return sentry_answer(captured[0].envelope.error_id.removeprefix("err_") if captured else None)
