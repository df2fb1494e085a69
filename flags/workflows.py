"""What people and programs do with flags: read the configuration, define, set, kill, restore, remove.

Every change takes the actor and the reason, stands in line by the lock on its scope's counter, and leaves a revision
and a grown counter in its own transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from flags import store
from flags.models import Flag, FlagRevision
from flags.services.changes import (
    FlagChange,
    FlagEdit,
    FlagState,
    flag_change_define,
    flag_change_edit,
    flag_change_kill,
    flag_change_remove,
    flag_change_restore,
)
from flags.services.config import INSTALLATION, ConfigDocument, config_encode, config_payload, config_resolve
from flags.services.values import PRODUCTION, FlagType, JsonValue, environment_check, key_check
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound, Unavailable
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants.workflows import project_find

log = structlog.get_logger("flags")


@dataclass(frozen=True, slots=True)
class ConfigScope:
    """Whose configuration: a project's in an environment by key, or (`public`) what READINESS_PUBLIC_TENANT shows."""

    project_id: int
    environment: str
    public: bool


PUBLIC_SCOPE = ConfigScope(project_id=INSTALLATION, environment=PRODUCTION, public=True)


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """An answer of /config, ready to send, and the counters that it was made at."""

    document: ConfigDocument
    project_id: int
    counters: store.Counters


@transactional(TransactionIntent.READ_ONLY)
def config_read(session: Session, *, scope: ConfigScope, known: ConfigAnswer | None = None) -> ConfigAnswer:
    """The configuration of `scope`: `known` itself while the counters stand where they stood (one small query).

    Raises Unavailable when the database cannot be asked.
    """
    try:
        project_id = _public_project() if scope.public else scope.project_id
        # The counters first: a flip in between is then seen by the next look, never missed.
        counters = store.counters_of(project_id=project_id, environment=scope.environment)
        if known is not None and known.counters == counters and known.project_id == project_id:
            return known
        rows = store.rows_of(project_id=project_id, environment=scope.environment)
    except DatabaseError as error:
        raise Unavailable(
            "The flags cannot be read just now: the database does not answer. Keep what you have and try again.",
            headers={"Retry-After": "5"},
        ) from error
    payload = config_payload(rows=rows, project_id=project_id, environment=scope.environment, public_only=scope.public)
    return ConfigAnswer(config_encode(payload=payload), project_id, counters)


def config_stale(scope: ConfigScope, problem: Unavailable) -> None:
    """An old answer was given because the database did not answer (`stale-if-error`): say so in the log."""
    log.error(
        "config served stale", project_id=scope.project_id, environment=scope.environment, cause=repr(problem.__cause__)
    )


def _public_project() -> int:
    """The project of READINESS_PUBLIC_TENANT; the installation while the setting is empty or names nobody yet."""
    slug = settings.READINESS_PUBLIC_TENANT
    project = project_find(tenant_slug=slug) if slug else None
    return INSTALLATION if project is None else project.pk


@transactional(TransactionIntent.LOCKED_MUTATION)
def flag_define(
    txn: SingleConnectionTxn,
    *,
    key: str,
    state: FlagState,
    actor: Actor,
    reason: str = "",
    project_id: int = INSTALLATION,
    environment: str = PRODUCTION,
) -> Flag:
    """A new flag. Raises Conflict if it exists here, Invalid for a key, type or value that does not fit."""
    key_check(key=key)
    environment_check(environment=environment)
    store.scope_lock(txn, project_id=project_id, environment=environment)
    if store.flag_find(project_id=project_id, environment=environment, key=key):
        raise Conflict(f"{key} is already defined here. Open it to change it.", errors=[FieldError("/key", "Taken.")])
    settled = store.flag_type_of(key=key)
    if settled is not None and settled != state.type:
        raise Invalid(
            f"{key} is {_a(settled)} elsewhere, and clients read it as one: give it the same type here.",
            errors=[FieldError("/type", f"Must be {settled}.")],
        )
    last = store.version_last(project_id=project_id, environment=environment, key=key)
    change = flag_change_define(state=replace(state, version=last), actor=actor, reason=reason)
    flag = Flag(project_id=project_id, environment=environment, key=key)
    store.flag_save(flag=flag, change=change, actor=actor, at=utcnow())
    return flag


@dataclass(frozen=True, slots=True)
class FlagHere:
    """A flag as one place sees it: its own row there, if any, and the row that speaks (its own, a wider one, or the
    installation's while that is killed)."""

    own: Flag | None
    speaking: Flag


@transactional(TransactionIntent.READ_ONLY)
def flag_here(session: Session, *, key: str, project_id: int, environment: str) -> FlagHere:
    """Raises NotFound when no row speaks for this key in this place."""
    rows = store.rows_of(project_id=project_id, environment=environment)
    row = config_resolve(rows=rows, project_id=project_id, environment=environment).get(key)
    speaking = row and store.flag_find(project_id=row.project_id, environment=row.environment, key=key)
    if not speaking:
        raise NotFound(f"There is no flag {key[:100]}. /flags/ lists what there is; founders add flags in the admin.")
    return FlagHere(store.flag_find(project_id=project_id, environment=environment, key=key), speaking)


