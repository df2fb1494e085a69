"""Which of the expected kinds of evidence an incident has: what is missing is counted, and how to get it is said (5-8).

Only what applies counts: spans where the project sends spans, an input hash where there was a request.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What the event that is shown carries, as its L3 view says; None: this kind does not apply here."""

    exception: bool
    own_frames: bool
    breadcrumbs: bool
    release: bool
    environment: bool
    correlation: bool
    input_hash: bool | None = None
    spans: bool | None = None
    user_words: bool | None = None


@dataclass(frozen=True, slots=True)
class MissingKind:
    """A kind of evidence that is not there, and the setting that brings it."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class EvidenceCompleteness:
    """Names of the kinds of evidence, in reading order."""

    present: tuple[str, ...]
    missing: tuple[MissingKind, ...]

    @property
    def expected(self) -> int:
        return len(self.present) + len(self.missing)


# field of EvidenceFacts → (its name, how to get it)
_KINDS = {
    "exception": (
        "exception chain",
        "Let the SDK capture the exception itself (capture_exception), not only a message; or send exception_chain.",
    ),
    "own_frames": (
        "in-app frames",
        'Tell the SDK which code is yours: in_app_include=["shop"] in its init, or run it from the project\'s root.',
    ),
    "breadcrumbs": (
        "breadcrumbs",
        "Keep the SDK's default integrations on (logging, HTTP, database), and max_breadcrumbs above 0.",
    ),
    "release": ("release", "Set release=\"shop@1.2.3\" in the SDK's init, or SENTRY_RELEASE where it runs."),
    "environment": ("environment", "Set environment=\"production\" in the SDK's init, or SENTRY_ENVIRONMENT."),
    "correlation": (
        "correlation id",
        "Any current SDK sends its trace id; POST /v1/errors takes correlation_id, or a traceparent header.",
    ),
    "input_hash": (
        "input hash",
        "Let the SDK see the request (max_request_body_size=\"always\"); it is hashed here and dropped, never stored.",
    ),
    "spans": (
        "spans",
        "Point the OTLP exporter of this service at /otlp/v1/traces too, and let it sample what fails.",
    ),
    "user_words": (
        "the user's words",
        "Ask who was hit: the SDK's feedback dialogue, or capture_user_feedback with the event's id.",
    ),
}  # fmt: skip


def evidence_completeness_compute(*, facts: EvidenceFacts) -> EvidenceCompleteness:
    """What is present and what is missing of the kinds that apply; decisions and their replay join them with their own
    subject.
    """
    held = {field: getattr(facts, field) for field in _KINDS}
    return EvidenceCompleteness(
        present=tuple(_KINDS[field][0] for field, has in held.items() if has),
        missing=tuple(MissingKind(*_KINDS[field]) for field, has in held.items() if has is False),
    )
