"""Every query of flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from django.db import models
from django.db.models import Count, F, Max, Q, QuerySet

from flags.models import Flag, FlagCounter, FlagRevision
from flags.services.changes import FlagChange, FlagState, Visibility
from flags.services.config import INSTALLATION, FlagRow
from flags.services.values import PRODUCTION, FlagType
from readiness.infra.actor import Actor
from readiness.infra.correlation import current_correlation_id
from readiness.infra.plain_sql import instances_of
from readiness.infra.transactions import SingleConnectionTxn
from readiness.infra.vendor_sql import moment

M = TypeVar("M", bound=models.Model)
Counters = tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class FlagsTally:
    """How many flags there are, how many places are killed, how many changed lately."""

    keys: int
    killed: int
    changed: int


def counters_of(*, project_id: int, environment: str) -> Counters:
    """`((project_id, environment, revision), …)` of all that may speak in this scope: at most four rows, by index."""
    rows = _speaking(FlagCounter.objects.all(), project_id, environment)
    return tuple(sorted(rows.values_list("project_id", "environment", "revision")))


def rows_of(*, project_id: int, environment: str) -> list[FlagRow]:
    """Every row that may speak in this scope, for `config_resolve`."""
    rows = _speaking(Flag.objects.all(), project_id, environment)
    return [flag_row(flag) for flag in rows]


def flag_row(flag: Flag) -> FlagRow:
    return FlagRow(
        project_id=flag.project_id,
        environment=flag.environment,
        key=flag.key,
        type=FlagType(flag.type),
        value=flag.value,
        safe_value=flag.safe_value,
        killed=flag.killed,
        public=flag.visibility == "public",
    )


def flag_state(flag: Flag) -> FlagState:
    return FlagState(
        type=FlagType(flag.type),
        value=flag.value,
        safe_value=flag.safe_value,
        visibility=cast(Visibility, flag.visibility),
        description=flag.description,
        minimum=flag.minimum,
        maximum=flag.maximum,
        killed=flag.killed,
        version=flag.version,
    )


def scope_lock(txn: SingleConnectionTxn, *, project_id: int, environment: str) -> None:
    """Writers of one project's flags in one environment stand in line here, those who add a flag included."""
    FlagCounter.objects.bulk_create(
        [FlagCounter(project_id=project_id, environment=environment)], ignore_conflicts=True
    )
    txn.lock_row(FlagCounter, project_id=project_id, environment=environment)


def flag_find(*, project_id: int, environment: str, key: str) -> Flag | None:
    return Flag.objects.filter(project_id=project_id, environment=environment, key=key).first()


def flags_named(*, key: str) -> Sequence[Flag]:
    """Everywhere that a flag of this name is set: the installation first, production first; at most 200."""
    production_first = models.Case(models.When(environment=PRODUCTION, then=0), default=1)
    return list(Flag.objects.filter(key=key).order_by("project_id", production_first, "environment")[:200])


def flags_listed() -> QuerySet[Flag]:
    """The list page's rows, by key, then widest first."""
    return Flag.objects.order_by("key", "project_id", "environment")


def flags_tally(*, since: datetime) -> FlagsTally:
    """The list page's figures."""
    rows = Flag.objects.aggregate(
        keys=Count("key", distinct=True),
        killed=Count("pk", filter=Q(killed=True)),
        changed=Count("pk", filter=Q(changed_at__gte=since)),
    )
    return FlagsTally(**rows)


def flag_type_of(*, key: str) -> FlagType | None:
    """The type that a key has everywhere, if any row uses it."""
    found = Flag.objects.filter(key=key).order_by("project_id").values_list("type", flat=True).first()
    return None if found is None else FlagType(found)


def version_last(*, project_id: int, environment: str, key: str) -> int:
    """The last version that history knows, 0 if none: a flag made again after its removal counts on from it."""
    rows = FlagRevision.objects.filter(project_id=project_id, environment=environment, key=key)
    return rows.aggregate(last=Max("version"))["last"] or 0


def flag_save(*, flag: Flag, change: FlagChange, actor: Actor, at: datetime) -> None:
    """The new state, its revision and the counter: three rows of the one transaction under way."""
    state = change.state
    flag.type, flag.value, flag.safe_value = state.type.value, state.value, state.safe_value
    flag.killed, flag.visibility, flag.description = state.killed, state.visibility, state.description
    flag.minimum, flag.maximum, flag.version = state.minimum, state.maximum, state.version
    flag.changed_at, flag.changed_by = at, actor.name[:200]
    flag.save()
    _record(flag, change, actor, at)


def flag_delete(*, flag: Flag, change: FlagChange, actor: Actor, at: datetime) -> None:
    """The row goes, its history stays and says so."""
    flag.version = change.state.version
    _record(flag, change, actor, at)
    Flag.objects.filter(pk=flag.pk).delete()


def revisions_of(*, project_id: int, environment: str, key: str) -> QuerySet[FlagRevision]:
    """The history of a flag in one place, newest first."""
    rows = FlagRevision.objects.filter(project_id=project_id, environment=environment, key=key)
    return rows.order_by("-version")


def revisions_latest(*, flag_ids: Sequence[int]) -> dict[int, FlagRevision]:
    """The last revision of each of these flags."""
    rows = FlagRevision.objects.filter(flag_id__in=flag_ids, version=F("flag__version"))
    return {revision.flag_id: revision for revision in rows}


_REVISIONS_BETWEEN = """
SELECT * FROM flags_revision WHERE project_id IN %s AND at >= %s AND at <= %s ORDER BY at DESC LIMIT %s
"""


def revisions_between(*, project_id: int, since: datetime, until: datetime, limit: int) -> Sequence[FlagRevision]:
    """What changed for a project (its own flags and the installation's) in a time, newest first."""
    places = (project_id, INSTALLATION)
    return instances_of(FlagRevision, _REVISIONS_BETWEEN, places, moment(since), moment(until), limit)


def revisions_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[FlagRevision]:
    """What was changed under a correlation id, the earliest first; of one project unless `project_id` is None."""
    rows = FlagRevision.objects.filter(correlation_id=correlation_id).order_by("at", "pk")
    return rows if project_id is None else rows.filter(project_id=project_id)


def _record(flag: Flag, change: FlagChange, actor: Actor, at: datetime) -> None:
    FlagRevision.objects.create(
        flag=flag,
        project_id=flag.project_id,
        environment=flag.environment,
        key=flag.key,
        version=flag.version,
        action=change.action,
        before=change.before,
        after=change.after,
        reason=change.reason,
        actor_kind=actor.kind,
        actor_name=actor.name[:200],
        actor_id=actor.id,
        at=at,
        correlation_id=current_correlation_id(),
    )
    FlagCounter.objects.filter(project_id=flag.project_id, environment=flag.environment).update(
        revision=F("revision") + 1
    )


def _speaking(rows: QuerySet[M], project_id: int, environment: str) -> QuerySet[M]:
    return rows.filter(project_id__in={project_id, INSTALLATION}, environment__in={environment, PRODUCTION})
