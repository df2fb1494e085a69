"""The in-app frames of a stored error, to compare with another's: which code it went through. Pure."""

from collections.abc import Mapping
from typing import Any

MOST = 60


def own_frames(detail: Mapping[str, Any]) -> frozenset[str]:
    """`place function` of each in-app frame of a stored detail, without line numbers, which every release moves."""
    found: set[str] = set()
    for exception in detail.get("exceptions") or ():
        frames = exception.get("frames") if isinstance(exception, Mapping) else None
        for frame in (frames or ())[-MOST:]:
            if isinstance(frame, Mapping) and frame.get("in_app"):
                found.add(f"{frame.get('module') or frame.get('filename') or '?'} {frame.get('function') or '?'}"[:200])
    return frozenset(found)
