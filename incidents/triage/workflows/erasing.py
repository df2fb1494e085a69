"""After an erasure: an incident repeats none of the words that went."""

from collections.abc import Sequence

from incidents.errors.store.groups import group_newest
from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.services.titles import title_make, title_repeats, title_wordless
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


@transactional(TransactionIntent.LOCKED_MUTATION)
def incidents_reword(
    txn: SingleConnectionTxn,
    *,
    project_id: int,
    fingerprints: Sequence[str],
    error_ids: Sequence[str],
    words: Sequence[str],
) -> int:
    """Give incidents that are called after an erased error another title: after the newest error that is left, or by
    class and component alone. How many got one.
    """
    rows = txn.lock_rows(store.incidents_of_groups(project_id=project_id, fingerprints=fingerprints))
    gone, changed = set(error_ids), 0
    for incident in rows:
        if incident.first_error_id not in gone and not title_repeats(incident.title, words=words):
            continue
        title = _title(incident)
        if title != incident.title:
            incident.title = title
            incident.save(update_fields=["title"])
            changed += 1
    return changed


def _title(incident: Incident) -> str:
    holder = incident.merged_into_id or incident.pk
    left = group_newest(project_id=incident.project_id, fingerprints=store.fingerprints_of_incident(holder))
    if left is None or incident.merged_into_id is not None:
        return title_wordless(error_class=incident.error_class, component=incident.component)
    return title_make(exception_type=left.exception_type, message=left.message, error_class=left.error_class)
