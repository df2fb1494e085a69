"""Structured logs: one JSON object a line on stderr, each with `ts`, `level`, `logger`, `event`, `rid` and `tenantId`.

`rid` is the correlation id (218): `/correlations/<rid>/` shows what else happened under it. `tenantId` is the slug of
the tenant whose key called, whose task or whose outbox message it is. Both are null where there is none: a start, a
line of the scheduler, a founder's own page. Nothing of this costs anything while nothing is logged.
"""

import logging
import logging.config
from collections.abc import Mapping
from typing import Any

import structlog

from readiness.infra.correlation import current_correlation, current_tenant
from readiness.infra.redaction import FILTERED, key_is_secret, text_scrub

_OURS = frozenset({"ts", "level", "logger", "rid", "span"})
_MAX_DEPTH = 6


def _add_correlation(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    context = current_correlation()
    event.setdefault("rid", context.correlation_id if context else None)
    if context is not None:
        event.setdefault("span", context.span_id)
    event.setdefault("tenantId", current_tenant())
    return event


def _plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it, without secrets; what JSON does not know as its own words, without secrets too."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text_scrub(value)
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {str(key): _named(str(key), item, depth + 1) for key, item in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return text_scrub(repr(value))


def _named(key: str, value: Any, depth: int) -> Any:
    return FILTERED if value not in (None, "", [], {}) and key_is_secret(key) else _plain(value, depth)


def _scrub(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """No secret reaches a log line: not in its text, not in a traceback, not in a value or under a telling key."""
    return {key: value if key in _OURS else _named(key, value, 0) for key, value in event.items()}


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    _add_correlation,
    structlog.processors.format_exc_info,
]


def configure(options: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: `options` is `{"level": "INFO"}`. Standard logging and structlog share one form."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": _SHARED,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        _scrub,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": options.get("level", "INFO")},
            "loggers": {"django.request": {"level": "ERROR"}, "django.server": {"level": "WARNING"}},
        }
    )
