"""The rules by which infrastructure's errors become what operators read, as data: the playbook's l4_aggregation_rules
(160). Each is written from the constants that the services use, so that the two cannot disagree. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.triage.services import ops_health, ops_trends, risk_rules
from incidents.triage.services.ops_incidents import OpsIncident
from incidents.triage.services.response import RESPONSES
from incidents.triage.services.severity import (
    ACTION_FROM,
    GRAVEST_CLASSES,
    HIGH_RATE,
    URGENT_FROM,
    incident_category,
)
from readiness.infra.envelope import ErrorClass


@dataclass(frozen=True, slots=True)
class AggregationRule:
    """One rule: a dotted name and a sentence."""

    name: str
    rule: str


def aggregation_rules() -> list[AggregationRule]:
    """Every rule, in the order in which an error meets them. Pure data: `[{name, rule}]`."""
    return [
        AggregationRule("ops_incident.input", "A time window, a severity threshold, optionally one component."),
        AggregationRule("ops_incident.output", f"A list of {OpsIncident.__name__}, never an envelope or a row."),
        AggregationRule(
            "ops_incident.never", "No shaping for a page, no pagination, no sorting for display, no roles."
        ),
        *(
            AggregationRule(f"category.{error_class.value}", incident_category(error_class).value)
            for error_class in ErrorClass
        ),
        *_severity_rules(),
        *_priority_rules(),
        *_health_rules(),
        *_risk_rules(),
        AggregationRule(
            "trend.direction",
            f"Mann-Kendall at |Z| >= {ops_trends.Z_SIGNIFICANT} over at least {ops_trends.LEAST_POINTS} whole buckets; "
            "otherwise steady, and unknown with fewer.",
        ),
    ]


def _severity_rules() -> Sequence[AggregationRule]:
    return (
        AggregationRule(
            "severity.urgent", f"CRITICAL, corruption, money leak or security; or ERROR from {URGENT_FROM} times on."
        ),
        AggregationRule("severity.action", f"ERROR from {ACTION_FROM} times on."),
        AggregationRule("severity.attention", f"ERROR below that; WARNING from {ACTION_FROM} times on."),
        AggregationRule("severity.info", "Anything less."),
    )


def _priority_rules() -> Sequence[AggregationRule]:
    gravest = ", ".join(sorted(one.value for one in GRAVEST_CLASSES))
    return (
        AggregationRule("priority.P0", f"Proposed for ERROR or CRITICAL of {gravest}."),
        AggregationRule("priority.P1", f"Proposed for CRITICAL, and for what comes {HIGH_RATE} times within an hour."),
        AggregationRule("priority.P2", "Proposed for ERROR."),
        AggregationRule("priority.P3", "Proposed for anything less. A person confirms or corrects each."),
    )


def _health_rules() -> Sequence[AggregationRule]:
    h = ops_health
    usual = f"the mean hour of the {h.USUAL_OVER.days} days before"
    return (
        AggregationRule(
            "health.unhealthy",
            f"An open P0 or P1; or at least {h.UNHEALTHY_FROM} errors in the last hour and over "
            f"{h.UNHEALTHY_FACTOR:g} times what chance explains.",
        ),
        AggregationRule(
            "health.degraded",
            f"At least {h.DEGRADED_FROM} errors in the last hour and over usual + {h.SIGMAS:g} * sqrt(usual), usual "
            f"being {usual}; or an open P2 that happened within the hour.",
        ),
        AggregationRule(
            "health.unknown",
            f"No sign of life of the project within {h.HEARD_WITHIN.total_seconds() / 3600:.0f} hours: no data is "
            "never healthy.",
        ),
        AggregationRule("health.healthy", "None of these: heard of lately, and no more errors than usual."),
    )


def _risk_rules() -> Sequence[AggregationRule]:
    r = risk_rules
    within = ", ".join(
        f"{name} within {ops_health.span_words(response.acknowledge_within)}"
        for name, response in RESPONSES.items()
        if response.acknowledge_within is not None
    )
    return (
        AggregationRule("risk.incident_open", "An open P0 is critical, an open P1 high."),
        AggregationRule(
            "risk.incident_unacknowledged", f"Medium for P2, and said with an open P0 or P1, when not taken: {within}."
        ),
        AggregationRule("risk.component", "Unhealthy by its rate is high, degraded by its rate medium."),
        AggregationRule(
            "risk.errors_unclassified",
            f"From {r.UNCLASSIFIED_MEDIUM:.0%} of at least {r.UNCLASSIFIED_LEAST} errors medium, from "
            f"{r.UNCLASSIFIED_HIGH:.0%} high.",
        ),
        AggregationRule("risk.errors_refused", f"Medium; from {r.REFUSED_HIGH:.0%} of what arrived high."),
        AggregationRule("risk.errors_lost", "Medium: SDKs dropped errors against their program's will."),
        AggregationRule("risk.errors_sampled", "Low: loud incidents are counted and not kept in full."),
        AggregationRule("risk.project_silent", "High: a project that never sent anything; nothing would be seen."),
        AggregationRule("risk.key_untrusted", "Low: everything of a project came under public keys."),
        AggregationRule(
            "risk.incident_uncontrolled",
            "Open without a control, as grave as the gravest: P0, P1 high, P2 medium, P3 low.",
        ),
        AggregationRule("risk.control", "Broken or ineffective is high; stale, or unproven past its day, medium."),
        AggregationRule("risk.job", "A failed or late job is medium, a late delivery high, one switched off low."),
        AggregationRule("risk.product_job", "High: a job of the product failed, was missed or runs too long."),
        AggregationRule("risk.outbox_dead", "High: messages that were given up; somebody was not told."),
        AggregationRule("risk.gate", "A required gate of the home page's program: FAIL is high, IN_PROGRESS medium."),
    )
