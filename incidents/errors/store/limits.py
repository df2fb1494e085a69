"""Capture's queries: the windows that limits are held against, what founders set, and what they are told."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db.models import QuerySet

from incidents.errors.models import CaptureSettings, CaptureWindow, LimitNotice
from incidents.errors.services.limit_book import GROUP, GroupMinute, Ref, Window
from incidents.errors.services.limits import MINUTE
from readiness.infra.bulk_sql import rows_insert
from readiness.infra.vendor_sql import moment

_ROWS = 1_000
_MOST_MINUTES = 100_000  # what a process reads at its start, at the most
LIMIT_FIELDS = ("key_per_minute", "incident_per_minute", "spike_factor")


def _minute_start(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE, UTC)


def windows_add(rows: Sequence[Window]) -> dict[tuple[int, Ref], int]:
    """Raise the windows; (minute, whose) → how many errors all processes have counted by now.

    `rows` come in key order: two processes then never wait for each other crosswise.
    """
    totals: dict[tuple[int, Ref], int] = {}
    by_minute: dict[int, list[Window]] = {}
    for row in rows:
        by_minute.setdefault(row.minute, []).append(row)
    for minute, mine in by_minute.items():
        start = moment(_minute_start(minute))
        for at in range(0, len(mine), _ROWS):
            found = rows_insert(
                "infra_capture_windows",
                ("minute", "project_id", "scope", "ref", "events", "kept"),
                [(start, *row.ref, row.events, row.kept) for row in mine[at : at + _ROWS]],
                "ON CONFLICT (minute, project_id, scope, ref) DO UPDATE SET "
                "events = infra_capture_windows.events + excluded.events, "
                "kept = infra_capture_windows.kept + excluded.kept RETURNING project_id, scope, ref, events",
            )
            totals |= {(minute, Ref(*row[:3])): row[3] for row in found}
    return totals


def group_minutes(*, since: int, until: int) -> list[GroupMinute]:
    """What was counted of each group in the minutes [since, until), oldest first (the primary key leads with them)."""
    rows = (
        CaptureWindow.objects.filter(minute__gte=_minute_start(since), minute__lt=_minute_start(until), scope=GROUP)
        .order_by("minute")
        .values_list("minute", "project_id", "ref", "events", "kept")[:_MOST_MINUTES]
    )
    return [GroupMinute(int(row[0].timestamp()) // MINUTE, *row[1:]) for row in rows]


def windows_forget(*, before: datetime) -> int:
    """Forget the windows of minutes before then; how many went."""
    return CaptureWindow.objects.filter(minute__lt=before).delete()[0]


# --- what founders set ------------------------------------------------------------------------------------------------


def limit_settings(project_id: int) -> tuple[Mapping[str, int | None], Mapping[str, int | None]]:
    """(the project's own, those for every project): each field of LIMIT_FIELDS, None where it is unset."""
    rows = {
        row["project_id"]: row
        for row in CaptureSettings.objects.filter(project_id__in=(0, project_id)).values("project_id", *LIMIT_FIELDS)
    }
    return rows.get(project_id, {}), rows.get(0, {})


def capture_settings_of(project_id: int) -> CaptureSettings | None:
    """A project's own settings, if it has any."""
    return CaptureSettings.objects.filter(project_id=project_id).first()


def capture_settings_put(*, project_id: int, values: Mapping[str, object]) -> CaptureSettings:
    """Create or change a project's settings; fields that are not named stay as they are."""
    row = CaptureSettings(project_id=project_id, **values)
    CaptureSettings.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["project_id"], update_fields=list(values)
    )
    return CaptureSettings.objects.get(project_id=project_id)


# --- what founders are told -------------------------------------------------------------------------------------------


def notice_add(*, project_id: int, scope: str, ref: str, text: str, at: datetime) -> int | None:
    """A day's first notice of a key or an incident: its id; None when there has been one today."""
    found = rows_insert(
        "infra_limit_notices",
        ("project_id", "day", "scope", "ref", "text", "first_at", "seen_by"),
        [(project_id, at.date().isoformat(), scope, ref, text[:500], moment(at), "")],
        "ON CONFLICT (project_id, day, scope, ref) DO NOTHING RETURNING id",
    )
    return found[0][0] if found else None


def notices_unseen(*, since: datetime) -> QuerySet[LimitNotice]:
    """What no founder has seen yet, the newest first."""
    return LimitNotice.objects.filter(seen_by="", first_at__gte=since).order_by("-first_at", "-pk")


def notices_mark_seen(*, until: int, by: str) -> int:
    """Mark the unseen notices up to that one as seen; how many."""
    return LimitNotice.objects.filter(seen_by="", pk__lte=until).update(seen_by=by)


def notices_forget(*, before: datetime) -> int:
    """Forget notices from before then; how many."""
    return LimitNotice.objects.filter(first_at__lt=before).delete()[0]
