"""What a use-case answers when it will not: pure exceptions that every layer may raise and L1/L2 translate.

A machine gets them as RFC 9457 problem details (`readiness.infra.problem`), a person as a message on the page. Each
says what happened and what to do next; `errors` point at single fields (JSON pointers).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class FieldError(NamedTuple):
    """One bad field: `pointer` is a JSON pointer (RFC 6901, `""` for the whole body), `detail` names the mend."""

    pointer: str
    detail: str


class Refusal(Exception):
    """A request that is refused, with the reason and the mend. `status` is the HTTP status of its class."""

    status = 409
    title = "Refused"
    slug = "refused"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class Malformed(Refusal):
    status, title, slug = 400, "Malformed request", "malformed"


class Unauthenticated(Refusal):
    status, title, slug = 401, "Authentication needed", "unauthenticated"


class Forbidden(Refusal):
    status, title, slug = 403, "Not allowed", "forbidden"


class NotFound(Refusal):
    status, title, slug = 404, "Not found", "not-found"


class WrongMethod(Refusal):
    status, title, slug = 405, "Method not allowed", "method-not-allowed"


class Conflict(Refusal):
    status, title, slug = 409, "Conflict", "conflict"


class TooLarge(Refusal):
    status, title, slug = 413, "Too large", "too-large"


class UnsupportedMedia(Refusal):
    status, title, slug = 415, "Unsupported media type", "unsupported-media-type"


class Invalid(Refusal):
    status, title, slug = 422, "Invalid", "invalid"


class RateLimited(Refusal):
    status, title, slug = 429, "Too many requests", "rate-limited"


class Unavailable(Refusal):
    status, title, slug = 503, "Unavailable for now", "unavailable"
