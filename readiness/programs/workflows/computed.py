"""What the console answers by itself for the criteria of a program that ask it."""

from collections.abc import Mapping

from incidents.lessons.workflows.reading.first_contact import first_contact_read
from readiness.programs.services.definition import Computed, ProgramDefinition
from readiness.programs.services.facts import ComputedFact
from readiness.programs.services.first_contact import first_contact_facts


def computed_facts(definition: ProgramDefinition, *, project_id: int | None) -> Mapping[Computed, ComputedFact]:
    """Three queries where a criterion is computed, none elsewhere. `project_id` None looks at every project."""
    if not any(criterion.computed for gate in definition.gates for criterion in gate.criteria):
        return {}
    seen = first_contact_read(project_id=project_id)
    return first_contact_facts(
        issue=seen.issue, diagnosed=seen.diagnosed, took=seen.took, prevented=seen.prevented, control=seen.control
    )
