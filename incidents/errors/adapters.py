"""L3: what a page may show of an error (132 forbids the raw envelope): selection and renaming, no queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from incidents.errors.services.normalising import payload_decompress
from incidents.errors.services.upgrading import row_upgrade


class StoredEvent(Protocol):
    """What the adapter reads of a stored event."""

    error_id: str
    timestamp: datetime
    layer: str
    component: str
    error_class: str
    severity: str
    message: str
    correlation_id: str | None
    decision_id: str | None
    input_hash: str | None
    exception_type: str | None
    exception_chain: Any
    context: Any
    envelope_version: int
    release: str | None
    environment: str
    payload: Any


@dataclass(frozen=True, slots=True)
class FrameView:
    """One place in the stack. `lines`: (is the line itself, source) around it; `variables`: those that are kept."""

    place: str
    function: str
    line: int | None
    in_app: bool
    lines: tuple[tuple[bool, str], ...]
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExceptionView:
    """One link of the chain, its own frames innermost first; `library_frames` are folded away, and so are `more_frames`
    of its own beyond MAX_FRAMES_SHOWN. Where no frame is its own, the library's are shown.
    """

    type: str
    value: str
    frames: tuple[FrameView, ...]
    library_frames: int
    more_frames: int = 0


@dataclass(frozen=True, slots=True)
class BreadcrumbView:
    at: str
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class ErrorView:
    """What an operator needs from one error; scrubbed when it was stored. `raw_kept`: the raw input that its project
    keeps, by name (`request.query.page`); `address`: the user's, where the project keeps addresses; `more_causes` of a
    longer chain are not shown.
    """

    error_id: str
    at: datetime
    layer: str
    component: str
    error_class: str
    severity: str
    message: str
    correlation_id: str | None
    decision_id: str | None
    input_hash: str | None
    release: str | None
    environment: str
    request: str
    sdk: str
    user_hash: str | None
    tags: tuple[tuple[str, str], ...]
    exceptions: tuple[ExceptionView, ...]
    breadcrumbs: tuple[BreadcrumbView, ...]
    raw_kept: tuple[tuple[str, str], ...] = ()
    address: str = ""
    more_causes: int = 0


class StoredReport(Protocol):
    """What the adapter reads of what a user wrote."""

    comments: str
    user_hash: str
    environment: str
    release: str
    url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SaidView:
    """What a user wrote; `user` tells one from another, and neither name nor address."""

    at: datetime
    text: str
    user: str
    release: str
    environment: str
    url: str


def said_view(report: StoredReport) -> SaidView:
    """One user's words as a page shows them; scrubbed when they were stored."""
    return SaidView(
        at=report.created_at,
        text=report.comments,
        user=report.user_hash[:6],
        release=report.release,
        environment=report.environment,
        url=report.url,
    )


MAX_FRAMES_SHOWN = 12
MAX_VALUE_SHOWN = 300
MAX_BREADCRUMBS_SHOWN = 30
MAX_EXCEPTIONS_SHOWN = 6


def _frame(frame: Mapping[str, Any]) -> FrameView:
    lines: list[tuple[bool, str]] = []
    if frame.get("context_line"):
        lines = [(False, str(line or "")) for line in (frame.get("pre_context") or [])[-2:]]
        lines.append((True, str(frame["context_line"])))
        lines += [(False, str(line or "")) for line in (frame.get("post_context") or [])[:2]]
    return FrameView(
        place=str(frame.get("filename") or frame.get("module") or "?"),
        function=str(frame.get("function") or "?"),
        line=frame.get("lineno"),
        in_app=bool(frame.get("in_app")),
        lines=tuple(lines),
        variables=_named(frame.get("vars")),
    )


def _named(values: Any, prefix: str = "") -> tuple[tuple[str, str], ...]:
    if not isinstance(values, dict):
        return ()
    return tuple((f"{prefix}{name}", str(value)[:MAX_VALUE_SHOWN]) for name, value in list(values.items())[:50])


def _exception(exception: Mapping[str, Any]) -> ExceptionView:
    frames = [_frame(frame) for frame in reversed(exception.get("frames") or [])]
    own = [frame for frame in frames if frame.in_app] or frames
    return ExceptionView(
        type=str(exception.get("type") or "Error"),
        value=str(exception.get("value") or ""),
        frames=tuple(own[:MAX_FRAMES_SHOWN]),
        library_frames=len(frames) - len(own),
        more_frames=max(0, len(own) - MAX_FRAMES_SHOWN),
    )


def _breadcrumb(crumb: Any) -> BreadcrumbView | None:
    if not isinstance(crumb, dict):
        return None
    data = crumb.get("data")
    pairs = data.items() if isinstance(data, dict) else ()
    text = crumb.get("message") or ", ".join(f"{key}={value}" for key, value in pairs)
    return BreadcrumbView(
        at=str(crumb.get("timestamp") or ""), category=str(crumb.get("category") or ""), text=str(text)[:300]
    )


def error_view(event: StoredEvent) -> ErrorView:
    """One stored error as a page shows it: the raised exception first, its causes after it. A row of an older envelope
    version is shown in the present one.
    """
    told = {name: getattr(event, name) for name in ("component", "error_class", "message")}
    told = row_upgrade(told, event.envelope_version)
    detail = payload_decompress(event.payload)
    request = detail.get("request") or {}
    chain = list(reversed(detail.get("exceptions") or []))
    crumbs = [_breadcrumb(crumb) for crumb in (detail.get("breadcrumbs") or [])[-MAX_BREADCRUMBS_SHOWN:]]
    return ErrorView(
        error_id=event.error_id,
        at=event.timestamp,
        layer=event.layer,
        component=event.component,
        error_class=told["error_class"],
        severity=event.severity,
        message=told["message"],
        correlation_id=event.correlation_id,
        decision_id=event.decision_id,
        input_hash=event.input_hash,
        release=event.release,
        environment=event.environment,
        request=f"{request.get('method') or ''} {request.get('url') or ''}".strip(),
        sdk=str(detail.get("sdk") or ""),
        user_hash=(event.context or {}).get("user_hash"),
        tags=tuple((str(name), str(value)) for name, value in (detail.get("tags") or {}).items()),
        exceptions=tuple(_exception(exception) for exception in chain[:MAX_EXCEPTIONS_SHOWN]),
        more_causes=max(0, len(chain) - MAX_EXCEPTIONS_SHOWN),
        breadcrumbs=tuple(crumb for crumb in crumbs if crumb is not None),
        raw_kept=tuple(
            pair
            for kind in ("data", "query", "cookies")
            for pair in _named(request.get(kind), prefix=f"request.{kind}.")
        ),
        address=str(detail.get("ip_address") or ""),
    )
