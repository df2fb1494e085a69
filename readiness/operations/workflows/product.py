"""The product's own signs of life: its scheduled jobs, and errors that its SDKs dropped before sending them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from incidents.errors.workflows import JobOfProduct, ProjectDrops, product_jobs_read, sdk_drops_read
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations.services.jobs import took_words
from readiness.tenants.workflows import projects_read


@dataclass(frozen=True, slots=True)
class ProductJobLine:
    """One job of the product as its table shows it; `took` is empty while it runs or when it never said."""

    job: JobOfProduct
    project: str
    took: str


@dataclass(frozen=True, slots=True)
class ProductSigns:
    """`failing`: how many jobs need somebody. `drops`: (project, what its SDKs dropped), the most lost first."""

    jobs: Sequence[ProductJobLine]
    failing: int
    drops: Sequence[tuple[str, ProjectDrops]]


@transactional(TransactionIntent.READ_ONLY)
def product_signs_read(session: Session) -> ProductSigns:
    """Three queries, whatever is stored."""
    jobs, drops = product_jobs_read(), sdk_drops_read(hours=24)
    ids = {job.monitor.project_id for job in jobs} | {project.project_id for project in drops}
    projects = projects_read(project_ids=sorted(ids)) if ids else {}

    def name(project_id: int) -> str:
        found = projects.get(project_id)
        return found.tenant.name if found else f"project {project_id}"

    lines = [ProductJobLine(job, name(job.monitor.project_id), _took(job.monitor.last_duration_ms)) for job in jobs]
    return ProductSigns(
        jobs=lines,
        failing=sum(line.job.health.kind == "fail" for line in lines),
        drops=[(name(project.project_id), project) for project in drops],
    )


def _took(milliseconds: int | None) -> str:
    return "" if milliseconds is None else took_words(timedelta(milliseconds=milliseconds))
