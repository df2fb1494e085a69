"""The Ops models' pure services: interpreted from fakes, never from tables (138-160)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.triage.services.ops_decisions import DecisionCount, decision_outcomes, decisions_read
from incidents.triage.services.ops_health import (
    HEARD_WITHIN,
    ComponentFigures,
    HealthCause,
    OpsHealthStatus,
    component_health,
    errors_limit,
    errors_of_last_hour,
    health_counts,
    health_order,
    health_overall,
    project_silent,
)
from incidents.triage.services.ops_incidents import incident_by_component, incident_summary, incidents_active
from incidents.triage.services.ops_risks import (
    OpsRiskFinding,
    OpsRiskLevel,
    refs_words,
    risk_counts,
    risks_from,
    risks_order,
    risks_sentence,
)
from incidents.triage.services.ops_rules import aggregation_rules
from incidents.triage.services.ops_trends import (
    METRICS,
    OpsTrendDirection,
    metric_find,
    trend_direction,
    trend_read,
    trend_since,
    trend_slope,
    trend_z,
)
from incidents.triage.services.severity import OpsIncidentCategory, OpsSeverity

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
# A process's first draw reads the sources for constants, which takes seconds on a busy machine.
drawn_first = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


# --- incidents --------------------------------------------------------------------------------------------------------


@dataclass
class Pattern:
    """A row as a store gives it."""

    component: str = "billing.engine"
    ops_severity: str = "action"
    public_id: str = "INC-1"
    title: str = "KeyError: 'total'"
    category: str = "execution_failure"
    priority: str = "P2"
    status: str = "detected"
    occurrences: int = 12
    first_seen: datetime = NOW - HOUR
    last_seen: datetime = NOW


class FakeStore:
    """ErrorStoreProtocol over a list; `asked` is the last window."""

    def __init__(self, *rows: Pattern) -> None:
        self.rows = rows
        self.asked: tuple[datetime, datetime] | None = None

    def _of(self, since: datetime, until: datetime, component: str | None) -> list[Pattern]:
        self.asked = (since, until)
        return [row for row in self.rows if since <= row.last_seen and component in (None, row.component)]

    def patterns(
        self, *, since: datetime, until: datetime, component: str | None, severities: Sequence[str]
    ) -> Iterable[Pattern]:
        return [row for row in self._of(since, until, component) if row.ops_severity in severities]

    def severity_counts(self, *, since: datetime, until: datetime, component: str | None) -> Mapping[str, int]:
        found = [row.ops_severity for row in self._of(since, until, component)]
        return {severity: found.count(severity) for severity in found}


def test_active_incidents_are_domain_models_at_or_above_a_severity() -> None:
    store = FakeStore(*(Pattern(ops_severity=severity.value) for severity in OpsSeverity))
    found = incidents_active(store=store, since=NOW - HOUR, min_severity=OpsSeverity.ACTION)
    assert [incident.severity for incident in found] == [OpsSeverity.ACTION, OpsSeverity.URGENT]
    assert found[0].category is OpsIncidentCategory.EXECUTION_FAILURE
    assert len(incidents_active(store=store, since=NOW - HOUR)) == 4
    incidents_active(store=store, since=NOW - HOUR, until=NOW)
    assert store.asked == (NOW - HOUR, NOW)


def test_a_component_has_its_own_incidents_and_summary() -> None:
    store = FakeStore(Pattern(), Pattern(component="shop", ops_severity="urgent"))
    assert [i.component for i in incident_by_component(store=store, component="shop", since=NOW - HOUR)] == ["shop"]
    assert incident_summary(store=store, since=NOW - HOUR, component="shop")[OpsSeverity.URGENT] == 1
    assert list(incident_summary(store=store, since=NOW + HOUR).items()) == [(s, 0) for s in reversed(OpsSeverity)]


# --- health -----------------------------------------------------------------------------------------------------------

FIGURES = ComponentFigures(
    project_id=1, component="shop", earlier=168, earlier_hours=168, heard_at=NOW, project_heard_at=NOW
)


def status(**changes: object) -> OpsHealthStatus:
    return component_health(figures=replace(FIGURES, **changes), now=NOW).status  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, OpsHealthStatus.HEALTHY),
        ({"this_hour": 4}, OpsHealthStatus.HEALTHY),  # chance: 1 an hour is usual, and up to 4
        ({"this_hour": 5}, OpsHealthStatus.DEGRADED),
        ({"this_hour": 29}, OpsHealthStatus.DEGRADED),
        ({"this_hour": 30}, OpsHealthStatus.UNHEALTHY),
        ({"this_hour": 30, "earlier": 168 * 100}, OpsHealthStatus.HEALTHY),
        ({"lately": 1, "open": 1}, OpsHealthStatus.DEGRADED),
        ({"open": 9}, OpsHealthStatus.HEALTHY),
        ({"grave": 1, "open": 1}, OpsHealthStatus.UNHEALTHY),
        ({"project_heard_at": None}, OpsHealthStatus.UNKNOWN),
        ({"project_heard_at": NOW - HEARD_WITHIN - HOUR}, OpsHealthStatus.UNKNOWN),
        ({"project_heard_at": None, "this_hour": 1}, OpsHealthStatus.HEALTHY),  # it was heard within this hour
        ({"project_heard_at": None, "grave": 1}, OpsHealthStatus.UNHEALTHY),
        ({"earlier": 0, "earlier_hours": 0, "this_hour": 6}, OpsHealthStatus.DEGRADED),
    ],
)
def test_health_is_judged_by_rate_incidents_and_silence(changes: dict[str, object], expected: OpsHealthStatus) -> None:
    assert status(**changes) is expected


def test_what_decided_is_said() -> None:
    signal = component_health(figures=replace(FIGURES, this_hour=40), now=NOW)
    assert signal.cause is HealthCause.RATE
    assert signal.why == "40 errors in the last hour; 1 is usual, and up to 4 is chance."
    assert component_health(figures=replace(FIGURES, earlier_hours=0), now=NOW).usual_per_hour is None
    silent = component_health(figures=replace(FIGURES, project_heard_at=NOW - timedelta(days=3)), now=NOW)
    assert "for 3 days" in silent.why


def test_the_last_hour_takes_its_share_of_the_one_before() -> None:
    begun = NOW.replace(minute=0)
    assert errors_of_last_hour(this_hour=2, hour_before=10, now=begun) == 12
    assert errors_of_last_hour(this_hour=2, hour_before=10, now=NOW) == 7
    assert errors_of_last_hour(this_hour=2, hour_before=10, now=begun + HOUR - timedelta(seconds=1)) == 3


counts = st.integers(min_value=0, max_value=10_000)


@drawn_first
@given(st.tuples(counts, counts, counts), st.integers(0, 168), st.booleans(), st.integers(1, 500))
def test_nothing_worse_makes_health_better(errors: tuple[int, int, int], hours: int, heard: bool, more: int) -> None:
    """From the worst to the best: more errors, or more incidents, never lower the rank (unknown gives way to facts)."""
    figures = ComponentFigures(
        project_id=1, component="c", this_hour=errors[0], hour_before=errors[1], earlier=errors[2],
        earlier_hours=hours, project_heard_at=NOW if heard else None,
    )  # fmt: skip
    before = component_health(figures=figures, now=NOW).status
    for worse in (replace(figures, grave=more), replace(figures, lately=more)):
        assert component_health(figures=worse, now=NOW).status.rank >= before.rank
    if before is not OpsHealthStatus.UNKNOWN:
        after = component_health(figures=replace(figures, this_hour=figures.this_hour + more), now=NOW).status
        assert after.rank >= before.rank


@drawn_first
@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=0, max_value=1e6))
def test_a_higher_usual_allows_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert errors_limit(usual=low) <= errors_limit(usual=high)
    assert errors_limit(usual=low) >= low


def test_no_data_is_never_healthy() -> None:
    assert health_overall([]) is OpsHealthStatus.UNKNOWN
    healthy = component_health(figures=FIGURES, now=NOW)
    assert health_overall([healthy]) is OpsHealthStatus.HEALTHY
    assert health_overall([healthy, project_silent(project_id=2)]) is OpsHealthStatus.UNKNOWN
    assert list(health_counts([healthy]).values()) == [0, 0, 0, 1]
    assert health_order([healthy, project_silent(project_id=2)])[0].component == ""


# --- risks ------------------------------------------------------------------------------------------------------------


def finding(level: OpsRiskLevel, **fields: object) -> OpsRiskFinding:
    known = {"kind": "k", "component": "c", "title": "t", "why": "w", "todo": "d"}
    return OpsRiskFinding(level=level, **{**known, **fields})  # type: ignore[arg-type]


@drawn_first
@given(st.lists(st.tuples(st.sampled_from(OpsRiskLevel), st.booleans(), st.booleans())))
def test_the_gravest_come_first_and_none_is_lost(drawn: list[tuple[OpsRiskLevel, bool, bool]]) -> None:
    findings = [finding(level, now=now, blind=blind) for level, now, blind in drawn]
    ordered = risks_order(findings)
    assert [f.level.rank for f in ordered] == sorted((f.level.rank for f in findings), reverse=True)
    assert sum(risk_counts(ordered).values()) == len(findings)
    assert risks_from(ordered, floor=OpsRiskLevel.LOW) == ordered


def test_the_sentence_counts_what_is_known_to_break() -> None:
    high, low = finding(OpsRiskLevel.HIGH), finding(OpsRiskLevel.LOW)
    assert risks_sentence([]) == "Nothing is known to break."
    assert risks_sentence([finding(OpsRiskLevel.HIGH, blind=True)]) == "Nothing is known to break."
    assert risks_sentence([low]) == "Nothing critical or high is known; 1 lesser finding."
    assert risks_sentence([finding(OpsRiskLevel.CRITICAL), high, high, low]) == "1 critical and 2 high."


def test_references_are_bounded() -> None:
    assert refs_words(["A"]) == "A"
    assert refs_words(["A", "B"]) == "A and B"
    assert refs_words([f"INC-{n}" for n in range(9)]) == "INC-0, INC-1, INC-2, INC-3, INC-4 and 4 more"
    assert refs_words(["A"], total=3) == "A and 2 more"


# --- trends -----------------------------------------------------------------------------------------------------------

ERRORS, SHARE = METRICS[0], METRICS[1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7], OpsTrendDirection.UNKNOWN),  # too few
        ([1, 2, 3, 4, 5, 6, 7, 8], OpsTrendDirection.WORSE),
        ([8, 7, 6, 5, 4, 3, 2, 1], OpsTrendDirection.BETTER),
        ([5] * 12, OpsTrendDirection.STEADY),
        ([0, 0, 0, 0, 900, 0, 0, 0, 0, 0], OpsTrendDirection.STEADY),  # one bad day is no trend
    ],
)
def test_a_direction_is_more_than_chance(values: list[float], expected: OpsTrendDirection) -> None:
    assert trend_direction(values, lower_is_better=True) is expected


def test_the_statistic_is_that_of_the_textbook() -> None:
    """By hand from the formulas: five rising pairs and one falling; two pairs of ties."""
    assert trend_z([10, 15, 14, 20]) == pytest.approx((4 - 1) / (4 * 3 * 13 / 18) ** 0.5)
    assert trend_z([1, 1, 2, 2]) == pytest.approx(3 / ((4 * 3 * 13 - 2 * 2 * 1 * 9) / 18) ** 0.5)
    assert trend_slope([1, 3, 5, 100]) == 17.5  # the median of 2, 2, 2, 33, 48.5, 95


series = st.lists(st.integers(0, 1000), min_size=8, max_size=30)


@drawn_first
@given(series)
def test_a_series_backwards_goes_the_other_way(values: list[int]) -> None:
    assert trend_z(values[::-1]) == pytest.approx(-trend_z(values))
    assert trend_slope(values[::-1]) == pytest.approx(-trend_slope(values))
    forwards, backwards = (trend_direction(v, lower_is_better=True) for v in (values, values[::-1]))
    opposite = {OpsTrendDirection.BETTER: OpsTrendDirection.WORSE, OpsTrendDirection.WORSE: OpsTrendDirection.BETTER}
    assert backwards is opposite.get(forwards, forwards)
    turned = trend_direction(values, lower_is_better=False)
    assert turned is opposite.get(forwards, forwards)


def test_hours_fold_into_days_and_what_was_before_is_no_zero() -> None:
    known = NOW - timedelta(days=3)
    counts = {NOW.replace(minute=0) - back * HOUR: (2.0, 0.0) for back in range(40)}
    metric = trend_read(definition=ERRORS, counts=counts, days=14, now=NOW, known_since=known)
    assert [point.value for point in metric.points] == [0, 12, 48, 20]
    assert sum(metric.values) == 80
    assert [point.complete for point in metric.points] == [True, True, True, False]
    assert metric.direction is OpsTrendDirection.UNKNOWN
    assert "3 whole days" in metric.why
    assert trend_read(definition=ERRORS, counts={}, days=14, now=NOW, known_since=None).points == ()


def test_a_share_has_no_value_where_nothing_was_counted() -> None:
    today = NOW.replace(minute=0)
    metric = trend_read(
        definition=SHARE, counts={today: (1, 4)}, days=2, now=NOW, known_since=trend_since(days=2, now=NOW)
    )
    assert metric.points[-1].value == 25
    assert {point.value for point in metric.points[:-1]} == {None}
    assert len(metric.points) == 48


def test_each_metric_is_found_by_its_key() -> None:
    assert [metric_find(metric.key) for metric in METRICS] == list(METRICS)
    assert metric_find("nonsense") is None


# --- decisions --------------------------------------------------------------------------------------------------------


def test_nobody_connected_is_not_none_made() -> None:
    read = decisions_read(source=None, since=NOW - HOUR, until=NOW)
    assert (read.connected, read.outcomes) == (False, ())
    assert "READINESS_DECISION_SOURCE" in read.detail
    empty = decisions_read(source=lambda **_: [], since=NOW - HOUR, until=NOW)
    assert empty.connected
    assert "no decision" in empty.detail


@drawn_first
@given(st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), st.integers(0, 99)))
def test_the_shares_of_an_engine_are_whole(counted: dict[tuple[str, str], int]) -> None:
    counts = [DecisionCount(engine, outcome, number, NOW, "dec_1") for (engine, outcome), number in counted.items()]
    outcomes = decision_outcomes(counts=counts)
    for engine in {outcome.engine for outcome in outcomes}:
        assert sum(o.share for o in outcomes if o.engine == engine) == pytest.approx(1, abs=0.001)


# --- the rules as data ------------------------------------------------------------------------------------------------


def test_the_rules_are_data_for_the_playbook() -> None:
    rules = {rule.name: rule.rule for rule in aggregation_rules()}
    assert len(rules) == len(aggregation_rules())
    assert rules["severity.action"].endswith("from 10 times on.")
    assert rules["category.domain.budget_exceeded"] == "budget_exhaustion"
    assert "5 minutes" in rules["risk.incident_unacknowledged"]
    assert (
        rules["priority.P0"]
        == "Proposed for ERROR or CRITICAL of system.corruption, system.money_leak, system.security."
    )
    assert "100 times within an hour" in rules["priority.P1"]
    assert {"health.unknown", "risk.gate", "trend.direction", "ops_incident.output"} <= set(rules)
