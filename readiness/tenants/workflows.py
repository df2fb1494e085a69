"""Use-cases of the subject: onboarding, keys and their authentication, people and their sign-ins.

Authentication is on the hot path (thousands of requests a second), so its answers are remembered in this process for
at most KEY_CACHE_SECONDS: a revocation, a new key and a change of trust take effect in every process within that.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth import authenticate, hashers, password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import OperationalError, transaction
from django.http import HttpRequest

from readiness.infra.actor import SYSTEM, Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants import store
from readiness.tenants.models import ApiKey, DsnKey, LoginAttempt, Project, Tenant, User
from readiness.tenants.services.callers import Caller, DsnCaller
from readiness.tenants.services.keys import (
    KEY,
    PUBLIC_KEY,
    IssuedKey,
    NewKey,
    Onboarded,
    dsn_public_key_make,
    key_hash,
    key_make,
)
from readiness.tenants.services.recent import RecentAnswers
from readiness.tenants.services.scopes import TENANT_SCOPES, scopes_checked
from readiness.tenants.services.signin import PER_SOURCE, WINDOW, email_hash, signin_permitted
from readiness.tenants.services.slugs import environment_checked, name_checked, slug_checked

log = structlog.get_logger(__name__)

KEY_CACHE_SECONDS = 1.0
KEY_CACHE_SIZE = 4096
USE_NOTED_EVERY = timedelta(hours=1)
SIGNINS_KEPT = timedelta(days=30)
_BIGINT_MAX = 2**63 - 1

_callers: RecentAnswers[str, Caller] = RecentAnswers(seconds=KEY_CACHE_SECONDS, size=KEY_CACHE_SIZE)
_dsn_callers: RecentAnswers[tuple[int, str], DsnCaller] = RecentAnswers(seconds=KEY_CACHE_SECONDS, size=KEY_CACHE_SIZE)


# --- authentication -----------------------------------------------------------------------------------------------


def caller_authenticate(presented: str) -> Caller | None:
    """The caller behind an API key, or None if it is unknown or revoked.

    Revocation takes effect within KEY_CACHE_SECONDS in every process, at once in the one that revoked. The look-up is
    by keyed hash, so nothing has to be compared in constant time (services.keys says why).
    """
    if not KEY.fullmatch(presented):
        return None
    hashed = key_hash(key=presented, secret=settings.READINESS_HASH_KEY)
    return _callers.get(hashed, lambda: _caller_look_up(hashed))


def dsn_authenticate(project_id: int, public_key: str) -> DsnCaller | None:
    """The program behind a DSN's public key, or None unless the key is active and this project's.

    Remembered as in `caller_authenticate`. The key is public by nature: no hash, no constant-time comparison.
    """
    if not 0 < project_id <= _BIGINT_MAX or not PUBLIC_KEY.fullmatch(public_key):
        return None
    return _dsn_callers.get((project_id, public_key), lambda: dsn_look_up(project_id=project_id, public_key=public_key))


def forget_recent_answers() -> None:
    """Authenticate afresh in this process: after a change that it made itself."""
    _callers.forget_all()
    _dsn_callers.forget_all()


def _caller_look_up(hashed: str) -> Caller | None:
    found = caller_read(hashed=hashed)
    if found is None:
        return None
    caller, last_used_at = found
    if last_used_at is None or last_used_at <= utcnow() - USE_NOTED_EVERY:
        try:
            api_key_note_use(key_id=caller.key_id)
        except OperationalError:  # a busy database: the note is a courtesy, the request is not
            log.warning("key use not noted", key_id=caller.key_id)
    return caller


@transactional(TransactionIntent.READ_ONLY)
def caller_read(session: Session, *, hashed: str) -> tuple[Caller, datetime | None] | None:
    """The caller with this key hash and when the key was last used; asks the database."""
    return store.caller_by_hash(hashed)


@transactional(TransactionIntent.ATOMIC_WRITE)
def api_key_note_use(session: Session, *, key_id: int) -> None:
    """Note that a key was used, at most once in USE_NOTED_EVERY."""
    store.api_key_used(key_id=key_id, at=utcnow(), at_most_every=USE_NOTED_EVERY)


@transactional(TransactionIntent.READ_ONLY)
def dsn_look_up(session: Session, *, project_id: int, public_key: str) -> DsnCaller | None:
    """As dsn_authenticate, asking the database."""
    return store.dsn_caller_by_key(project_id, public_key)


# --- tenants and their keys ---------------------------------------------------------------------------------------


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
    dsn_key = _dsn_key_add(project=project, trusted=trusted, label="onboarding")
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
    store.api_keys_of_onboarding(tenant.pk).update(revoked_at=utcnow(), revoked_by=actor.name)
    dsn_key = store.dsn_key_in_use(project.pk)
    if dsn_key is None or (trusted and not dsn_key.trusted):
        dsn_key = _dsn_key_add(project=project, trusted=trusted, label="rotation")
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


@transactional(TransactionIntent.ATOMIC_WRITE)
def tenant_rename(session: Session, *, tenant_id: int, name: str, actor: Actor) -> None:
    """Another name for people to read; the slug stays, since URLs and labels carry it. Raises Invalid."""
    Tenant.objects.filter(pk=tenant_id).update(name=name_checked(name=name))
    log.info("tenant renamed", tenant_id=tenant_id, actor=actor.name)


@transactional(TransactionIntent.ATOMIC_WRITE)
def project_rename(session: Session, *, project_id: int, name: str, actor: Actor) -> None:
    """Another name for people to read. Raises Invalid."""
    Project.objects.filter(pk=project_id).update(name=name_checked(name=name))
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
    revoked = ApiKey.objects.filter(pk=key_id, revoked_at__isnull=True).update(
        revoked_at=utcnow(), revoked_by=actor.name
    )
    if not revoked and not ApiKey.objects.filter(pk=key_id).exists():
        raise NotFound("There is no such key; it may have been listed on an old page. Load the page again.")
    if not revoked:
        raise Conflict("This key is revoked already; nothing was changed.")
    transaction.on_commit(forget_recent_answers)
    log.info("api key revoked", key_id=key_id, actor=actor.name)


@transactional(TransactionIntent.ATOMIC_WRITE)
def dsn_key_create(session: Session, *, project_id: int, trusted: bool, label: str, actor: Actor) -> DsnKey:
    """Another DSN for a project; trusted only where it never leaves the team's servers. Raises NotFound."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        raise NotFound("There is no such project; onboard its tenant first.")
    key = _dsn_key_add(project=project, trusted=trusted, label=name_checked(name=label or "DSN", pointer="/label"))
    log.info("dsn key created", dsn_key_id=key.pk, trusted=trusted, actor=actor.name)
    return key


