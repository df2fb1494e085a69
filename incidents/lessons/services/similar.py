"""Which past incidents are most like one, and why: the answer to "were we here before, and what fixed it?". Pure.

    score = 35 [same error class] + 20 [same component] + 25 J(frames) + 15 J(words of title) + 5 [same release line]

J(a, b) is the size of what both have divided by the size of what either has (Jaccard 1901), 0 where one is empty. Its
frames are the in-app ones, without line numbers; a release line is its name and first number (`shop@4` of
`shop@4.11.2`). Two errors that nobody could classify have no class in common. The weights put what an error *is* before
where it happened, and both before how it is called: two timeouts in two components are closer than a timeout and a
KeyError in one. From LIKE points on, they are shown.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

CLASS, COMPONENT, FRAMES, WORDS, RELEASE = 35, 20, 25, 15, 5
LIKE = 30
UNCLASSIFIED = "system.unclassified"
_WORD = re.compile(r"[^\W\d_]{3,}")
_LINE = re.compile(r"(.*?@)?\D{0,3}(\d+)")
# They stand in the title of almost every error, or between the words of one.
_COMMON = frozenset({"error", "exception", "the", "and", "for", "not", "was", "has", "with", "from", "that", "this"})


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is compared of an incident. `frames`: its in-app frames as `place function`."""

    error_class: str
    component: str
    title: str
    release: str = ""
    frames: Collection[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Similar:
    """How much another incident is like the one at hand, 0 to 100, and why, the weightiest reason first."""

    incident_id: int
    score: int
    why: tuple[str, ...]
    likeness: Likeness

    @property
    def why_text(self) -> str:
        return ", ".join(self.why)


@lru_cache(maxsize=4_096)
def release_line(release: str) -> str:
    """`shop@4` of `shop@4.11.2`, `2` of `v2.0`; a release without a number is its own line."""
    found = _LINE.match(release)
    return f"{found[1] or ''}{found[2]}" if found else release


@lru_cache(maxsize=4_096)
def title_words(title: str) -> frozenset[str]:
    """The words of a title that tell it from others, in lower case. A page compares one title with two hundred."""
    return frozenset(word.lower() for word in _WORD.findall(title)) - _COMMON


def likeness_points(one: Likeness, other: Likeness) -> float:
    """How much `other` is like `one`, 0 to 100 (formula above)."""
    points = 0.0
    if one.error_class == other.error_class != UNCLASSIFIED:
        points += CLASS
    if frames := frozenset(one.frames) & frozenset(other.frames):
        points += FRAMES * len(frames) / len(frozenset(one.frames) | frozenset(other.frames))
    if one.component == other.component:
        points += COMPONENT
    mine, theirs = title_words(one.title), title_words(other.title)
    if words := mine & theirs:
        points += WORDS * len(words) / len(mine | theirs)
    if one.release and release_line(one.release) == release_line(other.release):
        points += RELEASE
    return points


def _reasons(one: Likeness, other: Likeness) -> tuple[str, ...]:
    """What the points are for, the weightiest first."""
    why = []
    if one.error_class == other.error_class != UNCLASSIFIED:
        why.append(f"same class {one.error_class}")
    if frames := len(frozenset(one.frames) & frozenset(other.frames)):
        why.append(f"{frames} in-app frame{'s' if frames > 1 else ''} shared")
    if one.component == other.component:
        why.append("same component")
    if words := title_words(one.title) & title_words(other.title):
        why.append(f"“{' '.join(sorted(words)[:3])}” in both titles")
    if one.release and release_line(one.release) == release_line(other.release):
        why.append(f"release line {release_line(one.release)[:40]}")
    return tuple(why)


def similar_score(*, one: Likeness, other: Likeness, other_id: int) -> Similar:
    """How much `other` is like `one`, and why."""
    return Similar(other_id, round(likeness_points(one, other)), _reasons(one, other), other)


def similar_rank(
    *, one: Likeness, others: Iterable[tuple[int, Likeness]], ended: Collection[int], limit: int
) -> list[Similar]:
    """The most like it of `others` (number, what is compared). Those in `ended` (prevented, closed) come first: what
    fixed them is what somebody looks for; then by score, the newest number first. Reasons are given to those alone: a
    page compares two hundred.
    """
    scored = [(round(likeness_points(one, other)), number, other) for number, other in others]
    close = [found for found in scored if found[0] >= LIKE]
    close.sort(key=lambda found: (found[1] not in ended, -found[0], -found[1]))
    return [similar_score(one=one, other=other, other_id=number) for _, number, other in close[:limit]]


def similar_refine(
    *, one: Likeness, found: Sequence[Similar], frames: dict[int, Collection[str]], fixed: Collection[int], limit: int
) -> list[Similar]:
    """The same once the frames of the few that are left are read. Those with a fix on record (`fixed`) first."""
    better = [
        similar_score(
            one=one,
            other=replace(item.likeness, frames=frames.get(item.incident_id, frozenset())),
            other_id=item.incident_id,
        )
        for item in found
    ]
    return sorted(better, key=lambda item: (item.incident_id not in fixed, -item.score, -item.incident_id))[:limit]
