"""A batch of errors gathered by incident: one update each instead of one an event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incidents.errors.services.captured import CapturedError
from incidents.triage.services.severity import worse_severity


@dataclass(slots=True)
class IncidentBatch:
    """What a batch adds to one incident. `releases`: (release, environment) → (occurrences, first, last). The `last_`
    ones are of its newest stored error, empty when all were only counted (sampled).
    """

    project_id: int
    first: datetime
    last: datetime
    errors: list[CapturedError] = field(default_factory=list)
    last_error_id: str = ""
    last_release: str = ""
    last_environment: str = ""
    trusted: bool = False
    releases: dict[tuple[str, str], tuple[int, datetime, datetime]] = field(default_factory=dict)
    hours: dict[datetime, int] = field(default_factory=dict)

    @property
    def occurrences(self) -> int:
        return len(self.errors)

    def worst(self, severity: str) -> str:
        """The worse of the given severity and the batch's."""
        for error in self.errors:
            severity = worse_severity(severity, error.envelope.severity.value)
        return severity

    def add(self, error: CapturedError) -> None:
        e = error.envelope
        self.errors.append(error)
        # What is not kept cannot be shown as the newest. The kept ones of a batch come first.
        if not error.sampled and (not self.last_error_id or e.timestamp >= self.last):
            self.last_error_id, self.last_release, self.last_environment = (
                e.error_id,
                e.release or "",
                e.environment or "",
            )
        self.first, self.last = min(self.first, e.timestamp), max(self.last, e.timestamp)
        self.trusted = self.trusted or error.origin.trusted
        place = (e.release or "", e.environment or "production")
        number, first, last = self.releases.get(place, (0, e.timestamp, e.timestamp))
        self.releases[place] = (number + 1, min(first, e.timestamp), max(last, e.timestamp))
        hour = error.received_at.replace(minute=0, second=0, microsecond=0)
        self.hours[hour] = self.hours.get(hour, 0) + 1


def batches_gather(*, errors: Sequence[CapturedError], incident_ids: Sequence[int]) -> dict[int, IncidentBatch]:
    """incident id → what the errors add to it; `incident_ids` names the incident of each error."""
    batches: dict[int, IncidentBatch] = {}
    for error, incident_id in zip(errors, incident_ids, strict=True):
        moment = error.envelope.timestamp
        if incident_id not in batches:
            batches[incident_id] = IncidentBatch(error.origin.project_id, moment, moment)
        batches[incident_id].add(error)
    return batches
