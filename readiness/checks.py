"""System checks of the shell: what would make the console fail later is said at the start, each with its mend."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.module_loading import import_string

_LOCAL = ("127.0.0.1", "::1", "localhost")
_BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "unix")
_HOOKS = ("READINESS_ERROR_RECORDER", "READINESS_INCIDENT_SINK", "READINESS_KEY_FIGURES", "READINESS_TENANT_OF_PROJECT")


@register("readiness")
def check_home(**_: Any) -> list[CheckMessage]:
    """readiness.E001: the home, or the nearest directory above it that exists, can be written."""
    home: Path = settings.READINESS_HOME
    existing = next(path for path in (home, *home.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"READINESS_HOME is {home}, and {existing} cannot be written.",
            hint="Set READINESS_HOME to a directory that this user may write, or correct its owner.",
            id="readiness.E001",
        )
    ]


@register("readiness")
def check_secrets(**_: Any) -> list[CheckMessage]:
    """readiness.E002: keys that sign sessions and hashes are long enough not to be guessed."""
    return [
        Error(
            f"{name} is shorter than 32 characters.",
            hint=f"Leave {name} unset (one is made and kept in READINESS_HOME), or set one of 50 random characters.",
            id="readiness.E002",
        )
        for name in ("SECRET_KEY", "READINESS_HASH_KEY")
        if len(getattr(settings, name)) < 32
    ]


@register("readiness")
def check_base_url(**_: Any) -> list[CheckMessage]:
    """readiness.E003: the base URL is one. readiness.E004: its host is answered."""
    base = urlsplit(settings.READINESS_BASE_URL)
    if base.scheme not in ("http", "https") or not base.hostname or base.query or base.fragment:
        return [
            Error(
                f"READINESS_BASE_URL is {settings.READINESS_BASE_URL!r}.",
                hint="It is scheme and host, a port and a path where needed: https://console.example.com",
                id="readiness.E003",
            )
        ]
    if settings.ALLOWED_HOSTS != ["*"] and not any(_matches(base.hostname, host) for host in settings.ALLOWED_HOSTS):
        return [
            Error(
                f"READINESS_ALLOWED_HOSTS leaves out {base.hostname}, the host of READINESS_BASE_URL.",
                hint=f"Add {base.hostname} to READINESS_ALLOWED_HOSTS, or leave that unset.",
                id="readiness.E004",
            )
        ]
    return []


def _matches(host: str, pattern: str) -> bool:
    return host == pattern or (pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]))


@register("readiness")
def check_broker(**_: Any) -> list[CheckMessage]:
    """readiness.E005: the broker's scheme is known. readiness.W001: other machines share the broker, not the file."""
    broker = urlsplit(settings.REDIS_URL)
    if broker.scheme not in _BROKER_SCHEMES:
        return [
            Error(
                f"REDIS_URL has the scheme {broker.scheme!r}.",
                hint="Use redis://, rediss:// or redis+socket://, or leave it unset for the embedded broker.",
                id="readiness.E005",
            )
        ]
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if sqlite and broker.hostname and broker.hostname not in _LOCAL:
        return [
            Warning(
                f"The broker is on {broker.hostname}, but the database is a file of this machine.",
                hint="Fine for one machine. For several, set DATABASE_URL to a PostgreSQL that all of them reach.",
                id="readiness.W001",
            )
        ]
    return []


@register("readiness")
def check_numbers(**_: Any) -> list[CheckMessage]:
    """readiness.E006: numbers from the environment are possible ones."""
    limits = {"PORT": (1, 65_535), "READINESS_WEB_PROCESSES": (1, 64), "READINESS_WEB_THREADS": (1, 512)}
    return [
        Error(
            f"{name} is {getattr(settings, name)}.",
            hint=f"Set {name} to a number from {low} to {high}, or leave it unset.",
            id="readiness.E006",
        )
        for name, (low, high) in limits.items()
        if not low <= getattr(settings, name) <= high
    ]


@register("readiness")
def check_hooks(**_: Any) -> list[CheckMessage]:
    """readiness.E007: what reaches upwards through a setting exists."""
    return [
        Error(
            f"{name} names {dotted}, which cannot be imported: {failure}",
            hint="Correct the dotted path; it is module.attribute.",
            id="readiness.E007",
        )
        for name, dotted in _hooks()
        if (failure := _import_failure(dotted))
    ]


def _hooks() -> Iterator[tuple[str, str]]:
    for name in _HOOKS:
        yield name, getattr(settings, name)
    for topic, dotted in settings.READINESS_OUTBOX_HANDLERS.items():
        yield f"READINESS_OUTBOX_HANDLERS[{topic!r}]", dotted
    for place, dotted in enumerate(settings.READINESS_CORRELATION_READERS):
        yield f"READINESS_CORRELATION_READERS[{place}]", dotted
    for place, dotted in enumerate(settings.READINESS_RISK_SOURCES):
        yield f"READINESS_RISK_SOURCES[{place}]", dotted
    if settings.READINESS_DECISION_SOURCE:
        yield "READINESS_DECISION_SOURCE", settings.READINESS_DECISION_SOURCE
    for place, dotted in enumerate(settings.READINESS_INCIDENT_HOLDERS):
        yield f"READINESS_INCIDENT_HOLDERS[{place}]", dotted
    for place, dotted in enumerate(settings.READINESS_PLAYBOOK_CHAPTERS):
        yield f"READINESS_PLAYBOOK_CHAPTERS[{place}]", dotted
    for job, dotted in settings.READINESS_JOBS.items():
        yield f"READINESS_JOBS[{job!r}]", dotted


def _import_failure(dotted: str) -> str:
    try:
        import_string(dotted)
    except ImportError as failure:
        return str(failure)
    return ""


@register(Tags.security, deploy=True)
def check_plain_http(**_: Any) -> list[CheckMessage]:
    """readiness.W002: one warning in place of Django's four (settings.SILENCED_SYSTEM_CHECKS) about plain HTTP."""
    base = urlsplit(settings.READINESS_BASE_URL)
    if base.scheme == "https":
        return []
    return [
        Warning(
            "READINESS_BASE_URL is plain HTTP: sessions and keys travel in the clear.",
            hint="Right for 127.0.0.1 and a first hour. Behind TLS, set it to the https address: redirect, HSTS and "
            "secure cookies follow from it.",
            id="readiness.W002",
        )
    ]
