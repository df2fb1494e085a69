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
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants import store
from readiness.tenants.models import Project, User
from readiness.tenants.services.signin import PER_SOURCE, WINDOW, email_hash, signin_permitted
from readiness.tenants.services.slugs import name_checked

log = structlog.get_logger(__name__)

SIGNINS_KEPT = timedelta(days=30)
DEFAULT_FOUNDER = "founder@example.com"
EMAIL_LENGTH = 254


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
    user.password = renewed or user.password  # a session is bound to the hash as it is stored
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


@transactional(TransactionIntent.ATOMIC_WRITE)
def signin_attempts_forget(session: Session) -> int:
    """Forget the attempts past SIGNINS_KEPT, nobody having signed in since; how many."""
    return store.signin_attempts_forget(before=utcnow() - SIGNINS_KEPT)


def founder_ensure(*, email: str = "", password: str = "") -> FounderEnsured:
    """The first founder, if there is nobody yet; never changes anybody. Without a password one is made, shown once.

    The operator's own password is taken as it is: refusing it would leave a console that nobody can enter.
    Raises Invalid (e-mail).
    """
    email = _email_checked(email or DEFAULT_FOUNDER)
    if anyone_read():
        return FounderEnsured(email=email, created=False)
    made = None if password else secrets.token_urlsafe(15)
    created = founder_add_if_first(email=email, password_hash=hashers.make_password(password or made))
    return FounderEnsured(email=email, created=created, password=made if created else None)


@transactional(TransactionIntent.READ_ONLY)
def anyone_read(session: Session) -> bool:
    """Whether there is anybody who could sign in."""
    return store.any_user_exists()


@transactional(TransactionIntent.ATOMIC_WRITE)
def founder_add_if_first(session: Session, *, email: str, password_hash: str) -> bool:
    """The write of founder_ensure; False if somebody was there first."""
    if store.any_user_exists():
        return False
    created = store.user_add(User(email=email, password=password_hash, role=User.Role.FOUNDER))
    if created:
        log.info("first founder made", actor=SYSTEM.name)
    return created


def person_add(*, email: str, name: str, role: str, password: str, actor: Actor) -> User:
    """Another person. Raises Invalid (e-mail, name, role, password) and Conflict when the e-mail is taken."""
    user = User(email=_email_checked(email), name=_person_name_checked(name), role=_role_checked(role))
    _password_checked(password, user)
    user.set_password(password)  # hashed before the transaction: nobody's write should wait for it
    person_insert(user=user, actor=actor)
    return user


@transactional(TransactionIntent.ATOMIC_WRITE)
def person_insert(session: Session, *, user: User, actor: Actor) -> None:
    """The write of person_add. Raises Conflict when the e-mail is taken."""
    if not store.user_add(user):
        raise _taken(user.email)
    log.info("person added", user_id=user.pk, role=user.role, actor=actor.name)


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
    store.user_change(
        user_id, email=email, name=_person_name_checked(name), role=_role_checked(role), is_active=is_active
    )
    log.info("person changed", user_id=user_id, role=role, is_active=is_active, actor=actor.name)


def password_set(*, user_id: int, password: str, actor: Actor) -> User:
    """A new password; the person's sessions end, but for one that updates its hash. Raises Invalid and NotFound."""
    user = person_read(user_id=user_id)
    if user is None:
        raise NotFound("There is no such person; load the page again.")
    _password_checked(password, user)
    user.set_password(password)
    password_store(user=user, actor=actor)
    return user


@transactional(TransactionIntent.READ_ONLY)
def person_read(session: Session, *, user_id: int | None = None, email: str = "") -> User | None:
    """The person with this id, or with this e-mail however it is capitalised."""
    return store.user_find(user_id=user_id, email=email.strip().lower())


@transactional(TransactionIntent.ATOMIC_WRITE)
def password_store(session: Session, *, user: User, actor: Actor) -> None:
    """The write of password_set."""
    store.user_change(user.pk, password=user.password)
    log.info("password set", user_id=user.pk, actor=actor.name)


def _taken(email: str) -> Conflict:
    return Conflict(
        f"{email} is a person here already; change their role or password instead. Nothing was changed.",
        errors=[FieldError("/email", "Somebody here has this e-mail.")],
    )


def _email_checked(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email[: EMAIL_LENGTH + 1])
        if len(email) > EMAIL_LENGTH:
            raise ValidationError("too long")
    except ValidationError:
        raise Invalid(
            f"“{email[:80]}” is not an e-mail address.", errors=[FieldError("/email", "Write an e-mail address.")]
        ) from None
    return email


def _person_name_checked(name: str) -> str:
    return name_checked(name=name) if name.strip() else ""


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


@transactional(TransactionIntent.READ_ONLY)
def founder_addresses(session: Session) -> list[str]:
    """Where active founders get mail."""
    return list(store.founders_active().order_by("email").values_list("email", flat=True))


@transactional(TransactionIntent.READ_ONLY)
def projects_listed(session: Session) -> list[Project]:
    """The projects that a filter offers, by name; at most 200."""
    return store.projects_listed()


@transactional(TransactionIntent.READ_ONLY)
def people_able_to_act(session: Session) -> list[User]:
    """Active founders and engineers: who may be given work."""
    return store.people_active(User.Role.FOUNDER, User.Role.ENGINEER)
