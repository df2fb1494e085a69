"""Every query of the subject."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import Prefetch, Q, QuerySet

from readiness.infra.plain_sql import instances_of
from readiness.infra.transactions import savepoint
from readiness.tenants.models import ApiKey, DsnKey, LoginAttempt, Project, Tenant, User
from readiness.tenants.services.callers import Caller, DsnCaller
from readiness.tenants.services.signin import Failure

# --- tenants and projects -----------------------------------------------------------------------------------------


def tenant_by_slug(slug: str) -> Tenant | None:
    return Tenant.objects.filter(slug=slug).first()


def tenant_add(*, slug: str, name: str, synthetic: bool) -> Tenant | None:
    """The new tenant, or None if the slug is taken (also when another process takes it at this moment)."""
    try:
        with savepoint():
            return Tenant.objects.create(slug=slug, name=name, synthetic=synthetic)
    except IntegrityError:
        return None


def project_add(*, tenant: Tenant) -> Project:
    return Project.objects.create(tenant=tenant, name=tenant.name)


def project_of(tenant_id: int) -> Project:
    return Project.objects.get(tenant_id=tenant_id)


def project_by_id(project_id: int) -> Project | None:
    return Project.objects.filter(pk=project_id).first()


def tenant_rename(tenant_id: int, name: str) -> None:
    Tenant.objects.filter(pk=tenant_id).update(name=name)


def project_rename(project_id: int, name: str) -> None:
    Project.objects.filter(pk=project_id).update(name=name)


def projects_by_id(project_ids: Iterable[int]) -> dict[int, Project]:
    return Project.objects.select_related("tenant").in_bulk(list(project_ids))


def synthetic_project_ids() -> frozenset[int]:
    return frozenset(Project.objects.filter(tenant__synthetic=True).values_list("pk", flat=True))


def projects_real(*, limit: int) -> list[Project]:
    """Projects of real tenants, with those, the first onboarded first."""
    return list(Project.objects.select_related("tenant").filter(tenant__synthetic=False).order_by("pk")[:limit])


def dsn_projects_trusted() -> set[int]:
    """Projects with a DSN key in use that founders marked trusted."""
    return set(DsnKey.objects.filter(active=True, trusted=True).values_list("project_id", flat=True))


def api_keys_heard() -> list[tuple[int, list[str], datetime]]:
    """(project, scopes, when it was last used) of tenants' keys in use that have been used."""
    used = ApiKey.objects.filter(tenant__isnull=False, revoked_at__isnull=True, last_used_at__isnull=False)
    return list(used.order_by("pk").values_list("project_id", "scopes", "last_used_at"))  # type: ignore[arg-type]


def projects_for_connect() -> QuerySet[Project]:
    """The Connect page's rows: each project with its tenant and its DSN keys in use, newest first (two queries)."""
    in_use = DsnKey.objects.filter(active=True).order_by("-created_at", "-id")
    return (
        Project.objects.select_related("tenant")
        .order_by("tenant__synthetic", "tenant__slug")
        .prefetch_related(Prefetch("dsn_keys", queryset=in_use, to_attr="keys_in_use"))
    )


# --- API keys and DSN keys ----------------------------------------------------------------------------------------


def caller_by_hash(key_hash: str) -> tuple[Caller, datetime | None] | None:
    """The caller that a key's hash stands for and when the key was last used; None if unknown or revoked."""
    key = ApiKey.objects.select_related("tenant").filter(key_hash=key_hash, revoked_at__isnull=True).first()
    if key is None:
        return None
    caller = Caller(
        key_id=key.pk,
        name=key.name,
        tenant_id=key.tenant_id,
        project_id=None if key.tenant is None else key.project_id,
        scopes=frozenset(key.scopes),
        installation=key.tenant is None,
        tenant_slug=key.tenant.slug if key.tenant else None,
        synthetic=key.tenant.synthetic if key.tenant else False,
        environment=key.environment,
    )
    return caller, key.last_used_at


