"""From a program file's checked data to its definition and example, and from a definition back to a file's data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from readiness.programs.services.cadence import WEEKDAYS
from readiness.programs.services.definition import (
    CategoryDefinition,
    Comparator,
    Computed,
    ControlsAsked,
    CriterionDefinition,
    Frozen,
    GateDefinition,
    NonFocus,
    Prerequisite,
    ProgramDefinition,
    ProgramKind,
    Review,
    Rhythm,
    UpliftStep,
)
from readiness.programs.services.facts import Claim, Outcome

DEFAULT_MAX_AGE_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleEvidence:
    """Evidence that the document records; `key` is its name inside the file, `collected_at` noon of its day in UTC."""

    key: str
    kind: str
    title: str
    url: str
    note: str
    outcome: Outcome
    value: Decimal | None
    unit: str
    collected_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleAttestation:
    criterion: str
    claim: Claim
    evidence: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleScore:
    category: str
    score: int
    evidence: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What the document that a program comes from attests, as of its date. `recorded` is shown as it stands: the
    document's own words, what changed, SLO classes, states of prerequisites and uplift steps.
    """

    as_of: date
    document: str
    evidence: tuple[ExampleEvidence, ...]
    attestations: tuple[ExampleAttestation, ...]
    scores: tuple[ExampleScore, ...]
    recorded: dict[str, Any] = field(default_factory=dict)


def definition_build(data: Mapping[str, Any]) -> ProgramDefinition:
    """The definition of checked data (`program_read` checks it)."""
    threshold = data.get("threshold")
    return ProgramDefinition(
        slug=data["program"],
        kind=ProgramKind(data["kind"]),
        title=data["title"],
        subtitle=data.get("subtitle", ""),
        target=data.get("target", ""),
        owner=data.get("owner", ""),
        threshold=Decimal(threshold) if threshold is not None else None,
        evidence_max_age_days=data.get("evidence_max_age_days", DEFAULT_MAX_AGE_DAYS),
        gates=tuple(_gate(item) for item in data["gates"]),
        categories=tuple(
            CategoryDefinition(key=item["key"], title=item["title"], weight=item["weight"])
            for item in data.get("rubric", ())
        ),
        uplift=tuple(
            UpliftStep(
                category=item["category"],
                from_score=item["from"],
                to_score=item["to"],
                requirement=item["requirement"],
                needs_days=item.get("needs_days", 0),
            )
            for item in data.get("uplift", ())
        ),
        reviews=tuple(_review(item) for item in data.get("cadence", ())),
        prerequisites=tuple(
            Prerequisite(key=item["key"], item=item["item"], priority=item["priority"])
            for item in data.get("prerequisites", ())
        ),
        non_focus=tuple(NonFocus(item=i["item"], reason=i["reason"]) for i in data.get("non_focus", ())),
        frozen=frozen_build(data["frozen"]) if data.get("frozen") else None,
    )


def frozen_build(item: Mapping[str, Any]) -> Frozen:
    """Of a file's `frozen`, or of a document's as it was recorded."""
    return Frozen(
        reason=item["reason"],
        since=date.fromisoformat(item["since"]) if item.get("since") else None,
        completed=tuple(item.get("completed", ())),
        deferred=tuple(item.get("deferred", ())),
    )


def frozen_data(frozen: Frozen) -> dict[str, Any]:
    data: dict[str, Any] = {
        "reason": frozen.reason,
        "since": frozen.since.isoformat() if frozen.since else "",
        "completed": list(frozen.completed),
        "deferred": list(frozen.deferred),
    }
    return {key: value for key, value in data.items() if value}


def _gate(item: Mapping[str, Any]) -> GateDefinition:
    # A gate without criteria of its own is its own one criterion.
    criteria = item.get("criteria") or [{**item, "asks": item.get("asks", item["title"])}]
    return GateDefinition(
        key=item["key"],
        title=item["title"],
        required=item.get("required", True),
        waits_for=tuple(item.get("waits_for", ())),
        criteria=tuple(_criterion(criterion) for criterion in criteria),
    )


def _criterion(item: Mapping[str, Any]) -> CriterionDefinition:
    return CriterionDefinition(
        key=item["key"],
        text=item["asks"],
        unmet=item.get("unmet", ""),
        next_step=item.get("next", ""),
        comparator=Comparator(item["value"]) if "value" in item else None,
        threshold=Decimal(item["threshold"]) if "threshold" in item else None,
        unit=item.get("unit", ""),
        aggregation=item.get("aggregation", ""),
        max_age_days=item.get("max_age_days"),
        computed=Computed(item["computed"]) if item.get("computed") else None,
        controls=controls_build(item.get("controls")),
    )


def controls_build(item: Mapping[str, Any] | None) -> ControlsAsked | None:
    """The `controls` of a criterion; None where it has none, which is another thing than an empty mapping: all."""
    if item is None:
        return None
    return ControlsAsked(**{name: tuple(item.get(name, ())) for name in ("classes", "priorities", "keys")})


