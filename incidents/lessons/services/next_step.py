"""What an incident asks of a person now: one step, the most urgent, for the page and for the home page's list."""

from collections.abc import Mapping
from dataclasses import dataclass

from incidents.lessons.services.closing import ClosingVerdict


@dataclass(frozen=True, slots=True)
class NextStep:
    """`code`: confirm, acknowledge, root_cause, lesson, control, prove, prevent, post_mortem, close or none."""

    code: str
    text: str


def incident_next_step(
    *, status: str, recurrence_confirmed: bool, diagnosed: bool, has_controls: bool, closing: ClosingVerdict
) -> NextStep:
    """The next step of an incident's life (detected → acknowledged → diagnosed → prevented → closed). `closing`: the
    verdict over what comes next, so that of a prevented one the missing post-mortem is part of it.
    """
    missing = {item.part: item.text for item in closing.missing}
    if status == "closed":
        return NextStep("none", "Closed. Its controls go on being run.")
    if not recurrence_confirmed:
        return NextStep("confirm", "It seems to have come back, under a public key: confirm it, or leave it.")
    if status == "prevented":
        return _closing_step(missing, has_controls)
    if status in {"detected", "recurred"}:
        return NextStep("acknowledge", "Nobody has taken it yet.")
    if not diagnosed:
        return NextStep("root_cause", "Write the root cause and pin the evidence to it: the clock runs until then.")
    if "lesson" in missing:
        return NextStep("lesson", missing["lesson"])
    if "control" in missing:
        return NextStep("prove" if has_controls else "control", missing["control"])
    ready = closing.by_waiver or "Everything that the rule asks for is there."
    return NextStep("prevent", f"{ready} Mark it prevented once the fix is out.")


_BEFORE_CLOSING = {"root_cause": "root_cause", "lesson": "lesson", "control": "prove"}


def _closing_step(missing: Mapping[str, str], has_controls: bool) -> NextStep:
    """Of what closing will refuse for, the first thing: what held when it was marked prevented may hold no more."""
    for part, code in _BEFORE_CLOSING.items():
        if part in missing:
            step = "control" if part == "control" and not has_controls else code
            return NextStep(step, f"Prevented, and not ready to be closed. {missing[part]}")
    if "post_mortem" in missing:
        return NextStep("post_mortem", "Prevented. Write its post-mortem: it is closed with one only.")
    return NextStep("close", "Prevented. Close it once you have told those who were hit.")
