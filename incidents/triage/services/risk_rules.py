"""What triage and capture know of "What breaks if users arrive?": facts in, findings out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.triage.services.ops_health import HealthCause, OpsHealthSignal, OpsHealthStatus, count_words, span_words
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel, refs_words
from incidents.triage.services.response import GRAVE, response_of

UNCLASSIFIED_LEAST = 20  # errors: a share of fewer says nothing
UNCLASSIFIED_MEDIUM, UNCLASSIFIED_HIGH = 0.1, 0.5
REFUSED_HIGH = 0.1  # of what arrived
SILENT_GRACE = timedelta(hours=1)  # a project that was onboarded just now is being connected


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """An open incident. `confirmed`: its errors came under a trusted key, or a person said so. `waiting_since`: its
    last detection, the first or that of its recurrence.
    """

    ref: str
    title: str
    component: str
    project_id: int
    priority: str
    confirmed: bool
    acknowledged: bool
    waiting_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFlow:
    """One project's errors lately: `stored`, of those `unclassified`; `refused` at the door, `sampled` (only counted),
    `lost` by its SDKs before they were sent.
    """

    project_id: int
    name: str
    stored: int = 0
    unclassified: int = 0
    refused: int = 0
    sampled: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSigns:
    """A project and whether it was ever heard. `trusted`: a DSN key that founders marked so, or a key of the API that
    has been used.
    """

    project_id: int
    name: str
    created_at: datetime
    heard: bool
    trusted: bool


def component_risks(*, signals: Iterable[OpsHealthSignal]) -> list[OpsRiskFinding]:
    """Components with more errors than chance explains. Those with grave incidents are the incidents' own findings."""
    levels = {OpsHealthStatus.UNHEALTHY: OpsRiskLevel.HIGH, OpsHealthStatus.DEGRADED: OpsRiskLevel.MEDIUM}
    return [
        OpsRiskFinding(
            level=levels[signal.status],
            kind=f"component_{signal.status.value}",
            component=signal.component,
            title=f"{signal.component} is {signal.status.value}",
            why=signal.why,
            todo="Read its newest incident, and what changed when the errors began.",
            page=("incident-list",),
            project_id=signal.project_id,
            count=max(1, signal.errors_last_hour),
            now=True,
        )
        for signal in signals
        if signal.status in levels and signal.cause is HealthCause.RATE
    ]


def incident_risks(*, incidents: Sequence[OpenIncident], now: datetime) -> list[OpsRiskFinding]:
    """Open P0 (critical) and P1 (high), each component's together; each says how long it waits, if nobody took it in
    its response time.
    """
    groups: dict[tuple[str, int, str], list[OpenIncident]] = {}
    for incident in incidents:
        if incident.priority in GRAVE:
            groups.setdefault((incident.priority, incident.project_id, incident.component), []).append(incident)
    return [_incident_risk(priority, found, now) for (priority, _, _), found in groups.items()]


def _incident_risk(priority: str, found: Sequence[OpenIncident], now: datetime) -> OpsRiskFinding:
    first, refs, one = found[0], refs_words([incident.ref for incident in found]), len(found) == 1
    unsure, late = sum(not incident.confirmed for incident in found), _untaken(found, now)
    said = f"{'It' if one else unsure} {'is' if unsure == 1 else 'are'} proposed by rule, not confirmed yet."
    why = [f"{refs}: open {priority}.", said if unsure else "", _untaken_words(late, now)]
    todo = "Roll back, then find the cause." if priority == "P0" else "Find the cause, and prove a control."
    return OpsRiskFinding(
        level=OpsRiskLevel.CRITICAL if priority == "P0" else OpsRiskLevel.HIGH,
        kind=f"incident_open_{priority.lower()}",
        component=first.component,
        title=first.title if one else f"{len(found)} open incidents of {priority}",
        why=" ".join(filter(None, why)),
        todo=f"Take it now. {todo}" if late else todo,
        page=("incident", (late or found)[0].ref),
        project_id=first.project_id,
        count=len(found),
        now=True,
    )


def _untaken(incidents: Iterable[OpenIncident], now: datetime) -> list[OpenIncident]:
    """Those that nobody has taken within their response time, the longest first. P3 waits for nobody."""
    late = []
    for incident in incidents:
        within = response_of(incident.priority).acknowledge_within
        if not incident.acknowledged and within is not None and now - incident.waiting_since > within:
            late.append(incident)
    return sorted(late, key=lambda incident: incident.waiting_since)


def _untaken_words(late: Sequence[OpenIncident], now: datetime) -> str:
    if not late:
        return ""
    longest = late[0]
    within = response_of(longest.priority).acknowledge_within or timedelta(0)
    waits = f"Nobody has taken {longest.ref} for {span_words(now - longest.waiting_since)}"
    return f"{waits}; a {longest.priority} is taken within {span_words(within)}."


