"""OTLP's errors in the shape of Sentry's events: chain, tags, contexts, request, and what they are grouped by."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from incidents.errors.services.otlp.attributes import Attributes, attributes_join
from incidents.errors.services.otlp.reading import ExceptionSeen, Service, SpanSeen
from incidents.errors.services.otlp.stacks import Stack, StackFrame

MAX_CRUMBS = 20
ENTRY_KINDS = frozenset({"server", "consumer"})
# Words of ours: an attribute of OpenTelemetry that happens to be called so means something else.
_RESERVED = frozenset({"component", "layer", "error_class", "tenant", "correlation_id", "celery_task_id"})
_PREFIX = "readiness."
_UNTAGGED = ("code.stacktrace", "thread.", "telemetry.")


def type_split(name: str) -> tuple[str, str]:
    """`shop.pay.Declined` → module and `Declined`: Sentry's SDKs send them apart, and Python's logs have only the
    second, so that one exception looks alike from everywhere.
    """
    module, _, last = name.strip("* ").rpartition(".")
    return (module, last) if last else ("", name)


def link_shape(name: str, value: str, frames: Sequence[StackFrame]) -> dict[str, Any]:
    module, kind = type_split(name)
    link: dict[str, Any] = {"type": kind or None, "value": value, "module": module or None}
    if frames:
        link["stacktrace"] = {
            "frames": [
                {
                    "function": frame.function, "module": frame.module, "filename": frame.filename,
                    "lineno": frame.lineno, "in_app": frame.in_app, "context_line": frame.context_line,
                }
                for frame in frames
            ]
        }  # fmt: skip
    return link


def exceptions_shape(exception: ExceptionSeen, stack: Stack) -> list[dict[str, Any]]:
    """The chain in Sentry's order, what was raised last; it is called as the attributes call it."""
    causes = [link_shape(link.type or "Error", link.value, link.frames) for link in stack.links[:-1]]
    frames = stack.links[-1].frames if stack.links else ()
    return [*causes, link_shape(exception.type, exception.message, frames)]


def service_fingerprint(service: Service) -> list[str] | None:
    return ["{{ default }}", service.name] if service.name else None


def exception_fingerprint(exception: ExceptionSeen | None, stack: Stack, service: Service) -> list[str] | None:
    """None leaves it to grouping. Without a stack, the service tells one timeout from another. A stack that grows on
    its way up looks different to every observer: only where it was raised, of the team's own code, is the same to all.
    """
    if exception is None or not any(link.frames for link in stack.links):
        return service_fingerprint(service)
    if not stack.grows:
        return None
    parts: list[str] = []
    for link in stack.links:
        kind = link.type if link is not stack.links[-1] else exception.type
        inner = next(
            (frame for frame in reversed(link.frames) if frame.in_app), link.frames[-1] if link.frames else None
        )
        parts += [type_split(kind)[1], *([inner.place] if inner else [])]
    return parts


# --- the event ------------------------------------------------------------------------------------------------------


def event_shape(
    *,
    service: Service,
    attributes: Attributes,
    entry: SpanSeen | None,
    exceptions: list[dict[str, Any]],
    fingerprint: list[str] | None,
    level: str,
    at: int,
    trace: tuple[str, str],
    otel: Mapping[str, str],
    crumbs: Iterable[tuple[int, str, str]],
    said: str = "",
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "timestamp": at / 10**9 if at else None,
        "level": level,
        "platform": service.language or None,
        "logger": service.scope or None,
        "transaction": span_name(entry) if entry else None,
        "release": service.version or None,
        "environment": service.environment or None,
        "fingerprint": fingerprint,
        "tags": _tags(service, attributes, entry),
        "extra": {name: value for name, value in attributes.kept.items() if isinstance(value, dict | list)},
        "contexts": _contexts(service, trace, {**otel, "layer": _layer_told(attributes, entry)}),
        "breadcrumbs": {"values": [_crumb(*crumb) for crumb in list(crumbs)[-MAX_CRUMBS:]]},
        "request": _request(attributes, entry),
        "sdk": {"name": service.sdk.partition("/")[0], "version": service.sdk.partition("/")[2]}
        if service.sdk
        else None,
    }
    if exceptions:
        event["exception"] = {"values": exceptions}
    if said:
        event["logentry"] = {"formatted": said}
    if user := attributes.user or (entry.attributes.user if entry else ""):
        event["user"] = {"id": user}
    return {name: value for name, value in event.items() if value is not None}


def _crumb(at: int, category: str, text: str) -> dict[str, Any]:
    return {"timestamp": at / 10**9, "category": category, "message": text[:300]}


def _component(service: Service, attributes: Attributes) -> str:
    """`readiness.component`, else the service, else the code that logged; else the stack tells (capture's rule)."""
    code = attributes.text("code.namespace") or attributes.text("code.function.name").rpartition(".")[0]
    return attributes.text("readiness.component") or service.name or code


def _tags(service: Service, attributes: Attributes, entry: SpanSeen | None) -> dict[str, str]:
    tags = {
        name.removeprefix(_PREFIX): value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in attributes.kept.items()
        if isinstance(value, str | int | float | bool) and name not in _RESERVED and not name.startswith(_UNTAGGED)
    }
    if component := _component(service, attributes):
        tags["component"] = component
    if "agent_id" not in tags and (agent := attributes.text("gen_ai.agent.id")):
        tags["agent_id"] = agent
    return tags


def _layer_told(attributes: Attributes, entry: SpanSeen | None) -> str:
    """What the spans tell of the layer; a tag of the sender's and a founders' rule know better."""
    if entry is not None and entry.kind == "consumer":
        return "L5"
    if attributes.raw and (entry is None or entry.kind not in ENTRY_KINDS):
        return "L6"  # input that came with no request of ours
    return ""


def _contexts(service: Service, trace: tuple[str, str], otel: Mapping[str, str]) -> dict[str, Any]:
    contexts: dict[str, Any] = {
        "otel": {name: value for name, value in {**otel, "scope": service.scope}.items() if value},
        "resource": service.attributes.kept,
    }
    if trace[0]:
        contexts["trace"] = {"trace_id": trace[0], "span_id": trace[1]}
    return contexts


def _request(attributes: Attributes, entry: SpanSeen | None) -> dict[str, Any] | None:
    """Method and address of the request that failed, and its raw input for capture to hash and drop."""
    here = attributes_join(entry.attributes, attributes) if entry and entry.kind == "server" else attributes
    method = here.text("http.request.method", "http.method")
    url = here.text("url.full", "http.url", "url.path", "http.target", "http.route")
    served = entry is not None and entry.kind == "server"
    if not here.raw and not (served and (method or url)):
        return None
    request: dict[str, Any] = {"method": method, "url": url}
    if here.raw:
        request["data"] = here.raw
    return request


def span_name(span: SpanSeen) -> str:
    return span.name.partition("?")[0] or span.kind