def api_key_used(*, key_id: int, at: datetime, at_most_every: timedelta) -> None:
    """Note the use; of two processes that note it at once, one writes."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - at_most_every)
    ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=at)


def api_key_add(**columns: Any) -> ApiKey:
    return ApiKey.objects.create(**columns)


def api_key_exists(key_id: int) -> bool:
    return ApiKey.objects.filter(pk=key_id).exists()


def api_key_revoke(key_id: int, *, at: datetime, by: str) -> bool:
    """False if there is no such key in use; of two people who revoke it at once, the first is recorded."""
    return bool(ApiKey.objects.filter(pk=key_id, revoked_at__isnull=True).update(revoked_at=at, revoked_by=by))


def api_keys_of_onboarding_revoke(tenant_id: int, *, at: datetime, by: str) -> None:
    made = ApiKey.objects.filter(tenant_id=tenant_id, origin=ApiKey.Origin.ONBOARDING, revoked_at__isnull=True)
    made.update(revoked_at=at, revoked_by=by)


def dsn_caller_by_key(project_id: int, public_key: str) -> DsnCaller | None:
    key = (
        DsnKey.objects.select_related("project__tenant")
        .filter(public_key=public_key, project_id=project_id, active=True)
        .first()
    )
    if key is None:
        return None
    tenant = key.project.tenant
    return DsnCaller(
        project_id=project_id,
        tenant_id=tenant.pk,
        tenant_slug=tenant.slug,
        trusted=key.trusted,
        synthetic=tenant.synthetic,
        key_id=key.pk,
    )


def founder_keys_recent(limit: int) -> list[ApiKey]:
    in_use = ApiKey.objects.filter(revoked_at__isnull=True, origin=ApiKey.Origin.FOUNDER)
    return list(in_use.select_related("tenant").defer("key_hash")[:limit])


def dsn_key_in_use(project_id: int) -> DsnKey | None:
    """The DSN key that onboarding and the Connect page show: the newest active one."""
    return DsnKey.objects.filter(project_id=project_id, active=True).order_by("-created_at", "-id").first()


def dsn_key_add(*, project: Project, public_key: str, trusted: bool, label: str) -> DsnKey:
    return DsnKey.objects.create(project=project, public_key=public_key, trusted=trusted, label=label)


def dsn_key_change(dsn_key_id: int, *, trusted: bool, active: bool, label: str) -> bool:
    return bool(DsnKey.objects.filter(pk=dsn_key_id).update(trusted=trusted, active=active, label=label))


# --- people and their sign-ins ------------------------------------------------------------------------------------


def any_user_exists() -> bool:
    return User.objects.exists()


def user_find(*, user_id: int | None = None, email: str = "") -> User | None:
    return User.objects.filter(pk=user_id).first() if user_id else User.objects.filter(email=email).first()


def user_has_email(email: str, *, other_than: int) -> bool:
    return User.objects.filter(email=email).exclude(pk=other_than).exists()


def user_add(user: User) -> bool:
    """False if the e-mail is taken (also when another process takes it at this moment)."""
    try:
        with savepoint():
            user.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def user_change(user_id: int, **columns: Any) -> None:
    User.objects.filter(pk=user_id).update(**columns)


def founders_active() -> QuerySet[User]:
    return User.objects.filter(role=User.Role.FOUNDER, is_active=True)


def projects_listed(*, limit: int = 200) -> list[Project]:
    """By name."""
    return list(Project.objects.order_by("name", "pk")[:limit])


def people_active(*roles: str, limit: int = 200) -> list[User]:
    """Active people of these roles, by name and e-mail."""
    sql = "SELECT * FROM tenants_user WHERE role IN %s AND is_active ORDER BY name, email LIMIT %s"
    return instances_of(User, sql, roles, limit)


def writers_active() -> int:
    """How many people may write (founders and engineers): with two, nobody reviews their own."""
    return User.objects.filter(role__in=(User.Role.FOUNDER, User.Role.ENGINEER), is_active=True).count()


def signin_source_lock(source: str) -> None:
    """Sign-ins from one source are counted one after another until the transaction ends.

    SQLite: the transaction took the one write lock when it began. PostgreSQL: an advisory lock, for there may be no
    row to lock yet.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"tenants.signin:{source}"])


def signin_failures(*, source: str, since: datetime, limit: int) -> list[Failure]:
    """The newest failures of a source, none older than `since`."""
    rows = LoginAttempt.objects.filter(ip=source, at__gt=since, ok=False).order_by("-at")[:limit]
    return [Failure(email_hash=row.email_hash, at=row.at) for row in rows]


def signin_last_success(*, source: str, email_hash: str, since: datetime) -> datetime | None:
    """When this e-mail last signed in from this source, if after `since`."""
    rows = LoginAttempt.objects.filter(ip=source, at__gt=since, ok=True, email_hash=email_hash)
    return rows.order_by("-at").values_list("at", flat=True).first()


def signin_attempt_add(*, email_hash: str, source: str, at: datetime) -> int:
    return LoginAttempt.objects.create(email_hash=email_hash, ip=source, at=at).pk


def signin_attempt_mark_good(attempt_id: int) -> None:
    LoginAttempt.objects.filter(pk=attempt_id).update(ok=True)


def signin_attempts_forget(*, before: datetime) -> int:
    return LoginAttempt.objects.filter(at__lt=before).delete()[0]