@transactional(TransactionIntent.ATOMIC_WRITE)
def dsn_key_change(session: Session, *, dsn_key_id: int, trusted: bool, active: bool, label: str, actor: Actor) -> None:
    """Trust or distrust a DSN, switch it off or on, name it; in force within KEY_CACHE_SECONDS. Raises NotFound."""
    changed = DsnKey.objects.filter(pk=dsn_key_id).update(trusted=trusted, active=active, label=label.strip()[:120])
    if not changed:
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
    row = ApiKey.objects.create(
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


def _dsn_key_add(*, project: Project, trusted: bool, label: str) -> DsnKey:
    return DsnKey.objects.create(project=project, public_key=dsn_public_key_make(), trusted=trusted, label=label)


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


# --- people and their sign-ins ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FounderEnsured:
    """The first founder: `created` is False when somebody exists already; `password` only if it was made here."""

    email: str
    created: bool
    password: str | None = field(default=None, repr=False)


def person_sign_in(*, request: HttpRequest, email: str, password: str, source: str) -> User:
    """The person with this e-mail and password, counted against the limits of `source` (services.signin).

    Three steps, because a password takes long to hash and a write transaction must not wait for it: count the attempt
    as failed, check the password, then mark the attempt as good. Attempts made side by side are all counted first.
    Raises RateLimited, and Unauthenticated for an unknown e-mail, a wrong password and an inactive person alike.
    """
    attempt_id = signin_attempt_open(email=email, source=source)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        raise Unauthenticated(
            "This e-mail and password do not belong together. Check both; a founder can set a new password in the admin."
        )
    renewed = hashers.make_password(password) if _hash_is_old(user.password) else None
    signin_attempt_succeed(attempt_id=attempt_id, user_id=user.pk, renewed_hash=renewed)
    return user


def _hash_is_old(encoded: str) -> bool:
    preferred = hashers.get_hasher()
    used = hashers.identify_hasher(encoded)
    return used.algorithm != preferred.algorithm or preferred.must_update(encoded)


@transactional(TransactionIntent.LOCKED_MUTATION)
def signin_attempt_open(txn: SingleConnectionTxn, *, email: str, source: str) -> int:
    """Count an attempt, as failed until it succeeds; its id. Raises RateLimited, and then counts nothing."""
    store.signin_source_lock(source)
    now = utcnow()
    hashed = email_hash(email=email, secret=settings.READINESS_HASH_KEY)
    signin_permitted(
        email_hash=hashed,
        failures=store.signin_failures(source=source, since=now - WINDOW, limit=PER_SOURCE),
        last_success=store.signin_last_success(source=source, email_hash=hashed, since=now - WINDOW),
        now=now,
    )
    return LoginAttempt.objects.create(email_hash=hashed, ip=source, at=now).pk


@transactional(TransactionIntent.ATOMIC_WRITE)
def signin_attempt_succeed(session: Session, *, attempt_id: int, user_id: int, renewed_hash: str | None) -> None:
    """Mark the attempt as good, note the sign-in, store a renewed password hash; forget attempts past SIGNINS_KEPT."""
    now = utcnow()
    LoginAttempt.objects.filter(pk=attempt_id).update(ok=True)
    User.objects.filter(pk=user_id).update(last_sign_in_at=now)
    if renewed_hash is not None:
        User.objects.filter(pk=user_id).update(password=renewed_hash)
    store.signin_attempts_forget(before=now - SIGNINS_KEPT)


def founder_ensure(*, email: str = "", password: str = "") -> FounderEnsured:
    """The first founder, if there is nobody yet; never changes anybody. Without a password one is made, shown once.

    The operator's own password is taken as it is: refusing it would leave a console that nobody can enter.
    """
    made = None if password else secrets.token_urlsafe(15)
    return founder_add_if_first(
        email=_email_checked(email or "founder@example.com"),
        password_hash=hashers.make_password(password or made),
        made_password=made,
    )


@transactional(TransactionIntent.ATOMIC_WRITE)
def founder_add_if_first(
    session: Session, *, email: str, password_hash: str, made_password: str | None
) -> FounderEnsured:
    """The write of founder_ensure."""
    if store.any_user_exists():
        return FounderEnsured(email=email, created=False)
    User.objects.create(email=email, password=password_hash, role=User.Role.FOUNDER)
    log.info("first founder made", actor=SYSTEM.name)
    return FounderEnsured(email=email, created=True, password=made_password)


@transactional(TransactionIntent.ATOMIC_WRITE)
def person_add(session: Session, *, email: str, name: str, role: str, password: str, actor: Actor) -> User:
    """Another person. Raises Invalid (e-mail, role, password) and Conflict when the e-mail is taken."""
    email = _email_checked(email)
    if store.user_by_email_exists(email):
        raise Conflict(
            f"{email} is a person here already; change their role or password instead.",
            errors=[FieldError("/email", "Taken.")],
        )
    user = User(email=email, name=name.strip(), role=_role_checked(role))
    _password_checked(password, user)
    user.set_password(password)
    user.save()
    log.info("person added", user_id=user.pk, role=role, actor=actor.name)
    return user


@transactional(TransactionIntent.LOCKED_MUTATION)
def person_change(
    txn: SingleConnectionTxn, *, user_id: int, email: str, name: str, role: str, is_active: bool, actor: Actor
) -> None:
    """Change a person. Raises Invalid, and Conflict for a taken e-mail or when no active founder would be left."""
    founders = {founder.pk for founder in txn.lock_rows(store.founders_active())}
    stays_founder = is_active and role == User.Role.FOUNDER
    if founders == {user_id} and not stays_founder:
        raise Conflict("This is the last active founder; make somebody else a founder first. Nothing was changed.")
    email = _email_checked(email)
    if store.user_by_email_exists(email, other_than=user_id):
        raise Conflict(f"{email} belongs to somebody else here.", errors=[FieldError("/email", "Taken.")])
    User.objects.filter(pk=user_id).update(
        email=email, name=name.strip(), role=_role_checked(role), is_active=is_active
    )
    log.info("person changed", user_id=user_id, role=role, is_active=is_active, actor=actor.name)


@transactional(TransactionIntent.LOCKED_MUTATION)
def password_set(txn: SingleConnectionTxn, *, user_id: int, password: str, actor: Actor) -> User:
    """A new password; every session of the person but the one that updates its hash ends. Raises Invalid."""
    user = txn.lock_row(User, pk=user_id)
    _password_checked(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    log.info("password set", user_id=user_id, actor=actor.name)
    return user


def _email_checked(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid(
            f"“{email[:80]}” is not an e-mail address.", errors=[FieldError("/email", "Write an e-mail address.")]
        ) from None
    return email


def _role_checked(role: str) -> str:
    if role not in User.Role.values:
        raise Invalid("A role is founder, engineer or viewer.", errors=[FieldError("/role", "Unknown role.")])
    return role


def _password_checked(password: str, user: User) -> None:
    try:
        password_validation.validate_password(password, user)
    except ValidationError as refused:
        text = " ".join(refused.messages)
        raise Invalid(text, errors=[FieldError("/password", text)]) from None
