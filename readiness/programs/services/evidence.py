"""Rules for a piece of evidence as it comes in: its id, its hash, its web address, its time."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from readiness.infra.redaction import text_scrub
from readiness.infra.refusals import FieldError, Invalid
from readiness.programs.services.facts import Claim, EvidenceFact, Outcome
from readiness.programs.services.freshness import evidence_from_future, evidence_state

_REF = re.compile(r"EV-([1-9][0-9]{0,17})", re.IGNORECASE)
_KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TEXT_LIMITS = {"title": 200, "url": 500, "note": 1000, "unit": 20, "commit": 64, "ref": 40}


def evidence_ref(pk: int) -> str:
    """`EV-31`: how people and machines name a piece of evidence."""
    return f"EV-{pk}"


def evidence_pk(ref: str) -> int | None:
    """The number in `EV-31`; None when it is no evidence id."""
    found = _REF.fullmatch(ref.strip())
    return int(found[1]) if found else None


def evidence_sha256(body: bytes | dict[str, str]) -> str:
    """SHA-256 in hex over the received bytes, or over the canonical JSON of evidence that was typed in."""
    raw = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(raw).hexdigest()


def evidence_time_reason(*, collected_at: datetime, valid_until: datetime | None, now: datetime) -> str:
    """Why these times cannot be; empty when they can."""
    if evidence_from_future(collected_at=collected_at, now=now):
        return f"collected_at lies in the future (it is {now:%Y-%m-%dT%H:%M:%SZ} here); send when it was collected."
    if valid_until is not None and valid_until <= collected_at:
        return "valid_until lies before collected_at; send a later one, or leave it out."
    return ""


def evidence_location_reason(location: str) -> str:
    """Why a place is refused: a scheme other than http and https would be a link nobody should follow."""
    scheme = urlsplit(location).scheme if ":" in location.split("/", 1)[0] else ""
    if scheme and scheme not in ("http", "https"):
        return f'"{scheme}:" is no place for evidence; give an http(s) address or a path in the repository.'
    return ""


def claim_of_outcome(outcome: Outcome) -> Claim:
    """What a machine's report claims of the criterion that it is attached to: only a pass is a pass."""
    return {Outcome.PASSED: Claim.MET, Outcome.FAILED: Claim.NOT_MET}.get(outcome, Claim.NOTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDraft:
    """A piece of evidence before it has an id. Texts are scrubbed by `evidence_draft`; times are aware."""

    kind: str
    title: str
    url: str = ""
    note: str = ""
    outcome: Outcome = Outcome.NONE
    value: Decimal | None = None
    unit: str = ""
    commit: str = ""
    ref: str = ""
    collected_at: datetime
    valid_until: datetime | None = None


def evidence_draft_check(*, draft: EvidenceDraft, now: datetime) -> EvidenceDraft:
    """The draft with its texts scrubbed of secrets. Raises Invalid naming every field that cannot be.

    Pointers are those of `POST /v1/evidence`: /kind, /title, /url, /value, /collected_at …
    """
    errors = []
    if not _KIND.fullmatch(draft.kind):
        errors.append(FieldError("/kind", "Use lower-case letters, digits and dashes, such as coverage or flake-rate."))
    if not draft.title.strip():
        errors.append(FieldError("/title", "Say in a few words what the evidence shows."))
    if reason := evidence_location_reason(draft.url):
        errors.append(FieldError("/url", reason))
    if draft.value is not None and not _storable(draft.value):
        errors.append(FieldError("/value", "A value has at most 15 digits, 6 of them behind the point."))
    if reason := evidence_time_reason(collected_at=draft.collected_at, valid_until=draft.valid_until, now=now):
        errors.append(FieldError("/collected_at", reason))
    for field, limit in TEXT_LIMITS.items():
        if len(getattr(draft, field)) > limit:
            errors.append(FieldError(f"/{field}", f"At most {limit} characters."))
    if errors:
        raise Invalid(f"The evidence cannot be recorded: {errors[0].detail}", errors=errors)
    return replace(
        draft, title=text_scrub(draft.title.strip()), url=text_scrub(draft.url), note=text_scrub(draft.note.strip())
    )


def _storable(value: Decimal) -> bool:
    """SQLite keeps decimals as doubles: fifteen digits come back as they went in, more would not."""
    if not value.is_finite():
        return False
    shape = value.normalize().as_tuple()
    assert isinstance(shape.exponent, int)  # of a finite number it always is
    return shape.exponent >= -6 and len(shape.digits) + max(shape.exponent, 0) <= 15


def attestation_reason(*, claim: Claim, evidence: Sequence[EvidenceFact], at: datetime, max_age_days: int) -> str:
    """Why this may not be attested; empty when it may. Evidence that failed or went stale shows no criterion as met."""
    if not evidence:
        return "An attestation rests on evidence: choose at least one piece, or add a new one."
    if claim is not Claim.MET:
        return ""
    states = [evidence_state(evidence=fact, at=at, max_age_days=max_age_days) for fact in evidence]
    unfit = next((state for state in states if not state.relied_on), None)
    return f"{unfit.named_reason}: it cannot show that this is met. Leave it out, or collect it anew." if unfit else ""
