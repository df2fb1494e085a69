"""Tenants with their projects, DSNs and keys: made, renamed, rotated, revoked; and what other subjects read of them."""

from collections.abc import Iterable, Sequence

import structlog
from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db import transaction

from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants import store
from readiness.tenants.models import ApiKey, DsnKey, Project, Tenant
from readiness.tenants.services.keys import IssuedKey, NewKey, Onboarded, dsn_public_key_make, key_make
from readiness.tenants.services.scopes import TENANT_SCOPES, scopes_checked
from readiness.tenants.services.slugs import environment_checked, label_checked, name_checked, slug_checked
from readiness.tenants.workflows.authentication import forget_recent_answers

log = structlog.get_logger(__name__)


@transactional(TransactionIntent.ATOMIC_WRITE)
def tenant_onboard(
    session: Session, *, slug: str, actor: Actor, name: str = "", trusted: bool = False, synthetic: bool = False
) -> Onboarded:
    """A tenant with its project, its DSN and one key for each tenant scope, all shown this once.

    Raises Invalid (slug, name) and Conflict when the tenant exists; then nothing is changed.
    """
    slug = slug_checked(slug=slug)
    tenant = store.tenant_add(slug=slug, name=name_checked(name=name or slug), synthetic=synthetic)
    if tenant is None:
        raise Conflict(
            f"The tenant {slug} exists already; nothing was changed. Its keys cannot be shown again: "
            f"manage.py onboard_tenant {slug} --rotate-keys replaces them."
        )
    project = store.project_add(tenant=tenant)
    dsn_key = store.dsn_key_add(project=project, public_key=dsn_public_key_make(), trusted=trusted, label="onboarding")
    log.info("tenant onboarded", tenant=slug, project_id=project.pk, actor=actor.name)
    return _handed_over(tenant=tenant, dsn_key=dsn_key, actor=actor)


@transactional(TransactionIntent.LOCKED_MUTATION)
def keys_rotate(txn: SingleConnectionTxn, *, slug: str, actor: Actor, trusted: bool = False) -> Onboarded:
    """New keys in place of the tenant's onboarding keys, which stop working at once (KEY_CACHE_SECONDS elsewhere).

    The DSN stays, so that deployed programs go on reporting; `trusted=True` adds a trusted one if there is none.
    Keys that founders made for the tenant stay too. Raises NotFound.
    """
    try:
        tenant = txn.lock_row(Tenant, slug=slug)
    except Tenant.DoesNotExist:
        raise NotFound(f"There is no tenant {slug[:80]}; onboard it first: manage.py onboard_tenant SLUG.") from None
    project = store.project_of(tenant.pk)
    store.api_keys_of_onboarding_revoke(tenant.pk, at=utcnow(), by=actor.name)
    dsn_key = store.dsn_key_in_use(project.pk)
    if dsn_key is None or (trusted and not dsn_key.trusted):
        dsn_key = store.dsn_key_add(
            project=project, public_key=dsn_public_key_make(), trusted=trusted, label="rotation"
        )
    transaction.on_commit(forget_recent_answers)
    log.info("tenant keys rotated", tenant=slug, actor=actor.name)
    return _handed_over(tenant=tenant, dsn_key=dsn_key, actor=actor)


def _handed_over(*, tenant: Tenant, dsn_key: DsnKey, actor: Actor) -> Onboarded:
    keys = {
        scope: _api_key_add(
            name=f"{tenant.slug} {scope}",
            scopes=scopes_checked(scopes=[scope], by_founder=False),
            tenant=tenant,
            project_id=dsn_key.project_id,
            environment="production",
            origin=ApiKey.Origin.ONBOARDING,
            actor=actor,
        )[1].key
        for scope in TENANT_SCOPES
    }
    return Onboarded(
        tenant=tenant.slug,
        tenant_id=tenant.pk,
        project_id=dsn_key.project_id,
        public_key=dsn_key.public_key,
        trusted=dsn_key.trusted,
        keys=keys,
    )


@transactional(TransactionIntent.READ_ONLY)
def project_dsn_key(session: Session, *, tenant_id: int) -> tuple[int, str]:
    """(project id, public key) of the DSN that a tenant's programs use; no key when all are switched off."""
    project = store.project_of(tenant_id)
    dsn_key = store.dsn_key_in_use(project.pk)
    return project.pk, dsn_key.public_key if dsn_key else ""


@transactional(TransactionIntent.ATOMIC_WRITE)
def tenant_rename(session: Session, *, tenant_id: int, name: str, actor: Actor) -> None:
    """Another name for people to read; the slug stays, since URLs and labels carry it. Raises Invalid."""
    store.tenant_rename(tenant_id, name_checked(name=name))
    log.info("tenant renamed", tenant_id=tenant_id, actor=actor.name)


@transactional(TransactionIntent.ATOMIC_WRITE)
def project_rename(session: Session, *, project_id: int, name: str, actor: Actor) -> None:
    """Another name for people to read. Raises Invalid."""
    store.project_rename(project_id, name_checked(name=name))
    log.info("project renamed", project_id=project_id, actor=actor.name)


