"""What a post-mortem begins with: what the incident's root cause, lessons and events say already. Pure."""

from collections.abc import Sequence
from datetime import datetime


def post_mortem_prefill(
    *,
    title: str,
    component: str,
    occurrences: int,
    first_seen: datetime,
    last_seen: datetime,
    environments: Sequence[str],
    root_cause: str,
    factors: Sequence[str],
    lessons: Sequence[tuple[str, str, str]],
) -> dict[str, str]:
    """Field → text, for its author to go on from. `lessons`: (believed, was true, do now)."""
    places = ", ".join(dict.fromkeys(place for place in environments if place)) or "no environment named"
    span = f"{first_seen:%Y-%m-%d %H:%M} to {last_seen:%Y-%m-%d %H:%M} UTC"
    impact = f"{occurrences:,} error{'' if occurrences == 1 else 's'} in {component} ({places}), {span}.\nWho was hit: "
    wrong = [f"- {factor}" for factor in factors]
    wrong += [f"- We believed: {believed} It was: {true}" for believed, true, _ in lessons]
    well = [f"- What we do now: {now}" for _, _, now in lessons]
    summary = f"{title}.\n{root_cause}" if root_cause else f"{title}.\n"
    return {"summary": summary, "impact": impact, "went_wrong": "\n".join(wrong), "went_well": "\n".join(well)}
