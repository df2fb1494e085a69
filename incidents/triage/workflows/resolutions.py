"""What the errors of resolved incidents are held against: two queries, and only when a batch meets such incidents."""

from collections.abc import Collection, Mapping, Sequence

from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.services.recurrence import Resolution

# Of an incident seen in more releases than these, the newest are held against each other by time; versions by all.
BROKEN_TIMED = 200


def resolutions_read(incidents: Sequence[Incident], releases: Mapping[int, Collection[str]]) -> dict[int, Resolution]:
    """incident id → its resolution, of those that are resolved; `releases`: those to be judged, by incident id."""
    ended = {i.pk: moment for i in incidents if (moment := i.prevented_at or i.closed_at) is not None}
    if not ended:
        return {}
    broken = store.releases_seen_until(incident_ids=list(ended), moments=ended)
    mine = [incident for incident in incidents if incident.pk in ended]
    asked = {
        release
        for i in mine
        for release in (*releases.get(i.pk, ()), *broken.get(i.pk, ())[:BROKEN_TIMED], i.fixed_in_release)
        if release
    }
    seen = store.releases_first_seen(project_ids={i.project_id for i in mine}, releases=asked) if asked else {}
    return {
        i.pk: Resolution(
            at=ended[i.pk],
            fix=i.fixed_in_release,
            broken=frozenset(broken.get(i.pk, ())),
            first_seen=seen.get(i.project_id, {}),
        )
        for i in mine
    }
