"""How an SDK is told to hold back: `Retry-After` and `X-Sentry-Rate-Limits` (develop.sentry.dev, rate limiting).

    X-Sentry-Rate-Limits: 30:error:project:key_limit

reads: for 30 seconds send no errors of this project, because of `key_limit`. A 429 without it makes SDKs hold back
everything for a minute; on a 200 it says what is refused from now on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from readiness.infra.refusals import RateLimited, Refusal

DEFAULT_SECONDS = 60
LONGEST_SECONDS = 3_600
HEADER = "X-Sentry-Rate-Limits"
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True, slots=True)
class Limit:
    """`reason`: lower-case letters, digits, `_` and `-`; it comes back in the SDK's report of what it dropped.
    `category`: `error`, or empty for everything.
    """

    seconds: float
    reason: str
    category: str = "error"

    @property
    def words(self) -> str:
        """`30:error:project:key_limit`."""
        reason = "".join(char for char in self.reason.lower() if char in _TOKEN) or "limited"
        return f"{_seconds(self.seconds)}:{self.category}:project:{reason}"


class CaptureLimited(RateLimited):
    """429 of capture, with the headers that SDKs obey."""

    def __init__(self, detail: str, *, seconds: float, reason: str, category: str = "error") -> None:
        limit = Limit(seconds, reason, category)
        super().__init__(detail, headers={"Retry-After": str(_seconds(seconds)), HEADER: limit.words})
        self.limit = limit


def _seconds(seconds: float) -> int:
    return min(max(1, ceil(seconds)), LONGEST_SECONDS)


def limit_headers(limits: Iterable[Limit]) -> dict[str, str]:
    """What a 200 says of limits that hold from now on; nothing for none."""
    words = ", ".join(limit.words for limit in limits)
    return {HEADER: words} if words else {}


def refusal_headers(refusal: Refusal) -> Mapping[str, str]:
    """A refusal's own headers; a 429 always has both, a 503 always says when to come again."""
    headers = refusal.headers
    if refusal.status == 503:
        return {"Retry-After": "5", **headers}
    if refusal.status != 429:
        return headers
    after = headers.get("Retry-After", "")
    seconds = int(after) if after.isdigit() else DEFAULT_SECONDS
    return {"Retry-After": str(seconds), HEADER: Limit(seconds, "limited").words, **headers}
