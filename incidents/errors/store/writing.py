"""Capture's queries: the batch that stores. On the hot path, so multi-row SQL instead of the ORM."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from incidents.errors.models import ErrorId
from incidents.errors.services.captured import CapturedError
from readiness.infra.bulk_sql import rows_insert
from readiness.infra.vendor_sql import moment

EVENT_COLUMNS = (
    "project_id", "error_id", "timestamp", "layer", "component", "error_class", "severity", "message",
    "correlation_id", "span_id", "decision_id", "run_id", "agent_id", "reported_tenant", "input_hash",
    "exception_type", "exception_chain", "context", "envelope_version", "release", "environment", "fingerprint",
    "payload", "created_at",
)  # fmt: skip
_json = msgspec.json.Encoder()
MAX_ROWS = 1_000


def hour_of(moment: datetime) -> datetime:
    """The UTC hour that a moment belongs to."""
    return moment.replace(minute=0, second=0, microsecond=0)


def ledger_enter(entries: Sequence[tuple[int, str, bytes, date]]) -> set[tuple[int, str]]:
    """Enter (project, error id, content HMAC, day); the keys that were new. First write wins."""
    if not entries:
        return set()
    rows = [(project, error_id, content, day.isoformat()) for project, error_id, content, day in entries]
    won = rows_insert(
        "infra_error_ids",
        ("project_id", "error_id", "content_hmac", "day"),
        rows,
        "ON CONFLICT (project_id, error_id) DO NOTHING RETURNING project_id, error_id",
    )
    return {(row[0], row[1]) for row in won}


def ledger_contents(keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], bytes]:
    """The content HMAC under each (project, error id) that the ledger has."""
    wanted: dict[int, list[str]] = {}
    for project, error_id in keys:
        wanted.setdefault(project, []).append(error_id)
    found: dict[tuple[int, str], bytes] = {}
    for project, error_ids in wanted.items():
        rows = ErrorId.objects.filter(project_id=project, error_id__in=error_ids)
        for error_id, content in rows.values_list("error_id", "content_hmac"):
            found[project, error_id] = bytes(content)
    return found


def collision_id(project_id: int, sent_id: str, content: bytes) -> str:
    """The id under which another error with a taken id is kept: derived, so that its own retries find it again."""
    derived = hashlib.sha256(f"{project_id}:{sent_id}:".encode() + content).hexdigest()
    return f"err_{derived[:32]}"


def event_row(error: CapturedError, error_id: str) -> tuple[Any, ...]:
    """The values of EVENT_COLUMNS."""
    e = error.envelope
    return (
        error.origin.project_id, error_id, moment(e.timestamp), e.layer, e.component, e.error_class.value,
        e.severity.value, e.message, e.correlation_id, e.span_id, e.decision_id, e.run_id, e.agent_id, e.tenant_id,
        e.input_hash, e.exception_type, _json.encode(e.exception_chain).decode(), _json.encode(e.context).decode(),
        e.envelope_version, e.release, e.environment or "production", error.fingerprint, error.payload,
        moment(error.received_at),
    )  # fmt: skip


def events_insert(errors: Sequence[tuple[CapturedError, str]]) -> None:
    """Store the errors under the given ids, and count them into the rollups of their hour of arrival."""
    for start in range(0, len(errors), MAX_ROWS):
        rows = [event_row(error, error_id) for error, error_id in errors[start : start + MAX_ROWS]]
        rows_insert("infra_error_events", EVENT_COLUMNS, rows, "ON CONFLICT DO NOTHING")
    counts = Counter(
        (
            hour_of(error.received_at),
            error.origin.project_id,
            error.envelope.component,
            error.envelope.error_class.value,
            error.envelope.severity.value,
        )
        for error, _ in errors
    )
    if counts:
        rows_insert(
            "infra_error_rollups",
            ("hour", "project_id", "component", "error_class", "severity", "events"),
            # In key order: two processes that count into the same rows then never wait for each other crosswise.
            [(moment(key[0]), *key[1:], number) for key, number in sorted(counts.items())],
            "ON CONFLICT (hour, project_id, component, error_class, severity) "
            "DO UPDATE SET events = infra_error_rollups.events + excluded.events",
        )
