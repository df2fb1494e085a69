"""The schedules of the jobs, laid once; afterwards they are the founders', who edit them in the admin."""

from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.workflows.duties import jobs_here


@transactional(TransactionIntent.ATOMIC_WRITE)
def schedules_ensure(session: Session) -> list[str]:
    """Give a schedule to each job that has none; the keys of those. Existing ones stay as they are edited.

    (Celery's own beat_schedule would be written over them at every start.) Jobs that are gone are switched off.
    """
    found, here = store.schedules(), jobs_here()
    for key in found.keys() - {job.key for job in here}:
        if found[key].enabled:
            store.schedule_switch_off(found[key])
    missing = [job for job in here if job.key not in found]
    for job in missing:
        store.schedule_add(job)
    return [job.key for job in missing]
