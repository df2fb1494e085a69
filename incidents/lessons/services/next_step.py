"""What an incident asks of a person now: one step, the most urgent, for the page and for the home page's list."""

from dataclasses import dataclass

from incidents.lessons.services.closing import ClosingVerdict


@dataclass(frozen=True, slots=True)
class NextStep:
    """`code`: confirm, acknowledge, root_cause, lesson, control, prove, prevent, post_mortem, close or none."""

    code: str
    text: str


_CLOSE = NextStep("close", "Prevented. Close it once you have told those who were hit.")
_POST_MORTEM = NextStep("post_mortem", "Prevented. Write its post-mortem: it is closed with one only.")


def incident_next_step(
    *,
    status: str,
    recurrence_confirmed: bool,
    diagnosed: bool,
    has_controls: bool,
    closing: ClosingVerdict,
    post_mortem_missing: bool = False,
) -> NextStep:
    """The next step of an incident's life (detected → acknowledged → diagnosed → prevented → closed).
    `post_mortem_missing`: its priority asks for one before it is closed (348), and nobody has written it.
    """
    missing = {item.part: item.text for item in closing.missing}
    if status == "closed":
        return NextStep("none", "Closed. Its controls go on being run.")
    if not recurrence_confirmed:
        return NextStep("confirm", "It seems to have come back, under a public key: confirm it, or leave it.")
    if status == "prevented":
        return _POST_MORTEM if post_mortem_missing else _CLOSE
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
