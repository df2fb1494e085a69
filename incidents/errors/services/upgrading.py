"""The envelope's versions, and the way from each to the present one: `envelope_upgrade`.

What the versions are
- 0 is the first draft of the document (1.1 of phase S, requirements 12-20), which names nine fields: error_id,
  timestamp, layer, component, correlation_id, decision_id, input_hash, error_class, severity. It has no message, and
  its classes are the nine words of its taxonomy (87-89), of which one is called otherwise today: `domain.budget`.
  A sender built on the draft says `"envelope_version": 0`.
- 1 is the shape that the document settled on a page later (70-90) and that INTERFACES shows: with message, run, agent,
  tenant, exception, context. It is the present one.

A body without `envelope_version` is of version 1, and always will be: the field came after the shape, so everybody who
leaves it out means that one. A higher version than ours is refused, not guessed at: what its fields mean is unknown
here, and half an error is worse than a sender that is told to wait for the console's update.

What is stored
An envelope is upgraded before it is checked, so a row has the shape of the day it was written, and its column
envelope_version says which. Rows are append-only, so they are never rewritten; whoever reads the fields that have
changed since reads them through `row_upgrade`. A body that came in another version leaves that in the row's context, as
`sent_version`.

A new version is a step here (`_STEPS[n]` makes n + 1 of n), ENVELOPE_VERSION raised by one, and a line above.
"""

from collections.abc import Callable, Mapping
from typing import Any

from readiness.infra.envelope import ENVELOPE_VERSION
from readiness.infra.refusals import FieldError, Invalid

UNVERSIONED = 1  # what a body without the field is
SENT_VERSION = "sent_version"
_DRAFT_CLASSES = {"domain.budget": "domain.budget_exceeded"}

Body = dict[str, Any]


def _from_0(body: Body) -> Body:
    """The draft's class takes its present name; its message, which it has none of, says what is known."""
    sent = body.get("error_class")
    error_class = _DRAFT_CLASSES.get(sent, sent) if isinstance(sent, str) else sent
    message = body.get("message") or f"{error_class} in {body.get('component')}"
    return {**body, "error_class": error_class, "message": message}


_STEPS: Mapping[int, Callable[[Body], Body]] = {0: _from_0}
OLDEST = min(_STEPS)


def envelope_upgrade(body: Mapping[str, Any], version: int) -> Body:
    """The body in the present version, without `envelope_version`. Bodies of this version pass as they are; what is
    wrong with their fields is the next check's affair. Raises ValueError for a version that has no way here.
    """
    if not OLDEST <= version <= ENVELOPE_VERSION:
        raise ValueError(f"envelope_version: {version} is none of {OLDEST} to {ENVELOPE_VERSION}.")
    upgraded = {name: value for name, value in body.items() if name != "envelope_version"}
    for step in range(version, ENVELOPE_VERSION):
        upgraded = _STEPS[step](upgraded)
    return upgraded


def version_read(body: Mapping[str, Any]) -> int:
    """The version that a body says it is of. Raises Invalid, saying what to do, for one that is not known here."""
    sent = body.get("envelope_version")
    if sent is None:
        return UNVERSIONED
    if isinstance(sent, bool) or not isinstance(sent, int) or sent < OLDEST:
        detail = f"A whole number from {OLDEST} to {ENVELOPE_VERSION} is needed; leave it out for {UNVERSIONED}."
    elif sent > ENVELOPE_VERSION:
        detail = (
            f"Version {sent} is newer than this console, which knows {OLDEST} to {ENVELOPE_VERSION}. Update the "
            f"console, or send version {ENVELOPE_VERSION}."
        )
    else:
        return sent
    raise Invalid("The envelope is of a version that cannot be read.", errors=[FieldError("/envelope_version", detail)])


def row_upgrade(fields: Mapping[str, Any], version: int) -> Body:
    """Fields of a stored row in the present version. A row that a newer console wrote (this one was put back to an
    older release) is shown as it is.
    """
    return dict(fields) if version >= ENVELOPE_VERSION else envelope_upgrade(fields, version)
