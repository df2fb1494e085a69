"""What an incident is called: the words of one of its errors, scrubbed when that was stored."""

from collections.abc import Sequence

LONGEST = 250
_COMPARED = 200  # of a message: a title holds its beginning


def title_make(*, exception_type: str | None, message: str, error_class: str) -> str:
    """`ValueError: It broke.`, or what there is of it."""
    said = message.strip().splitlines()[0] if message.strip() else ""
    title = f"{exception_type}: {said}" if exception_type and said else exception_type or said
    return title[:LONGEST] or error_class


def title_wordless(*, error_class: str, component: str) -> str:
    """A title that repeats nobody's words."""
    return f"{error_class} in {component}"[:LONGEST]


def title_repeats(title: str, *, words: Sequence[str]) -> bool:
    """The title holds the first line of one of these messages."""
    lines = [message.strip().splitlines()[0] for message in words if message.strip()]
    return any(line[:_COMPARED] in title for line in lines)
