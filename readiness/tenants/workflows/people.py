"""People: the first founder, who joins, what they may do, their passwords and their sign-ins."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.auth import authenticate, hashers, password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from readiness.infra.actor import SYSTEM, Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, Invalid, Unauthenticated
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants import store
from readiness.tenants.models import User
from readiness.tenants.services.signin import PER_SOURCE, WINDOW, email_hash, signin_permitted

log = structlog.get_logger(__name__)

SIGNINS_KEPT = timedelta(days=30)


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
            "This e-mail and password do not belong together. Check both; a founder can set a new password "
            "in the admin."
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
    return store.signin_attempt_add(email_hash=hashed, source=source, at=now)


@transactional(TransactionIntent.ATOMIC_WRITE)
def signin_attempt_succeed(session: Session, *, attempt_id: int, user_id: int, renewed_hash: str | None) -> None:
    """Mark the attempt as good, note the sign-in, store a renewed password hash; forget attempts past SIGNINS_KEPT."""
    now = utcnow()
    store.signin_attempt_mark_good(attempt_id)
    store.user_change(user_id, last_sign_in_at=now)
    if renewed_hash is not None:
        store.user_change(user_id, password=renewed_hash)
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
    store.user_add(User(email=email, password=password_hash, role=User.Role.FOUNDER))
    log.info("first founder made", actor=SYSTEM.name)
    return FounderEnsured(email=email, created=True, password=made_password)


@transactional(TransactionIntent.ATOMIC_WRITE)
def person_add(session: Session, *, email: str, name: str, role: str, password: str, actor: Actor) -> User:
    """Another person. Raises Invalid (e-mail, role, password) and Conflict when the e-mail is taken."""
    email = _email_checked(email)
    user = User(email=email, name=name.strip(), role=_role_checked(role))
    _password_checked(password, user)
    user.set_password(password)
    if not store.user_add(user):
        raise _taken(email)
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
    if store.user_has_email(email, other_than=user_id):
        raise _taken(email)
    store.user_change(user_id, email=email, name=name.strip(), role=_role_checked(role), is_active=is_active)
    log.info("person changed", user_id=user_id, role=role, is_active=is_active, actor=actor.name)


@transactional(TransactionIntent.LOCKED_MUTATION)
def password_set(txn: SingleConnectionTxn, *, user_id: int, password: str, actor: Actor) -> User:
    """A new password; every session of the person but the one that updates its hash ends. Raises Invalid."""
    user = txn.lock_row(User, pk=user_id)
    _password_checked(password, user)
    user.set_password(password)
    store.user_change(user_id, password=user.password)
    log.info("password set", user_id=user_id, actor=actor.name)
    return user


def _taken(email: str) -> Conflict:
    return Conflict(
        f"{email} is a person here already; change their role or password instead. Nothing was changed.",
        errors=[FieldError("/email", "Somebody here has this e-mail.")],
    )


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
