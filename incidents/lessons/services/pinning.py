"""The evidence pinned to a root cause: only that stops the diagnosis clock.

A text alone proves no diagnosis. Where retention or erasure has left no event to pin, a written reason takes its place.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from readiness.infra.refusals import FieldError, Invalid

MAX_PINNED = 20
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Pinned:
    """`error_ids`: what shows the cause, each once; `reason`: why nothing could be pinned."""

    error_ids: tuple[str, ...]
    reason: str
    stops_clock: bool


def evidence_pin(*, wanted: Sequence[str], stored: Collection[str], anything_left: bool, reason: str = "") -> Pinned:
    """What a root cause pins. `stored`: those of `wanted` that the console still has, as an event or as the copy that
    it keeps; `anything_left`: the incident has an event that could be pinned.

    Raises Invalid for an id that is not stored, for more than MAX_PINNED, and for too long a reason.
    """
    ids = tuple(dict.fromkeys(wanted))
    said = reason.strip()
    errors = []
    if len(ids) > MAX_PINNED:
        errors.append(FieldError("/evidence", f"At most {MAX_PINNED} errors: pin those that show the cause."))
    errors += [
        FieldError("/evidence", f"{error_id[:40]} is not stored here any more: pin one that the page shows.")
        for error_id in ids[:MAX_PINNED]
        if error_id not in stored
    ]
    if len(said) > MAX_REASON or "\0" in said:
        errors.append(FieldError("/evidence_reason", f"Plain text of at most {MAX_REASON} characters."))
    if errors:
        raise Invalid(f"The root cause is not saved: {' '.join(error.detail for error in errors)}", errors=errors)
    return Pinned(ids, said, stops_clock=bool(ids) or (not anything_left and bool(said)))


def evidence_kept(*, had: bool, pinned: Pinned) -> None:
    """Raises Invalid where a revision takes away the evidence by which the clock stopped: other evidence may stand in
    its place, none may not.
    """
    if had and not pinned.stops_clock:
        detail = "The diagnosis clock stopped by what is pinned: pin what shows this cause, the same or another event."
        raise Invalid(f"The root cause is not saved. {detail}", errors=[FieldError("/evidence", detail)])
