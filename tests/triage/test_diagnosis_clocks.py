"""How long diagnoses take: nearest-rank percentiles over what was diagnosed, beside what still runs."""

from datetime import timedelta
from typing import Any

import pytest

from incidents.triage.models import Incident
from incidents.triage.services.clock import DiagnosisClocks
from incidents.triage.workflows import diagnosis_clocks_read
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import an_incident


def diagnosed(minutes: float, *, days_ago: float = 1, **fields: Any) -> None:
    """An incident as another one, diagnosed so many minutes after its first event."""
    template = fields.pop("like")
    end = utcnow() - timedelta(days=days_ago)
    with atomic_write():
        known = {f.attname: getattr(template, f.attname) for f in Incident._meta.fields if f.attname != "id"}
        times = {"detected_at": end - timedelta(minutes=minutes), "diagnosed_at": end, "status": "diagnosed"}
        Incident.objects.create(**{**known, **times, **fields})


@pytest.mark.django_db
def test_it_takes_the_nearest_rank_and_counts_what_runs(django_assert_num_queries: Any) -> None:
    template = an_incident(incident={"detected_at": utcnow() - timedelta(minutes=20)})
    an_incident()
    for minutes in (4, 3, 2, 1, 5, 6, 7, 20, 9, 40):
        diagnosed(minutes, like=template)
    diagnosed(500, like=template, days_ago=31)
    diagnosed(500, like=template, synthetic=True)
    diagnosed(500, like=template, merged_into_id=template.pk)
    with django_assert_num_queries(1):
        clocks = diagnosis_clocks_read(days=30)
    # ten values: rank 5 of 1 2 3 4 5 6 7 9 20 40, and rank 9
    assert (clocks.diagnosed, clocks.within, clocks.p50, clocks.p90) == (10, 8, 300, 1200)
    assert (clocks.running, clocks.overdue) == (2, 1)
    assert not clocks.met


@pytest.mark.django_db
def test_it_says_nothing_of_what_nobody_diagnosed() -> None:
    clocks = diagnosis_clocks_read()
    assert clocks == DiagnosisClocks(days=30, diagnosed=0, within=0, p50=None, p90=None, running=0, overdue=0)
    assert not clocks.met


@pytest.mark.once
@pytest.mark.parametrize(("p90", "overdue", "met"), [(900, 0, True), (901, 0, False), (60, 1, False), (None, 0, False)])
def test_it_is_met_when_nine_in_ten_were_in_time_and_nothing_is_late(p90: int | None, overdue: int, met: bool) -> None:
    assert DiagnosisClocks(days=30, diagnosed=9, within=9, p50=60, p90=p90, running=overdue, overdue=overdue).met is met