@transactional(TransactionIntent.LOCKED_MUTATION)
def flag_override(
    txn: SingleConnectionTxn,
    *,
    key: str,
    project_id: int,
    environment: str,
    value: JsonValue,
    actor: Actor,
    reason: str = "",
) -> Flag:
    """A row of its own for a project or an environment, its definition copied from the row that spoke there so far.

    Raises NotFound if no row speaks for this key there, and as `flag_define` does.
    """
    wider = flag_here(key=key, project_id=project_id, environment=environment).speaking
    state = replace(store.flag_state(wider), value=value, killed=False)
    return flag_define(key=key, state=state, actor=actor, reason=reason, project_id=project_id, environment=environment)


@transactional(TransactionIntent.LOCKED_MUTATION)
def flag_edit(
    txn: SingleConnectionTxn,
    *,
    key: str,
    edit: FlagEdit,
    expected_version: int,
    actor: Actor,
    reason: str = "",
    project_id: int = INSTALLATION,
    environment: str = PRODUCTION,
) -> FlagChange:
    """Change a flag's value or definition. `expected_version` is the one that the person saw: raises Conflict when
    somebody was faster, NotFound, Invalid, and Forbidden for automation.
    """
    flag = _locked(txn, project_id, environment, key)
    change = flag_change_edit(
        state=store.flag_state(flag), edit=edit, expected_version=expected_version, actor=actor, reason=reason
    )
    return _saved(flag, change, actor)


def flag_set(
    *,
    key: str,
    value: JsonValue,
    expected_version: int,
    actor: Actor,
    reason: str = "",
    project_id: int = INSTALLATION,
    environment: str = PRODUCTION,
) -> FlagChange:
    """Set a flag's value; raises as `flag_edit` does."""
    return flag_edit(
        key=key,
        edit=FlagEdit(value=value),
        expected_version=expected_version,
        actor=actor,
        reason=reason,
        project_id=project_id,
        environment=environment,
    )


@transactional(TransactionIntent.LOCKED_MUTATION)
def flag_kill(
    txn: SingleConnectionTxn,
    *,
    key: str,
    actor: Actor,
    reason: str,
    project_id: int = INSTALLATION,
    environment: str = PRODUCTION,
) -> FlagChange:
    """Serve the declared safe variant from now on, whatever version is seen and whoever asks, automation included.

    Killing a killed flag changes nothing. Raises NotFound, Conflict without a safe variant, Invalid without a reason.
    """
    flag = _locked(txn, project_id, environment, key)
    return _saved(flag, flag_change_kill(state=store.flag_state(flag), reason=reason), actor)


@transactional(TransactionIntent.LOCKED_MUTATION)
def flag_restore(
    txn: SingleConnectionTxn,
    *,
    key: str,
    actor: Actor,
    reason: str,
    project_id: int = INSTALLATION,
    environment: str = PRODUCTION,
) -> FlagChange:
    """A person ends a kill. Raises NotFound, Forbidden for automation, Invalid without a reason."""
    flag = _locked(txn, project_id, environment, key)
    return _saved(flag, flag_change_restore(state=store.flag_state(flag), actor=actor, reason=reason), actor)


@transactional(TransactionIntent.LOCKED_MUTATION)
def flag_remove(
    txn: SingleConnectionTxn,
    *,
    key: str,
    expected_version: int,
    actor: Actor,
    reason: str,
    project_id: int = INSTALLATION,
    environment: str = PRODUCTION,
) -> FlagChange:
    """Take the row away; the next wider one speaks again. Its history stays. Raises as `flag_edit` does."""
    flag = _locked(txn, project_id, environment, key)
    change = flag_change_remove(
        state=store.flag_state(flag), expected_version=expected_version, actor=actor, reason=reason
    )
    store.flag_delete(flag=flag, change=change, actor=actor, at=utcnow())
    return change


@transactional(TransactionIntent.READ_ONLY)
def flag_changes(
    session: Session, *, project_id: int, since: datetime, until: datetime, limit: int = 20
) -> list[FlagRevision]:
    """What changed for a project, the installation's flags included, newest first: an incident's “what changed?”."""
    return list(store.revisions_between(project_id=project_id, since=since, until=until, limit=limit))


def _locked(txn: SingleConnectionTxn, project_id: int, environment: str, key: str) -> Flag:
    key_check(key=key)
    environment_check(environment=environment)
    store.scope_lock(txn, project_id=project_id, environment=environment)
    flag = store.flag_find(project_id=project_id, environment=environment, key=key)
    if flag is None:
        raise NotFound(f"There is no flag {key[:100]} here; /flags/ lists what there is.")
    return flag


def _saved(flag: Flag, change: FlagChange, actor: Actor) -> FlagChange:
    if change.anything:
        store.flag_save(flag=flag, change=change, actor=actor, at=utcnow())
    return change


def _a(type: FlagType) -> str:
    return f"an {type}" if type in (FlagType.INTEGER, FlagType.OBJECT) else f"a {type}"
