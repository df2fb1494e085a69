"""Capture over HTTP commits in a thread of its own: these tests get a database of their own, and leave no thread."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from incidents.errors.workflows import errors_settle
from readiness.tenants.models import DsnKey
from readiness.tenants.workflows import forget_recent_answers
from tests.errors.otlp import OtlpDoor
from tests.factories import a_dsn_key, an_api_key


class Door:
    """A program's way in: its DSN key, and posts as its SDK makes them."""

    def __init__(self, dsn: DsnKey) -> None:
        self.dsn, self.project_id, self.client = dsn, dsn.project_id, Client(raise_request_exception=False)

    def envelope(self, *items: tuple[dict[str, Any], bytes], header: dict[str, Any] | None = None) -> bytes:
        lines = [json.dumps(header or {}).encode()]
        for head, payload in items:
            lines += [json.dumps({"length": len(payload), **head}).encode(), payload]
        return b"\n".join(lines)

    def event_envelope(self, event: dict[str, Any]) -> bytes:
        payload = json.dumps(event).encode()
        return self.envelope(({"type": "event"}, payload), header={"event_id": event["event_id"]})

    def post(self, body: bytes, **headers: str) -> Any:
        auth = {"X-Sentry-Auth": f"Sentry sentry_key={self.dsn.public_key}, sentry_version=7"}
        return self.client.post(
            f"/api/{self.project_id}/envelope/",
            data=body,
            content_type="application/x-sentry-envelope",
            headers={**auth, **headers},
        )

    def post_gzipped(self, body: bytes) -> Any:
        return self.post(gzip.compress(body), **{"Content-Encoding": "gzip"})


@pytest.fixture
def door(fresh_database: str) -> Iterator[Door]:
    forget_recent_answers()
    yield Door(a_dsn_key())
    errors_settle()


class NativeDoor:
    def __init__(self, key: str) -> None:
        self.key, self.client = key, Client(raise_request_exception=False)

    def post(self, body: Any, content_type: str = "application/json", **headers: str) -> Any:
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.client.post(
            "/v1/errors",
            data=data,
            content_type=content_type,
            headers={"Authorization": f"Bearer {self.key}", **headers},
        )


@pytest.fixture
def native(door: Door) -> NativeDoor:
    return NativeDoor(an_api_key("errors:write", tenant=door.dsn.project.tenant).key)


@pytest.fixture
def otlp(door: Door) -> OtlpDoor:
    return OtlpDoor(an_api_key("errors:write", tenant=door.dsn.project.tenant).key, door.project_id)
