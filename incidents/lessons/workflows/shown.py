"""Controls and waivers as every page shows them: the state now, the runs that made it so, what counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.lessons import store
from incidents.lessons.models import Control, ControlRun, Waiver
from incidents.lessons.services.control_history import RunEffect
from incidents.lessons.services.control_state import AWAITED, ControlState, ControlVerdict
from incidents.lessons.services.prevention import control_is_overdue
from incidents.lessons.services.waivers import COVERED, WaiverFact, waiver_counts
from incidents.lessons.workflows.states import control_verdict

_WAIVABLE = (ControlState.STALE, ControlState.BROKEN)


@dataclass(frozen=True, slots=True)
class WaiverShown:
    """`counts` at the moment of reading; `standing`: neither over nor revoked, though it may not count (an engineer's
    on an incident that has become a P1); `revoked_by` and why, or empty.
    """

    fact: WaiverFact
    incident: str
    title: str
    counts: bool
    standing: bool
    revoked_by: str = ""
    revoked_reason: str = ""


def waivers_shown(rows: Iterable[Waiver], *, priority: str, now: datetime) -> list[WaiverShown]:
    """Waivers (store.waivers_of_incident) of one incident as pages show them."""
    shown = []
    for row in rows:
        fact, revocation = store.waiver_fact(row), getattr(row, "revocation", None)
        shown.append(
            WaiverShown(
                fact=fact,
                incident=row.incident.public_id,
                title=row.control.title if row.control else row.incident.title,
                counts=waiver_counts(waiver=fact, priority=priority, now=now)
                and (row.control is None or row.control.state in COVERED),
                standing=revocation is None and now < fact.expires_at,
                revoked_by=revocation.revoked_by if revocation else "",
                revoked_reason=revocation.reason if revocation else "",
            )
        )
    return shown


def waiver_over(control: str, waivers: Sequence[WaiverShown]) -> WaiverFact | None:
    """The waiver that counts for a control (`CTL-7`) now, the one that ends last."""
    mine = [shown.fact for shown in waivers if shown.counts and shown.fact.control == control]
    return max(mine, key=lambda fact: fact.expires_at, default=None)


@dataclass(frozen=True, slots=True)
class ControlShown:
    """A control as it stands now, with the runs that made it so; `waiver`: by which it counts though it fails;
    `overdue`: its day to be proven is over.
    """

    control: Control
    verdict: ControlVerdict
    red: ControlRun | None
    proof: ControlRun | None
    on_main: ControlRun | None
    waiver: WaiverFact | None = None
    overdue: bool = False

    @property
    def asks_for_proof(self) -> bool:
        """Whether its due day matters still."""
        return self.verdict.state in AWAITED


def controls_shown(
    rows: Sequence[Control],
    *,
    runs: Mapping[int, Mapping[str, ControlRun]],
    now: datetime,
    has_broken_commit: bool,
    waivers: Sequence[WaiverShown],
) -> list[ControlShown]:
    """Controls with the runs that made their states (store.runs_of_milestones) and the waivers that count for them."""
    shown = []
    for control in rows:
        mine = runs.get(control.pk, {})
        verdict = control_verdict(control, now=now, has_broken_commit=has_broken_commit)
        on_main = [mine[e] for e in (RunEffect.MAIN_PASSED, RunEffect.MAIN_FAILED) if e in mine]
        shown.append(
            ControlShown(
                control=control,
                verdict=verdict,
                red=mine.get(RunEffect.RED),
                proof=mine.get(RunEffect.PROOF),
                on_main=max(on_main, key=lambda run: run.sequence, default=None),
                waiver=waiver_over(control.public_id, waivers) if verdict.state in _WAIVABLE else None,
                overdue=control_is_overdue(state=verdict.state.value, due_on=control.due_on, today=now.date()),
            )
        )
    return shown
