"""What the console answers by itself for the criteria of a program that ask it."""

from collections.abc import Mapping

from incidents.lessons.workflows.reading.first_contact import first_contact_read, first_issue_read
from incidents.lessons.workflows.reading.review import log_review_read
from readiness.programs.services.definition import Computed, ProgramDefinition
from readiness.programs.services.facts import ComputedFact
from readiness.programs.services.first_contact import first_contact_facts, goal_facts
from readiness.programs.services.log_review import log_review_facts

_GOAL = frozenset({Computed.EVIDENCE, Computed.TIMELINE, Computed.CAUSE, Computed.PREVENTION})
_REVIEW = frozenset({Computed.LOG_DIAGNOSED, Computed.POST_MORTEMS, Computed.LESSONS, Computed.CONTROLLED})


def computed_facts(definition: ProgramDefinition, *, project_id: int | None) -> Mapping[Computed, ComputedFact]:
    """Three queries where a criterion of phase S's exit is computed, six where one of its goal is, five where one of
    the review after a pilot is, none elsewhere. `project_id` None looks at every project.
    """
    asked = {criterion.computed for gate in definition.gates for criterion in gate.criteria if criterion.computed}
    facts: dict[Computed, ComputedFact] = {}
    if asked - _REVIEW - _GOAL:
        seen = first_contact_read(project_id=project_id)
        facts |= first_contact_facts(
            issue=seen.issue, diagnosed=seen.diagnosed, took=seen.took, prevented=seen.prevented, control=seen.control
        )
    if asked & _GOAL:
        first = first_issue_read(project_id=project_id)
        facts |= goal_facts(
            issue=first.issue,
            evidence=first.evidence,
            entries=first.entries,
            diagnosed=first.diagnosed,
            controls=first.controls,
        )
    if asked & _REVIEW:
        log = log_review_read(project_id=project_id)
        facts |= log_review_facts(
            recorded=log.recorded,
            undiagnosed=log.undiagnosed,
            without_post_mortem=log.without_post_mortem,
            without_lesson=log.without_lesson,
            without_control=log.without_control,
        )
    return facts
