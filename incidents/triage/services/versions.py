"""Releases as versions, so that one can be called older than another. Nothing here guesses: what does not parse has no
place in the order, and whoever asks falls back to times.

    release    = [ name "@" ] [ "v" ] numbers [ "-" prerelease ] [ "+" build ]
    name       = anything; it ends at the last "@", so that `@scope/shop@1.2.3` has one
    numbers    = number 1*5( "." number )       1.2, 1.2.3, 2026.11.2, 1.2.3.4; missing ones count as 0
    prerelease = identifier *( "." identifier ) of letters, digits and hyphens, as in 2.0.0-rc.1
    build      = letters, digits, hyphens and dots

The order is that of Semantic Versioning 2.0.0, section 11 (https://semver.org/spec/v2.0.0.html#spec-item-11), widened
to two and to more than three numbers and to leading zeros, which calendar versions have. A lone number is none: seven
digits may be a commit. Sentry takes neither a bare `5.36.2` nor `shop@v1.2.3` for versions and orders them by date
instead, which its users meet as false regressions (sentry#88976); here both are.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_RELEASE = re.compile(
    r"(?:(?P<name>.+)@)?[vV]?(?P<numbers>[0-9]{1,18}(?:\.[0-9]{1,18}){1,5})"
    r"(?:-(?P<prerelease>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+(?P<build>[0-9A-Za-z.-]+))?",
    re.DOTALL,
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """`name` and `build` may be empty; `precedence` compares as section 11 orders."""

    name: str
    precedence: tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]
    build: str


@lru_cache(maxsize=1_024)
def release_version(release: str) -> ReleaseVersion | None:
    """The version in a release's name; None for a name that has none (a commit, a date, a word)."""
    found = _RELEASE.fullmatch(release)
    if found is None:
        return None
    numbers = [int(number) for number in found["numbers"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()  # 1.2 and 1.2.0 are one
    identifiers = found["prerelease"].split(".") if found["prerelease"] else []
    return ReleaseVersion(
        name=found["name"] or "",
        precedence=(tuple(numbers), not identifiers, tuple(_identifier(text) for text in identifiers)),
        build=found["build"] or "",
    )


def _identifier(text: str) -> tuple[bool, int, str]:
    """Digits alone compare as numbers and stand before words (11.4.1 to 11.4.3)."""
    return (False, int(text), "") if text.isdigit() else (True, 0, text)


def release_order(first: str, second: str) -> int | None:
    """-1, 0 or 1 as the first release is older than, the same as, or newer than the second; None when versions cannot
    say: one has none, their names differ, or only their builds do, which have no order (section 10). A release
    without a name, such as the `1.2.3` that a person typed, speaks of any; one without a build of all builds.
    """
    one, other = release_version(first), release_version(second)
    if one is None or other is None or (one.name and other.name and one.name != other.name):
        return None
    if one.precedence != other.precedence:
        return 1 if one.precedence > other.precedence else -1
    return None if one.build and other.build and one.build != other.build else 0


def release_is_commit(release: str, commit: str) -> bool:
    """Whether the release is named after this commit (`shop@3f2c1ab`, or the bare id); both may be abbreviated."""
    named = release.rpartition("@")[2].lower()
    if not is_commit(named) or not is_commit(commit):
        return False
    shorter, longer = sorted((named, commit.lower()), key=len)
    return longer.startswith(shorter)


def is_commit(text: str) -> bool:
    """7 to 64 hexadecimal digits."""
    return _COMMIT.fullmatch(text.lower()) is not None
