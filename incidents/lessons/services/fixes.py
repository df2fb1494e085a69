"""Which release, or which commit, has the fix of an incident: what its later errors are held against."""

import re
from collections.abc import Iterable

from incidents.lessons.services.control_history import Progress
from readiness.infra.refusals import FieldError, Invalid

MAX_RELEASE = 200
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")


def fix_choose(*, given: str, before: str, progresses: Iterable[Progress]) -> str:
    """The release that a person names, else what was named `before`, else the commit on which the control with the
    newest pass was proven; empty where there is none. `progresses` are those of the proven controls. Raises Invalid.
    """
    named = given.strip()
    if len(named) > MAX_RELEASE or not _PLAIN.fullmatch(named):
        reason = f"A release is one line of at most {MAX_RELEASE} characters, as the SDK sends it: shop@1.2.3."
        raise Invalid(reason, errors=[FieldError("/fixed_in_release", reason)])
    proven = [(green, p.proofs[-1].fixed_commit) for p in progresses if p.proofs and (green := p.green_at) is not None]
    return named or before or max(proven, default=(None, ""))[1]