@transactional(TransactionIntent.ATOMIC_WRITE)
def key_create(
    session: Session,
    *,
    name: str,
    scopes: Sequence[str],
    actor: Actor,
    tenant: str | None = None,
    environment: str = "production",
) -> IssuedKey:
    """A founder's key, for a tenant or (tenant=None) the installation; any scopes. The key is shown this once.

    Raises Invalid (name, scopes, environment) and NotFound (tenant).
    """
    checked = scopes_checked(scopes=scopes, by_founder=True)
    owner = store.tenant_by_slug(tenant) if tenant is not None else None
    if tenant is not None and owner is None:
        raise NotFound(f"There is no tenant {tenant[:80]}; onboard it first: manage.py onboard_tenant SLUG.")
    row, made = _api_key_add(
        name=name_checked(name=name),
        scopes=checked,
        tenant=owner,
        project_id=store.project_of(owner.pk).pk if owner else 0,
        environment=environment_checked(environment=environment),
        origin=ApiKey.Origin.FOUNDER,
        actor=actor,
    )
    log.info("api key created", key_id=row.pk, tenant=tenant, scopes=checked, actor=actor.name)
    return IssuedKey(id=row.pk, name=row.name, key=made.key, prefix=made.prefix, scopes=tuple(checked), tenant=tenant)


@transactional(TransactionIntent.ATOMIC_WRITE)
def key_revoke(session: Session, *, key_id: int, actor: Actor) -> None:
    """End a key for good, within KEY_CACHE_SECONDS everywhere; the row stays as a record. Raises NotFound, Conflict."""
    if not store.api_key_revoke(key_id, at=utcnow(), by=actor.name):
        if not store.api_key_exists(key_id):
            raise NotFound("There is no such key; the page that listed it may be old. Load it again.")
        raise Conflict("This key is revoked already; nothing was changed.")
    transaction.on_commit(forget_recent_answers)
    log.info("api key revoked", key_id=key_id, actor=actor.name)


@transactional(TransactionIntent.ATOMIC_WRITE)
def dsn_key_create(session: Session, *, project_id: int, trusted: bool, label: str, actor: Actor) -> DsnKey:
    """Another DSN for a project; trusted only where it never leaves the team's servers. Raises NotFound."""
    project = store.project_by_id(project_id)
    if project is None:
        raise NotFound("There is no such project; onboard its tenant first.")
    key = store.dsn_key_add(
        project=project, public_key=dsn_public_key_make(), trusted=trusted, label=label_checked(label=label)
    )
    log.info("dsn key created", dsn_key_id=key.pk, trusted=trusted, actor=actor.name)
    return key


@transactional(TransactionIntent.ATOMIC_WRITE)
def dsn_key_change(session: Session, *, dsn_key_id: int, trusted: bool, active: bool, label: str, actor: Actor) -> None:
    """Trust or distrust a DSN, switch it off or on, name it; in force within KEY_CACHE_SECONDS. Raises NotFound."""
    if not store.dsn_key_change(dsn_key_id, trusted=trusted, active=active, label=label_checked(label=label)):
        raise NotFound("There is no such DSN key; load the page again.")
    transaction.on_commit(forget_recent_answers)
    log.info("dsn key changed", dsn_key_id=dsn_key_id, trusted=trusted, active=active, actor=actor.name)


def _api_key_add(
    *,
    name: str,
    scopes: list[str],
    tenant: Tenant | None,
    project_id: int,
    environment: str,
    origin: ApiKey.Origin,
    actor: Actor,
) -> tuple[ApiKey, NewKey]:
    made = key_make(secret=settings.READINESS_HASH_KEY)
    row = store.api_key_add(
        name=name,
        prefix=made.prefix,
        key_hash=made.hash,
        scopes=scopes,
        tenant=tenant,
        project_id=project_id,
        environment=environment,
        origin=origin,
        created_by=actor.name,
    )
    return row, made


# --- what the other subjects and the pages read --------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def synthetic_project_ids(session: Session) -> frozenset[int]:
    """The projects that the console made for itself: kept out of every figure."""
    return store.synthetic_project_ids()


@transactional(TransactionIntent.READ_ONLY)
def tenant_find(session: Session, *, slug: str) -> Tenant | None:
    """The tenant with this slug."""
    return store.tenant_by_slug(slug)


@transactional(TransactionIntent.READ_ONLY)
def project_find(session: Session, *, tenant_slug: str) -> Project | None:
    """The project of the tenant with this slug."""
    tenant = store.tenant_by_slug(tenant_slug)
    return store.project_of(tenant.pk) if tenant else None


@transactional(TransactionIntent.READ_ONLY)
def projects_read(session: Session, *, project_ids: Iterable[int]) -> dict[int, Project]:
    """Projects (with their tenants) by id, for lists that show names; one query. Unknown ids are left out."""
    return store.projects_by_id(project_ids)


@transactional(TransactionIntent.READ_ONLY)
def connect_read(session: Session, *, page: str, per_page: int) -> Page[Project]:
    """The Connect page's projects with their tenant and `keys_in_use`; an impossible page number gives the nearest."""
    return Paginator(store.projects_for_connect(), per_page).get_page(page)


@transactional(TransactionIntent.READ_ONLY)
def founder_keys_read(session: Session, *, limit: int) -> list[ApiKey]:
    """The newest founders' keys in use, with their tenants; no key itself is in there, only its prefix."""
    return store.founder_keys_recent(limit)
