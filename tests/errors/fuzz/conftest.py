"""What every answer of a capture door is held to, whatever was sent."""

import json
from collections.abc import Iterator
from time import process_time
from typing import Any

import pytest
from django.test import Client
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from incidents.errors.adapters import error_view
from incidents.errors.models import ErrorEvent
from incidents.errors.workflows import raw_input_set
from incidents.triage.models import Incident
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from tests.errors.conftest import Door, NativeDoor
from tests.errors.otlp import PROTOBUF, OtlpDoor
from tests.factories import a_founder

MOST_SECONDS = 5.0  # of the processor for one request, whatever else the machine does
MOST_STORED = 400_000  # bytes of one event's compressed detail: what is kept of one is bounded (services.trimming)


class Doors:
    """All doors of one project, and what is asked of each answer."""

    def __init__(self, door: Door, native: NativeDoor, otlp: OtlpDoor) -> None:
        self.door, self.native, self.otlp = door, native, otlp
        self.client = Client()  # a failure of ours is the test's, with its traceback
        self.last_seen = utcnow()

    def send(self, path: str, body: bytes, *, content_type: str, headers: dict[str, str] | None = None) -> Any:
        """POST it: answered in time, in a documented shape, and never with a failure of ours."""
        begun = process_time()
        answer = self.client.post(path, data=body, content_type=content_type, headers=headers or {})
        assert process_time() - begun < MOST_SECONDS
        assert answer.status_code < 500, (answer.status_code, answer.content, body[:2_000])
        self._shape(path, answer)
        return answer

    def sentry(
        self, body: bytes, door: str = "envelope", headers: dict[str, str] | None = None, query: str = ""
    ) -> Any:
        auth = {"X-Sentry-Auth": f"Sentry sentry_key={self.door.dsn.public_key}, sentry_version=7"}
        path = f"/api/{self.door.project_id}/{door}/{query}"
        kind = "application/json" if door == "security" else "application/x-sentry-envelope"
        return self.send(path, body, content_type=kind, headers={**auth, **(headers or {})})

    def bearer(self, path: str, body: bytes, *, content_type: str, headers: dict[str, str] | None = None) -> Any:
        key = {"Authorization": f"Bearer {self.native.key}"}
        return self.send(path, body, content_type=content_type, headers={**key, **(headers or {})})

    def _shape(self, path: str, answer: Any) -> None:
        kind = answer.headers["Content-Type"]
        if kind == PROTOBUF:
            try:
                ExportLogsServiceResponse.FromString(answer.content)  # a Status where refused: the same wire format
            except DecodeError:
                assert answer.status_code >= 400
            return
        said = json.loads(answer.content)
        if kind == "application/problem+json":
            assert said["status"] == answer.status_code
            assert said["detail"]
        elif path.startswith("/api/"):
            assert set(said) == ({"id"} if answer.status_code == 200 else {"detail", "causes"}), said
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        elif path.startswith("/otlp/"):
            assert set(said) <= ({"partialSuccess"} if answer.status_code == 200 else {"code", "message", "details"})
        else:
            assert set(said) == {"accepted", "rejected"}

    def is_kept(self, event_id: str) -> bool:
        """Whether an acknowledged event stands in the table, and can be shown."""
        found = ErrorEvent.objects.filter(project_id=self.door.project_id, error_id=event_id).first()
        if found is not None:
            self.is_readable(found)
        return found is not None

    def is_readable(self, event: ErrorEvent) -> None:
        assert len(event.payload) < MOST_STORED
        error_view(event)

    def all_readable(self) -> None:
        """What has been stored since the last time can be shown, event by event."""
        since, self.last_seen = self.last_seen, utcnow()
        for event in ErrorEvent.objects.filter(project_id=self.door.project_id, created_at__gte=since):
            self.is_readable(event)

    def pages_open(self) -> None:
        """The newest incidents' pages open, and so do the machines' views of them."""
        founder = Client()
        founder.force_login(a_founder())
        assert founder.get("/incidents/").status_code == 200
        for incident in Incident.objects.order_by("-pk")[:10]:
            assert founder.get(f"/incidents/INC-{incident.pk}/").status_code == 200


@pytest.fixture
def doors(door: Door, native: NativeDoor, otlp: OtlpDoor, settings: Any) -> Iterator[Doors]:
    """Limits are off: what is acknowledged is kept, and no example is refused for those before it."""
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE = 0
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 0
    settings.READINESS_ERROR_RECORDER = "tests.failures.failure_raise"
    yield Doors(door, native, otlp)
    assert not ErrorEvent.objects.filter(project_id=0).exists(), "the console recorded a failure of its own"


@pytest.fixture
def keeping(doors: Doors) -> None:
    """The project keeps all raw input: it is scrubbed and stored instead of hashed and dropped."""
    everything = ["request.data.*", "request.query.*", "request.cookies.*", "frame.vars.*"]
    raw_input_set(project_id=doors.door.project_id, kept_fields=everything, keep_ip=True, actor=SYSTEM)
