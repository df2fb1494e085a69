"""Which projects there are, and what their keys say of them: for those who ask whether anything would be seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants import store

PROJECTS_READ = 500


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """A real project. `trusted`: a DSN key in use is marked so, or a key that writes errors by the API has been used
    (those never leave servers). `heard_at`: when any key of the API was last used.
    """

    project_id: int
    name: str
    slug: str
    created_at: datetime
    trusted: bool
    heard_at: datetime | None


@transactional(TransactionIntent.READ_ONLY)
def project_keys_read(session: Session, *, project_id: int | None = None) -> list[ProjectKeys]:
    """Every real project, or the one asked for; at most PROJECTS_READ. Three queries."""
    trusted = store.dsn_projects_trusted()
    heard: dict[int, datetime] = {}
    for owner, scopes, used_at in store.api_keys_heard():
        heard[owner] = max(heard.get(owner, used_at), used_at)
        if "errors:write" in scopes:
            trusted.add(owner)
    found = (
        ProjectKeys(
            project_id=project.pk,
            name=project.tenant.name,
            slug=project.tenant.slug,
            created_at=project.created_at,
            trusted=project.pk in trusted,
            heard_at=heard.get(project.pk),
        )
        for project in store.projects_real(limit=PROJECTS_READ)
    )
    return _of(found, project_id)


def _of(projects: Iterable[ProjectKeys], project_id: int | None) -> list[ProjectKeys]:
    return [project for project in projects if project_id in (None, project.project_id)]
