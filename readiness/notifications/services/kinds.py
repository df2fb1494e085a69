"""The kinds of notices: one registry, with their titles and who hears of them when nobody has said otherwise."""

from dataclasses import dataclass

TEST = "test"
DIGEST = "digest"
ESCALATED = "incident.escalated"
REVIEW_WAITING = "playbook.review_waiting"
# Their notices name, in the fact “To”, who hears of them beside the founders.
NAMING = frozenset({ESCALATED, REVIEW_WAITING})


@dataclass(frozen=True, slots=True)
class Kind:
    """`usual`: told without anybody's asking; `minimum`: then only from this priority on, where a notice has one."""

    key: str
    title: str
    usual: bool = True
    minimum: str = ""


KINDS: tuple[Kind, ...] = (
    Kind("incident.detected", "New incident", minimum="P1"),
    Kind("incident.recurred", "Incident recurred"),
    Kind("incident.acknowledged", "Incident acknowledged", usual=False),
    Kind("incident.updated", "Status update", minimum="P1"),
    Kind("incident.update_due", "Status update due"),
    Kind(ESCALATED, "Incident escalated"),
    Kind("incidents.summary", "Summary of open incidents"),
    Kind("control.due", "Control is due to run"),
    Kind("control.overdue", "Control was not proven in time"),
    Kind("control.stale", "Control turned stale"),
    Kind("control.broken", "Control broke"),
    Kind("control.ineffective", "Control was ineffective"),
    Kind(REVIEW_WAITING, "Playbook edit waits for review"),
    Kind("capture.limited", "Capture reached a limit"),
    Kind("channel.off", "A way to tell you was switched off"),
    Kind(TEST, "Test", usual=False),
)
_BY_KEY = {kind.key: kind for kind in KINDS}
CHOSEN = tuple(kind for kind in KINDS if kind.key != TEST)  # what a rule can name


def kind_of(key: str) -> Kind:
    """The kind of that key; one that is not registered is told as a rule's usual ones are, under its own name."""
    return _BY_KEY.get(key) or Kind(key, key.replace(".", " ").replace("_", " ").capitalize())
