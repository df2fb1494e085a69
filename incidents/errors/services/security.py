"""Reports that browsers send of broken policies: CSP, Expect-CT, Expect-Staple, HPKP (develop.sentry.dev, security).

Each becomes a Sentry event and goes the way of all events, so that scrubbing and storage are the same. Grouped by the
directive and what it blocked, never by the page: one missing source in a policy is one incident. URLs lose query and
fragment; the sample of a blocked script is raw input and goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from readiness.infra.refusals import Malformed, UnsupportedMedia

MAX_REPORTS = 20
CONTENT_TYPES = frozenset(
    {
        "application/csp-report",
        "application/json",
        "application/reports+json",
        "application/expect-ct-report",
        "application/expect-ct-report+json",
        "application/expect-staple-report",
    }
)
_EXTENSIONS = ("chrome-extension", "moz-extension", "safari-extension", "safari-web-extension", "ms-browser-extension")
_KINDS = {"expect-ct-report": "Expect-CT", "expect-staple-report": "Expect-Staple"}
_THINGS = {
    "script": "script", "style": "style", "img": "image", "font": "font", "connect": "connection", "frame": "frame",
    "form": "form", "media": "media file", "worker": "worker", "manifest": "manifest", "object": "plugin object",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class SecurityReports:
    """`events`: Sentry events as JSON. `dropped`: (category, reason, quantity) of reports that are not kept."""

    events: tuple[bytes, ...]
    dropped: tuple[tuple[str, str, int], ...] = field(default=())


def security_reports_read(
    *, body: bytes, content_type: str, release: str | None, environment: str | None, user_agent: str, at: datetime
) -> SecurityReports:
    """The events of a request. Raises UnsupportedMedia for another content type, Malformed for what is no report."""
    kind = content_type.split(";", 1)[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise UnsupportedMedia(
            f"Content-Type {content_type[:80]!r} is no security report; send one of {', '.join(sorted(CONTENT_TYPES))}."
        )
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise Malformed(f"The report is not valid JSON: {str(broken)[:200]}.") from broken
    reports = sent if isinstance(sent, list) else [sent]
    events: list[bytes] = []
    by_extensions = 0
    for report in reports[:MAX_REPORTS]:
        for event in _events(report, at):
            if event is None:
                by_extensions += 1
                continue
            request = {"url": event.pop("url"), "headers": {"User-Agent": user_agent[:500]} if user_agent else {}}
            events.append(_encode({**event, "request": request, "release": release, "environment": environment}))
    dropped = [
        ("security", reason, quantity)
        for reason, quantity in (
            ("browser_extension", by_extensions),
            ("too_many_reports", len(reports) - MAX_REPORTS),
        )
        if quantity > 0
    ]
    return SecurityReports(tuple(events), tuple(dropped))


def _events(report: Any, at: datetime) -> Iterator[dict[str, Any] | None]:
    """The event of one report; None for one that a browser extension brought about. Raises Malformed."""
    if not isinstance(report, dict):
        raise Malformed(f"A security report is a JSON object, not {type(report).__name__}.")
    if isinstance(csp := report.get("csp-report"), dict):
        yield _csp({name.replace("_", "-"): value for name, value in csp.items()}, at)
    elif isinstance(body := report.get("body"), dict):  # the Reporting API: kinds of reports beside CSP's are skipped
        if report.get("type") == "csp-violation":
            age = report.get("age")
            ago = min(max(age, 0), 86_400_000) if isinstance(age, int) and not isinstance(age, bool) else 0
            yield _csp(_of_reporting_api(body), at - timedelta(milliseconds=ago))
    elif found := next((name for name in _KINDS if isinstance(report.get(name), dict)), None):
        yield _certificate(_KINDS[found], report[found], at)
    elif "known-pins" in report or "noted-hostname" in report:
        yield _certificate("Public-Key-Pins", report, at)
    elif not isinstance(report.get("type"), str):
        raise Malformed("This is no security report: it has none of csp-report, expect-ct-report, known-pins, body.")


def _of_reporting_api(body: dict[str, Any]) -> dict[str, Any]:
    names = {
        "documentURL": "document-uri", "blockedURL": "blocked-uri", "effectiveDirective": "effective-directive",
        "originalPolicy": "original-policy", "sourceFile": "source-file", "lineNumber": "line-number",
        "columnNumber": "column-number", "statusCode": "status-code",
    }  # fmt: skip
    return {names.get(name, name): value for name, value in body.items()}


def _text(value: Any, limit: int = 500) -> str:
    return value[:limit] if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _without_query(url: str) -> str:
    return url.split("?", 1)[0].split("#", 1)[0]


def _origin(url: str) -> tuple[str, str]:
    """(scheme, host with its port) of a URL; a bare word like `inline` has neither."""
    try:
        parts = urlsplit(" ".join(url.split()))
        return parts.scheme.lower(), parts.netloc.rsplit("@", 1)[-1].lower()
    except ValueError:
        return "", ""


def _blocked(uri: str, document: str) -> str:
    """What was blocked, as one word to group by: `inline`, `eval`, `self`, a scheme, or an origin."""
    if not uri:
        return "self"
    scheme, host = _origin(uri)
    if not scheme:
        return uri.lower()[:100]
    if not host:
        return f"{scheme}:"
    return "self" if host == _origin(document)[1] else f"{scheme}://{host}"


def _csp(report: dict[str, Any], at: datetime) -> dict[str, Any] | None:
    document, uri = _text(report.get("document-uri"), 2_000), _text(report.get("blocked-uri"), 2_000)
    source = _without_query(_text(report.get("source-file"), 1_000))
    if _origin(uri)[0] in _EXTENSIONS or _origin(source)[0] in _EXTENSIONS or uri in _EXTENSIONS:
        return None
    words = (_text(report.get("effective-directive")) or _text(report.get("violated-directive"))).lower().split()
    directive = words[0] if words else "unknown"
    blocked = _blocked(uri, document)
    reported = _text(report.get("disposition")) == "report"
    verb = "Would block" if reported else "Blocked"
    return _event(
        message=f"{verb} {_what(directive, blocked)} ({directive})",
        fingerprint=["csp", directive, blocked],
        level="warning" if reported else "error",
        logger="csp",
        page=document,
        host=_origin(document)[1],
        tags={"effective-directive": directive, "blocked": blocked, "disposition": "report" if reported else "enforce"},
        extra={
            "source_file": source,
            "line": _text(report.get("line-number")),
            "column": _text(report.get("column-number")),
            "status_code": _text(report.get("status-code")),
            "referrer": _without_query(_text(report.get("referrer"), 1_000)),
            "original_policy": _text(report.get("original-policy"), 4_000),
        },
        at=at,
    )


def _what(directive: str, blocked: str) -> str:
    thing = _THINGS.get(directive.split("-", 1)[0], "resource")
    if blocked in ("inline", "eval"):
        return f"an {'inline' if blocked == 'inline' else 'evaluated'} {thing}"
    a = "an" if thing[0] in "aeiou" else "a"
    return f"{a} {thing} of the page's own origin" if blocked == "self" else f"{a} {thing} from {blocked}"


def _certificate(kind: str, report: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Expect-CT, Expect-Staple and HPKP: a host's certificate did not keep its promise. Certificates are left out."""
    host, port = _text(report.get("hostname"), 200).lower() or "unknown", _text(report.get("port")) or "443"
    words = {name: _text(report.get(name)) for name in ("failure-mode", "response-status", "cert-status")}
    return _event(
        message=f"{kind} failed for {host}",
        fingerprint=[kind.lower(), host],
        level="warning" if report.get("test-report") is True else "error",
        logger=kind.lower(),
        page=f"https://{host}:{port}/",
        host=host,
        tags={"hostname": host, "port": port},
        extra={name.replace("-", "_"): word for name, word in words.items() if word},
        at=at,
    )


def _event(
    *,
    message: str,
    fingerprint: list[str],
    level: str,
    logger: str,
    page: str,
    host: str,
    tags: dict[str, str],
    extra: dict[str, str],
    at: datetime,
) -> dict[str, Any]:
    """A guard was met (system.security), at the edge (L2), on the page's host."""
    where = {"error_class": "system.security", "layer": "L2", "component": host or "browser"}
    return {
        "timestamp": at.isoformat(),
        "platform": "other",
        "level": level,
        "logger": logger,
        "logentry": {"message": message, "formatted": message},
        "fingerprint": fingerprint,
        "tags": {**tags, **where},
        "extra": {name: value for name, value in extra.items() if value},
        "url": _without_query(page),
    }
