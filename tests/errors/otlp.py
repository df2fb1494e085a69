"""OTLP bodies for the tests: the smallest valid of each kind, in JSON and through the proto files."""

import json
import secrets
import time
from base64 import b64encode
from typing import Any

from django.test import Client
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
STACK = """Traceback (most recent call last):
  File "/srv/shop/venv/lib/python3.11/site-packages/django/core/handlers/base.py", line 197, in _get_response
    response = wrapped_callback(request)
  File "/srv/shop/shop/orders.py", line 12, in settle
    return totals[order]
KeyError: 'total'
"""


def value(plain: Any) -> dict[str, Any]:
    """An AnyValue."""
    match plain:
        case bool():
            return {"boolValue": plain}
        case int():
            return {"intValue": str(plain)}
        case float():
            return {"doubleValue": plain}
        case list():
            return {"arrayValue": {"values": [value(item) for item in plain]}}
        case dict():
            return {"kvlistValue": {"values": attributes(plain)}}
        case _:
            return {"stringValue": plain}


def attributes(plain: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(item)} for key, item in plain.items()]


def now(after_ms: float = 0) -> str:
    """Nanoseconds since 1970, as OTLP/JSON writes them."""
    return str(time.time_ns() + int(after_ms * 1e6))


def exception_event(**fields: Any) -> dict[str, Any]:
    known = {"exception.type": "KeyError", "exception.message": "'total'", "exception.stacktrace": STACK}
    return {"timeUnixNano": now(), "name": "exception", "attributes": attributes({**known, **fields})}


def a_span(**fields: Any) -> dict[str, Any]:
    known = {
        "traceId": secrets.token_hex(16), "spanId": secrets.token_hex(8), "name": "POST /orders", "kind": 2,
        "startTimeUnixNano": now(-20), "endTimeUnixNano": now(), "status": {},
    }  # fmt: skip
    return {**known, **fields}


def a_record(**fields: Any) -> dict[str, Any]:
    known = {"timeUnixNano": now(), "severityNumber": 17, "severityText": "ERROR", "body": value("It went wrong.")}
    return {**known, **fields}


RESOURCE = {"service.name": "shop-api", "service.version": "1.4.2", "deployment.environment.name": "staging",
            "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry"}  # fmt: skip


def traces(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {"attributes": attributes(RESOURCE if resource is None else resource)}
    return {"resourceSpans": [{"resource": told, "scopeSpans": [{"scope": {"name": "tests"}, "spans": list(spans)}]}]}


def logs(*records: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {"attributes": attributes(RESOURCE if resource is None else resource)}
    scoped = [{"scope": {"name": "shop.orders"}, "logRecords": list(records)}]
    return {"resourceLogs": [{"resource": told, "scopeLogs": scoped}]}


def protobuf(body: dict[str, Any]) -> bytes:
    """The same body in protobuf. (The proto files' own JSON has ids in base64: they are put in as bytes.)"""
    message = ExportLogsServiceRequest() if "resourceLogs" in body else ExportTraceServiceRequest()
    plain = json.loads(json.dumps(body))
    _ids_recode(plain)
    ParseDict(plain, message)
    return bytes(message.SerializeToString())


def _ids_recode(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _ids_recode(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                node[key] = b64encode(bytes.fromhex(item)).decode()
            else:
                _ids_recode(item)


class OtlpDoor:
    """An exporter's way in."""

    def __init__(self, key: str, project_id: int) -> None:
        self.key, self.project_id = key, project_id
        self.client = Client(raise_request_exception=False)

    def post(self, signal: str, body: Any, content_type: str = JSON, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(
            f"/otlp/v1/{signal}",
            data=data,
            content_type=content_type,
            headers={"Authorization": f"Bearer {self.key}", **headers},
        )

    def traces(self, *spans: dict[str, Any], **fields: Any) -> Any:
        return self.post("traces", traces(*spans, **fields))

    def logs(self, *records: dict[str, Any], **fields: Any) -> Any:
        return self.post("logs", logs(*records, **fields))
