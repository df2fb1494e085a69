"""What capture asks of the subject above it: the incident of each stored error, inside the storing transaction."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from incidents.errors.services.captured import CapturedError


class IncidentSink(Protocol):
    """Named by settings.READINESS_INCIDENT_SINK (a class without arguments)."""

    def record(self, errors: Sequence[CapturedError]) -> Sequence[str]:
        """Count the new errors into their incidents, opening what is missing; one public id (`INC-12`) for each."""
        ...

    def incidents_of(self, errors: Sequence[CapturedError]) -> Sequence[str | None]:
        """The incidents of errors that were stored before (retries), None where there is none."""
        ...

    def incidents_of_groups(self, groups: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
        """The incidents (`INC-12`) of groups, by (project id, fingerprint); without those that have none."""
        ...

    def erased(
        self, *, project_id: int, fingerprints: Sequence[str], error_ids: Sequence[str], words: Sequence[str]
    ) -> None:
        """These events of these groups are erased: repeat nothing of their `words` (messages). Inside the erasing
        transaction.
        """
        ...
