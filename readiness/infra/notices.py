"""What people should hear of: published with the commit that makes it true, told once (outbox topic `notice`).

The floor knows nothing of mail and webhooks: whoever is told, how and how often, is the business of the subject
readiness.notifications, which handles the topic. Below and above it, this one function is all that anybody needs.
"""

from collections.abc import Mapping

from readiness.infra.outbox import outbox_publish
from readiness.infra.transactions import Session

NOTICE_TOPIC = "notice"
KEY_CHARS = 200
TITLE_CHARS = 200
TEXT_CHARS = 2_000


def notice_publish(
    session: Session,
    *,
    kind: str,
    key: str,
    title: str,
    text: str,
    project_id: int = 0,
    priority: str = "",
    page: str = "",
    facts: Mapping[str, str] | None = None,
) -> None:
    """Tell whom it concerns, after the commit. One INSERT; nothing else happens in this transaction.

    `key` is the thing that is told, in the project: `INC-12:detected`, `CTL-7:due:2026-11-30`; what has been told under
    it is not told again. `kind` is one of readiness.notifications.services.kinds; `priority` P0 to P3 or empty; `page`
    the console's path, beginning with a slash; `facts` short words beside their names. Title and text are cut to 200
    and 2,000 characters. Raises ValueError for a key that is empty or longer than 200 characters, and
    IntentViolationError in a READ_ONLY session.
    """
    if not 0 < len(key) <= KEY_CHARS:
        raise ValueError(f"A notice's key has 1 to {KEY_CHARS} characters, not {len(key)}.")
    payload = {
        "kind": kind,
        "key": key,
        "title": title[:TITLE_CHARS],
        "text": text[:TEXT_CHARS],
        "priority": priority,
        "page": page,
        "facts": dict(facts or {}),
    }
    outbox_publish(
        session, topic=NOTICE_TOPIC, key=key, payload={**payload, "project_id": project_id}, project_id=project_id
    )
