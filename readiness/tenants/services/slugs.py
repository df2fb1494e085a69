"""What tenants and keys may be called."""

import re

from readiness.infra.refusals import FieldError, Invalid

# As a DNS label: it may become a host name, a file name or a metric label one day.
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NAME_LENGTH = 120


def slug_checked(*, slug: str) -> str:
    """The slug, if it is one: 1-63 lower-case letters, digits and inner hyphens. Raises Invalid."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(
            f"“{slug[:80]}” cannot be a tenant's slug: use 1 to 63 lower-case letters, digits and hyphens, "
            "starting and ending with a letter or digit, such as acme-eu.",
            errors=[FieldError("/slug", "Lower-case letters, digits and inner hyphens, at most 63.")],
        )
    return slug


def name_checked(*, name: str, pointer: str = "/name") -> str:
    """A name for people: trimmed, printable, 1-120 characters. Raises Invalid."""
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > NAME_LENGTH or not trimmed.isprintable():
        raise Invalid(
            f"A name needs 1 to {NAME_LENGTH} printable characters.",
            errors=[FieldError(pointer, f"Write 1 to {NAME_LENGTH} printable characters.")],
        )
    return trimmed


def label_checked(*, label: str) -> str:
    """A label for people, which may be left empty: trimmed, printable, at most 120 characters. Raises Invalid."""
    return name_checked(name=label, pointer="/label") if label.strip() else ""


def environment_checked(*, environment: str) -> str:
    """An environment's name (production, eu-west.2): 1-64 letters, digits, `.` `_` `-`. Raises Invalid."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", environment):
        raise Invalid(
            "An environment's name has 1 to 64 letters, digits, dots, underscores and hyphens, such as production.",
            errors=[FieldError("/environment", "Letters, digits, . _ -; at most 64.")],
        )
    return environment
