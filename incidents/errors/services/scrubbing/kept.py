"""What is kept of a scrubbed event beside the event itself."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Cleaned:
    """Each `bytes` is JSON.

    `stacks`: of each exception (and of the thread that tells, if no exception has frames), an array of frames.
    `variables`, `raw_input`: what is to be hashed and dropped; `raw_kept`: what of it the project keeps, by `data`,
    `query` and `cookies`.
    """

    stacks: list[bytes] = field(default_factory=list)
    breadcrumbs: list[bytes] = field(default_factory=list)
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw_kept: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    extra: bytes = b"null"
    contexts: bytes = b"null"
    trace_id: str = ""
    span_id: str = ""
    sdk: str = ""
    variables: bytes = b""
    raw_input: bytes = b""