def controls_data(asked: ControlsAsked | None) -> dict[str, list[str]] | None:
    """The same in the shape of the file."""
    if asked is None:
        return None
    lists = {"classes": asked.classes, "priorities": asked.priorities, "keys": asked.keys}
    return {name: list(values) for name, values in lists.items() if values}


def _review(item: Mapping[str, Any]) -> Review:
    return Review(
        what=item["what"],
        rhythm=Rhythm(item["every"]),
        weekday=WEEKDAYS.index(item["on"]) if "on" in item else None,
        start=date.fromisoformat(item["from"]) if "from" in item else None,
        owner=item.get("owner", ""),
        stated=date.fromisoformat(item["stated"]) if "stated" in item else None,
        decides=item.get("decides", False),
    )


def example_build(data: Mapping[str, Any]) -> Example | None:
    """The example of checked data; None when the file has none."""
    example = data.get("example")
    if example is None:
        return None
    return Example(
        as_of=date.fromisoformat(example["as_of"]),
        document=example.get("document", {}).get("title", data["title"]),
        evidence=tuple(
            ExampleEvidence(
                key=item["key"],
                kind=item["kind"],
                title=item["title"],
                url=item.get("location", ""),
                note=item.get("note", ""),
                outcome=Outcome(item.get("outcome", "")),
                value=Decimal(item["value"]) if "value" in item else None,
                unit=item.get("unit", ""),
                collected_at=datetime.combine(date.fromisoformat(item["collected_on"]), time(12), UTC),
            )
            for item in example.get("evidence", ())
        ),
        attestations=tuple(
            ExampleAttestation(
                criterion=item["criterion"],
                claim=Claim(item["claim"]),
                evidence=tuple(item["evidence"]),
                note=item.get("note", ""),
            )
            for item in example.get("attestations", ())
        ),
        scores=tuple(
            ExampleScore(
                category=item["category"],
                score=item["score"],
                evidence=tuple(item["evidence"]),
                note=item.get("note", ""),
            )
            for item in example.get("scores", ())
        ),
        recorded={k: example[k] for k in _RECORDED if k in example},
    )


_RECORDED = ("document", "changed", "frozen", "slo_classes", "slo_transitions", "prerequisites", "uplift")


def definition_data(definition: ProgramDefinition) -> dict[str, Any]:
    """The definition as a file's data; reading it again gives an equal definition."""
    data: dict[str, Any] = {
        "program": definition.slug,
        "kind": definition.kind.value,
        "title": definition.title,
        "subtitle": definition.subtitle,
        "target": definition.target,
        "owner": definition.owner,
        "threshold": definition.threshold,
        "evidence_max_age_days": definition.evidence_max_age_days,
        "gates": [_gate_data(gate) for gate in definition.gates],
        "rubric": [{"key": c.key, "title": c.title, "weight": c.weight} for c in definition.categories],
        "uplift": [
            {
                "category": step.category,
                "from": step.from_score,
                "to": step.to_score,
                "requirement": step.requirement,
                "needs_days": step.needs_days,
            }
            for step in definition.uplift
        ],
        "prerequisites": [{"key": p.key, "item": p.item, "priority": p.priority} for p in definition.prerequisites],
        "cadence": [_review_data(review) for review in definition.reviews],
        "non_focus": [{"item": item.item, "reason": item.reason} for item in definition.non_focus],
        "frozen": frozen_data(definition.frozen) if definition.frozen else None,
    }
    return {key: value for key, value in data.items() if value not in ("", None) and (value or key == "gates")}


def _gate_data(gate: GateDefinition) -> dict[str, Any]:
    data: dict[str, Any] = {"key": gate.key, "title": gate.title}
    if not gate.required:
        data["required"] = False
    if gate.waits_for:
        data["waits_for"] = list(gate.waits_for)
    return {**data, "criteria": [_criterion_data(criterion) for criterion in gate.criteria]}


def _criterion_data(criterion: CriterionDefinition) -> dict[str, Any]:
    data: dict[str, Any] = {
        "key": criterion.key,
        "asks": criterion.text,
        "unmet": criterion.unmet,
        "next": criterion.next_step,
        "value": criterion.comparator.value if criterion.comparator else "",
        "threshold": criterion.threshold,
        "unit": criterion.unit,
        "aggregation": criterion.aggregation,
        "max_age_days": criterion.max_age_days,
        "computed": criterion.computed.value if criterion.computed else "",
        "controls": controls_data(criterion.controls),
    }
    return {key: value for key, value in data.items() if value not in ("", None)}


def _review_data(review: Review) -> dict[str, Any]:
    data: dict[str, Any] = {
        "what": review.what,
        "every": review.rhythm.value,
        "on": WEEKDAYS[review.weekday] if review.weekday is not None else "",
        "from": review.start.isoformat() if review.start else "",
        "owner": review.owner,
        "stated": review.stated.isoformat() if review.stated else "",
    }
    if review.decides:
        data["decides"] = True
    return {key: value for key, value in data.items() if value != ""}
