"""What operations know of "What breaks if users arrive?": jobs that do not run, and messages nobody got. Pure."""

from collections.abc import Iterable, Sequence

from incidents.triage.services.ops_health import count_words
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel, refs_words
from readiness.operations.services.jobs import JobStanding

DELIVERY = "outbox"  # the job that tells people: when it is late, nobody hears of anything
OPERATIONS = ("operations",)


def job_risks(*, jobs: Iterable[tuple[str, str, JobStanding]]) -> list[OpsRiskFinding]:
    """Jobs of the console (key, title, standing) that failed, are late or were switched off: one finding for each way,
    and one of its own for the delivery.
    """
    ways: dict[tuple[bool, str], list[str]] = {}
    for key, title, standing in jobs:
        if standing.needs_a_person:
            ways.setdefault((key == DELIVERY, standing.word), []).append(title)
    return [_job_risk(titles, word, delivery=delivery) for (delivery, word), titles in ways.items()]


def _job_risk(titles: Sequence[str], word: str, *, delivery: bool) -> OpsRiskFinding:
    off = word == "Switched off"
    return OpsRiskFinding(
        level=OpsRiskLevel.HIGH if delivery else OpsRiskLevel.LOW if off else OpsRiskLevel.MEDIUM,
        kind="job_off" if off else f"job_{word.lower()}",
        component="the console",
        title=titles[0] + f": {word.lower()}" if len(titles) == 1 else f"{len(titles)} jobs: {word.lower()}",
        why="Nobody is told of anything while it waits."
        if delivery
        else f"{refs_words(titles)}: work of the console that stays undone.",
        todo="Switch on again what should run, in the admin." if off else "Read the last run on Operations, mend that.",
        page=OPERATIONS,
        count=len(titles),
    )


def product_job_risk(*, name: str, word: str, why: str, project_id: int) -> OpsRiskFinding:
    """A job of the product that failed, was missed or runs too long."""
    return OpsRiskFinding(
        level=OpsRiskLevel.HIGH,
        kind="product_job",
        component=name,
        title=f"Job {name}: {word.lower()}",
        why=f"{why} What it does for users is not done.",
        todo="Read its log, mend it, and let it check in once.",
        page=OPERATIONS,
        project_id=project_id,
        now=True,
    )


def dead_letters_risk(*, dead: int) -> list[OpsRiskFinding]:
    """Messages that were given up; none where there are none."""
    if not dead:
        return []
    return [
        OpsRiskFinding(
            level=OpsRiskLevel.HIGH,
            kind="outbox_dead",
            component="outbox",
            title=f"{count_words(dead, 'message')} given up",
            why="What a commit left to be done or told never was: somebody may wait for it.",
            todo="Mend the address or the service it goes to, then try again on Operations.",
            page=OPERATIONS,
            count=dead,
        )
    ]
