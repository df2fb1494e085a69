"""First start is not an empty room: a real program's crash through the real doors, synthetic and marked as such."""

import pytest

from incidents.scenarios.models import ScenarioRun
from incidents.triage.models import Incident
from incidents.triage.store import incidents_open_count
from tests.console import Console
from tests.servers import wait_until

pytestmark = pytest.mark.once


def test_it_leaves_one_synthetic_incident_and_only_once(fresh_console: Console) -> None:
    def has_passed() -> bool:
        with fresh_console.tables():
            return ScenarioRun.objects.filter(outcome="passed").exists()

    wait_until(has_passed, what="the self-check of the first start", within_s=60, log=fresh_console.log)
    assert fresh_console.manage("first_start").stdout == ""
    with fresh_console.tables():
        assert ScenarioRun.objects.count() == 1
        incident = Incident.objects.get()
        assert incident.synthetic
        assert incident.title == "GatewayTimeout: payment gateway: no answer in 3000 ms"
        assert incident.component == "shop.checkout"
        assert incidents_open_count() == 0
    summary = fresh_console.call("GET", "/ops/incidents/infra-summary", key=fresh_console.key("ops:read")).json()
    assert summary["total_incidents"] == 0
    assert "passed" in fresh_console.manage("run_scenarios").stdout
    with fresh_console.tables():
        assert Incident.objects.get().occurrences >= 2
