"""Which kinds of evidence an incident has, told from the event that is shown of it."""

from collections.abc import Mapping
from typing import Any

from incidents.errors.models import ErrorColumns
from incidents.errors.services.own_frames import own_frames
from incidents.lessons.services.evidence import EvidenceCompleteness, EvidenceFacts, evidence_completeness_compute
from incidents.triage.models import Incident


def evidence_complete(
    incident: Incident,
    *,
    event: ErrorColumns | None,
    detail: Mapping[str, Any],
    spans: bool | None,
    user_words: bool | None,
) -> EvidenceCompleteness:
    """`detail`: the event's, empty without one. An input hash is expected of requests; `spans` and `user_words` are
    None where the project never sent any.
    """
    request = detail.get("request")
    asked = bool(request) if isinstance(request, Mapping) else False
    hashed = event is not None and bool(event.input_hash)
    return evidence_completeness_compute(
        facts=EvidenceFacts(
            exception=bool(detail.get("exceptions") or (event is not None and event.exception_chain)),
            own_frames=bool(own_frames(detail)),
            breadcrumbs=bool(detail.get("breadcrumbs")),
            release=bool(incident.last_release),
            environment=bool(incident.last_environment),
            correlation=event is not None and bool(event.correlation_id),
            input_hash=hashed if asked or hashed else None,
            spans=spans,
            user_words=user_words,
        )
    )
