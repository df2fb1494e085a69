"""What a post-mortem has to say: trimmed, bounded, and refused with the mend. Pure."""

from dataclasses import dataclass

from incidents.triage.services.response import is_grave
from readiness.infra.refusals import FieldError, Invalid

MAX_TEXT = 20_000
_NEEDED = {
    "summary": "Say in a few sentences what happened.",
    "impact": "Say who was hit, how, and for how long.",
    "went_wrong": "Say what made it worse, or let it happen.",
}


@dataclass(frozen=True, slots=True)
class PostMortemDraft:
    """Its parts, trimmed."""

    summary: str
    impact: str
    went_well: str
    went_wrong: str
    lucky: str


def post_mortem_needed(*, priority: str) -> bool:
    """P0 and P1 need one before they are closed (348)."""
    return is_grave(priority)


def post_mortem_draft(*, summary: str, impact: str, went_well: str, went_wrong: str, lucky: str) -> PostMortemDraft:
    """Raises Invalid where a part that is needed is empty, or one is longer than 20,000 characters."""
    parts = {
        "summary": summary, "impact": impact, "went_well": went_well, "went_wrong": went_wrong, "lucky": lucky,
    }  # fmt: skip
    parts = {name: text.replace("\x00", "").replace("\r\n", "\n").strip() for name, text in parts.items()}
    errors = [FieldError(f"/{name}", said) for name, said in _NEEDED.items() if not parts[name]]
    errors += [
        FieldError(f"/{name}", f"At most {MAX_TEXT:,} characters; these are {len(text):,}.")
        for name, text in parts.items()
        if len(text) > MAX_TEXT
    ]
    if errors:
        raise Invalid("The post-mortem is not saved: " + " ".join(error.detail for error in errors), errors=errors)
    return PostMortemDraft(**parts)
