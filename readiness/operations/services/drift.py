"""How far a destination has drifted from its source, and whether that is an alert (requirements 235-237).

A row is whatever the pair is compared by: for the rollups, one (hour, project, component, class, severity).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

# An hour is compared once it has been closed for this long: what arrived in it has been committed by then.
SETTLED_AFTER = timedelta(minutes=5)
# Each run looks at these last days again, whatever earlier runs have covered.
RECHECKED_DAYS = 7
# A nightly run may be this late.
STALE_AFTER = timedelta(hours=26)
_PLACES = Decimal("0.0001")


class RunStatus(StrEnum):
    OK = "ok"
    DRIFT = "drift"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Drift:
    """Rows that the source implies; of these missing and changed in the destination, and those that it has beside."""

    source_rows: int = 0
    missing: int = 0
    extra: int = 0
    changed: int = 0

    def __add__(self, other: "Drift") -> "Drift":
        return Drift(
            self.source_rows + other.source_rows,
            self.missing + other.missing,
            self.extra + other.extra,
            self.changed + other.changed,
        )

    @property
    def rows(self) -> int:
        return self.missing + self.extra + self.changed

    @property
    def percent(self) -> Decimal:
        """(missing + extra + changed) / max(1, source rows) in per cent, to four places."""
        return (Decimal(self.rows) * 100 / max(1, self.source_rows)).quantize(_PLACES, ROUND_HALF_UP)

    def exceeds(self, percent: Decimal) -> bool:
        """More than `percent`, decided before any rounding."""
        return Decimal(self.rows) * 100 > percent * max(1, self.source_rows)


@dataclass(frozen=True, slots=True)
class DriftFound(Generic[K]):
    """The figures, and the keys of the rows that differ."""

    drift: Drift
    keys: tuple[K, ...]


def drift_compute(*, source: Mapping[K, int], destination: Mapping[K, int]) -> DriftFound[K]:
    """Hold both sides against each other, row by row."""
    missing = [key for key in source if key not in destination]
    extra = [key for key in destination if key not in source]
    changed = [key for key, count in source.items() if destination.get(key, count) != count]
    drift = Drift(len(source), len(missing), len(extra), len(changed))
    return DriftFound(drift, (*missing, *extra, *changed))


@dataclass(frozen=True, slots=True)
class Assessment:
    """`why` is empty while there is no alert."""

    status: RunStatus
    alert: bool
    why: str = ""


def drift_assess(*, drift: Drift, alert_above: Decimal, drifted_before: bool) -> Assessment:
    """An alert above the threshold (236), and for smaller drift when the run before found some too: it comes back."""
    if not drift.rows:
        return Assessment(RunStatus.OK, alert=False)
    if drift.exceeds(alert_above):
        return Assessment(
            RunStatus.DRIFT, alert=True, why=f"More than {alert_above.normalize():f}\u00a0% of the rows differ."
        )
    if drifted_before:
        return Assessment(RunStatus.DRIFT, alert=True, why="It drifts again: the run before found wrong rows too.")
    return Assessment(RunStatus.DRIFT, alert=False)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole hours; empty when `since` is `until`."""

    since: datetime
    until: datetime

    def days(self) -> "list[Window]":
        """The same in pieces of a day at most, so that memory holds one day's rows."""
        pieces, start = [], self.since
        while start < self.until:
            end = min(_midnight(start) + timedelta(days=1), self.until)
            pieces.append(Window(start, end))
            start = end
        return pieces


def reconcile_window(
    *, now: datetime, retention_days: int, earliest: datetime | None, covered_until: datetime | None
) -> Window:
    """What a run compares: from where the last good run ended (None: from the start), the last days at least, up to
    the last settled hour; a day inside of what retention is about to take, so that the two never meet.
    """
    until = _hour(now - SETTLED_AFTER)
    floor = _midnight(now) - timedelta(days=max(0, retention_days - 1))
    since = floor if earliest is None else max(floor, _hour(earliest))
    if covered_until is not None:
        since = max(since, min(_hour(covered_until), _midnight(until) - timedelta(days=RECHECKED_DAYS)))
    return Window(min(since, until), until) if earliest is not None else Window(until, until)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


# --- words and the Health card ---------------------------------------------------------------------------------------


def percent_words(percent: Decimal) -> str:
    """Two places; what is there but smaller is not shown as nothing."""
    if 0 < percent < Decimal("0.01"):
        return "< 0.01\u00a0%"
    return f"{percent.quantize(Decimal('0.01'), ROUND_HALF_UP)}\u00a0%"


def drift_words(*, drift: Drift, repaired: int) -> str:
    """`3 rows differed from the source's 120 (1 missing, 2 changed); 3 put right.`"""
    if not drift.source_rows and not drift.rows:
        return "Nothing to compare yet."
    rows = f"{drift.source_rows} {'row' if drift.source_rows == 1 else 'rows'}"
    if not drift.rows:
        return f"All {rows} agree." if drift.source_rows > 1 else f"The {rows} agrees."
    named = {"missing": drift.missing, "too many": drift.extra, "changed": drift.changed}
    parts = ", ".join(f"{count} {word}" for word, count in named.items() if count)
    mended = f"{repaired} put right" if repaired else "none was put right"
    wrong = f"{drift.rows} row{'' if drift.rows == 1 else 's'} differed"
    return f"{wrong} from the source's {drift.source_rows} ({parts}); {mended}."


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last reconciliation of a pair, as its card needs it; `rows` on either side."""

    status: RunStatus
    alert: bool
    rows: int
    percent: Decimal
    finished_at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class HealthCard:
    """`number` is the drift, `kind` a pill's; `why` and `mend` are sentences, the latter empty with nothing to do."""

    kind: str
    word: str
    number: str
    why: str
    mend: str = ""
    at: datetime | None = None


def health_card(*, last: LastRun | None, now: datetime) -> HealthCard:
    """Requirement 237: drift and last reconcile. A failed or missing run is an alert as much as drift is."""
    if last is None:
        mend = "It runs every night. To see it now, choose “Run now” beside Reconciliation, or run manage.py reconcile."
        return HealthCard(
            "neutral", "Not yet compared", "—", "The figures have never been held against the events.", mend
        )
    number = "—" if last.status is RunStatus.FAILED else percent_words(last.percent)
    card = HealthCard("pass", "In step", number, last.words, at=last.finished_at)
    if last.status is RunStatus.FAILED:
        return _with(card, "fail", "Failed", mend="Open the incident of its error, mend the cause, and run it again.")
    if now - last.finished_at > STALE_AFTER:
        return _with(
            card, "fail", "Overdue", mend="The nightly run is missing: see that worker and beat run, or run it now."
        )
    if last.alert:
        return _with(
            card, "fail", "Drift", mend="Find out what wrote the figures beside the events; its incident says when."
        )
    if not last.rows:  # agreement of nothing with nothing is no proof
        return HealthCard("neutral", "Nothing to compare", "—", "No error arrived in the hours compared.", at=card.at)
    if last.status is RunStatus.DRIFT:
        return _with(card, "warn", "Drift", mend="Little, and put right. A second time in a row it becomes an alert.")
    return card


def _with(card: HealthCard, kind: str, word: str, *, mend: str) -> HealthCard:
    return HealthCard(kind, word, card.number, card.why, mend, card.at)
