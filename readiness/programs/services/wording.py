"""A verdict in plain words: the sentence under the word, and what a page draws from it."""

from dataclasses import dataclass

from readiness.programs.services.evaluation import Evaluation
from readiness.programs.services.verdict import VerdictWord

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TONES = {
    VerdictWord.GO: "pass",
    VerdictWord.PROCEED: "pass",
    VerdictWord.EXTEND: "warn",
    VerdictWord.NO_GO: "fail",
    VerdictWord.CANCEL: "fail",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One gain on the way to the threshold, as the score bar draws it."""

    text: str
    points: str


def counted(count: int, noun: str) -> str:
    """`three gates`, `one gate`, `12 gates`."""
    number = _SMALL[count] if count < len(_SMALL) else str(count)
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"


def verdict_sentence(evaluation: Evaluation) -> str:
    """`for Phase 2 entry: the score is under its threshold and three gates wait.`"""
    if evaluation.frozen is not None:
        return f"{evaluation.frozen.reason} No verdict is asked of it meanwhile."
    kinds = [blocker.kind for blocker in evaluation.blockers]
    reasons = []
    if "program" in kinds:
        reasons.append("nothing in it can be evaluated")
    if "score" in kinds:
        reasons.append("the score is under its threshold")
    failed = sum(blocker.failed for blocker in evaluation.blockers)
    if failed:
        reasons.append(f"{counted(failed, 'gate')} {'fails' if failed == 1 else 'fail'}")
    if gates := kinds.count("gate") - failed:
        reasons.append(f"{counted(gates, 'gate')} {'waits' if gates == 1 else 'wait'}")
    if incidents := kinds.count("incident"):
        reasons.append(f"{counted(incidents, 'incident')} {'stands' if incidents == 1 else 'stand'} against it")
    if pilot := kinds.count("pilot"):
        reasons.append(f"{counted(pilot, 'finding')} of the pilot {'speaks' if pilot == 1 else 'speak'} against it")
    if not reasons:
        reasons.append("every required gate passes" + (" and the score holds" if evaluation.rubric else ""))
    listed = ", ".join(reasons[:-1]) + (" and " if len(reasons) > 1 else "") + reasons[-1]
    target = evaluation.program.target
    said = f"for {target}: {listed}." if target else f"{listed[0].upper()}{listed[1:]}."
    return f"{said}{_waived(evaluation)}"


def _waived(evaluation: Evaluation) -> str:
    """` One gate passes only by a waiver.`, or nothing: a waiver is told wherever it counts."""
    waived = sum(gate.by_waiver for gate in evaluation.gates)
    if not waived:
        return ""
    return f" {counted(waived, 'gate').capitalize()} {'passes' if waived == 1 else 'pass'} only by a waiver."


def uplift_segments(evaluation: Evaluation) -> list[Segment]:
    """The gains of the cheapest path, in its order."""
    steps = evaluation.uplift.steps if evaluation.uplift else ()
    return [Segment(f"{s.title} {s.step.from_score} → {s.step.to_score}", str(s.points)) for s in steps]
