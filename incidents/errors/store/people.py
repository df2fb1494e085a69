"""Capture's queries: whom an incident's errors met. Bounded: the newest events of its groups."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from readiness.infra.vendor_sql import moment

EVENTS_READ = 500
GROUPS_READ = 20
FEWEST_OF_GROUP = 25
# On PostgreSQL a partition a day is asked, and each event is a page to read: the week before the last event is
# enough to say whom it hits now.
DAYS_READ = 7
SKEW = timedelta(days=1)  # far more than clocks are apart
_PERSON = {"postgresql": "context ->> 'user_hash'", "sqlite": "json_extract(context, '$.user_hash')"}


class Met(NamedTuple):
    """How many of the events read name this person (a keyed hash; None: nobody) and this tenant, as it was reported."""

    person: str | None
    tenant: str | None
    events: int


def people_of_groups(
    *, project_id: int, fingerprints: Sequence[str], first_seen: datetime, last_seen: datetime, now: datetime
) -> list[Met]:
    """Of the newest events of these groups (EVENTS_READ at the most, of the last days before `last_seen`), how many met
    whom (index infra_error_events_group). None arrived before the first happened, nor after now: PostgreSQL need not
    plan for those days. One query, whatever is stored.
    """
    groups = fingerprints[:GROUPS_READ]
    if not groups:
        return []
    share = max(FEWEST_OF_GROUP, EVENTS_READ // len(groups))
    newest = (
        f"SELECT * FROM (SELECT {_PERSON[connection.vendor]} AS person, reported_tenant FROM infra_error_events "  # noqa: S608  ours
        "WHERE project_id = %s AND fingerprint = %s AND created_at >= %s AND created_at < %s "
        f"ORDER BY timestamp DESC LIMIT {share}) AS newest"
    )
    window = moment(max(last_seen - timedelta(days=DAYS_READ), first_seen - SKEW)), moment(now + SKEW)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT person, reported_tenant, count(*) FROM ({' UNION ALL '.join([newest] * len(groups))}) AS met "  # noqa: S608
            "GROUP BY person, reported_tenant",
            [value for group in groups for value in (project_id, group, *window)],
        )
        return [Met(*row) for row in cursor.fetchall()]