def waiting_risks(*, incidents: Sequence[OpenIncident], now: datetime) -> list[OpsRiskFinding]:
    """P2 that nobody has taken within their response time, as one finding; graver ones say it in their own."""
    late = _untaken((incident for incident in incidents if incident.priority not in GRAVE), now)
    if not late:
        return []
    return [
        OpsRiskFinding(
            level=OpsRiskLevel.MEDIUM,
            kind="incident_unacknowledged",
            component=late[0].component if len({incident.component for incident in late}) == 1 else "",
            title=f"Nobody has taken {count_words(len(late), 'P2 incident')}",
            why=f"{refs_words([incident.ref for incident in late])}. {_untaken_words(late, now)}",
            todo="Take them, or find out why nobody was told.",
            page=("incident", late[0].ref),
            project_id=late[0].project_id if len(late) == 1 else 0,
            count=len(late),
        )
    ]


def flow_risks(*, flows: Iterable[ErrorFlow]) -> list[OpsRiskFinding]:
    """What is not understood and what is not kept of each project's errors."""
    findings = []
    for flow in flows:
        findings += [found for found in (_unclassified(flow), _refused(flow), _lost(flow), _sampled(flow)) if found]
    return findings


def _unclassified(flow: ErrorFlow) -> OpsRiskFinding | None:
    share = flow.unclassified / flow.stored if flow.stored else 0.0
    if flow.stored < UNCLASSIFIED_LEAST or share < UNCLASSIFIED_MEDIUM:
        return None
    return OpsRiskFinding(
        level=OpsRiskLevel.HIGH if share >= UNCLASSIFIED_HIGH else OpsRiskLevel.MEDIUM,
        kind="errors_unclassified",
        component=flow.name,
        title=f"{share:.0%} of the errors are unclassified",
        why=f"{flow.unclassified:,} of {flow.stored:,} errors of the last 7 days are system.unclassified: their "
        "severity and priority are guesses.",
        todo="Write rules for their exception types.",
        page=("taxonomy",),
        project_id=flow.project_id,
        count=flow.unclassified,
    )


def _refused(flow: ErrorFlow) -> OpsRiskFinding | None:
    if not flow.refused:
        return None
    much = flow.refused >= REFUSED_HIGH * (flow.refused + flow.stored)
    return OpsRiskFinding(
        level=OpsRiskLevel.HIGH if much else OpsRiskLevel.MEDIUM,
        kind="errors_refused",
        component=flow.name,
        title=f"{count_words(flow.refused, 'error')} refused over a key's limit",
        why="They came in the last 7 days and were counted, not stored: a rare error among them was lost.",
        todo="Mend what is loud, or raise the key's limit in the admin under Capture settings.",
        page=("connect",),
        project_id=flow.project_id,
        count=flow.refused,
        blind=True,
    )


def _lost(flow: ErrorFlow) -> OpsRiskFinding | None:
    if not flow.lost:
        return None
    return OpsRiskFinding(
        level=OpsRiskLevel.MEDIUM,
        kind="errors_lost",
        component=flow.name,
        title=f"SDKs dropped {count_words(flow.lost, 'error')} before sending",
        why="Their own reports of the last 7 days say so; the console never saw these errors.",
        todo="Read the reasons on Operations: a full queue, a network, a program under too much load.",
        page=("operations",),
        project_id=flow.project_id,
        count=flow.lost,
        blind=True,
    )


def _sampled(flow: ErrorFlow) -> OpsRiskFinding | None:
    if not flow.sampled:
        return None
    return OpsRiskFinding(
        level=OpsRiskLevel.LOW,
        kind="errors_sampled",
        component=flow.name,
        title=f"{count_words(flow.sampled, 'error')} counted and not kept in full",
        why="Loud incidents of the last 7 days were over what one incident may store; their counts are right.",
        todo="Mend the loudest incident first.",
        page=("incident-list",),
        project_id=flow.project_id,
        count=flow.sampled,
    )


def project_risks(*, projects: Sequence[ProjectSigns], now: datetime) -> list[OpsRiskFinding]:
    """Projects that nothing would be seen of, or whose alarms wait for a person."""
    silent = [project for project in projects if not project.heard and now - project.created_at > SILENT_GRACE]
    findings = [
        OpsRiskFinding(
            level=OpsRiskLevel.HIGH,
            kind="project_silent",
            component=project.name,
            title=f"{project.name} never sent anything: nothing would be seen",
            why=f"It was onboarded {span_words(now - project.created_at)} ago, and not one error or job arrived.",
            todo="Put its DSN into the program, and send one error on purpose.",
            page=("connect",),
            project_id=project.project_id,
            blind=True,
        )
        for project in silent
    ]
    untrusted = [project for project in projects if project.heard and not project.trusted]
    if untrusted:
        one = len(untrusted) == 1
        names = refs_words([project.name for project in untrusted])
        findings.append(
            OpsRiskFinding(
                level=OpsRiskLevel.LOW,
                kind="key_untrusted",
                component=names if one else "",
                title=f"No trusted key: {names}",
                why="Everything came under public keys, which anybody may copy: a P0 among it rolls nothing back until "
                "a person confirms it.",
                todo="Mark the DSN of a program that runs on servers only as trusted (Admin, DSN keys).",
                page=("connect",),
                project_id=untrusted[0].project_id if one else 0,
                count=len(untrusted),
            )
        )
    return findings
