"""Queries of evidence: one piece in, the pieces that a program may rest on out."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from readiness.infra.actor import Actor
from readiness.infra.correlation import current_correlation_id
from readiness.infra.vendor_sql import moment_read
from readiness.programs.models import (
    Evidence,
    Program,
)
from readiness.programs.services.evidence import EvidenceDraft, evidence_ref
from readiness.programs.services.facts import (
    EvidenceFact,
    Outcome,
)

EVIDENCE_OFFERED = 50


def decimal_plain(value: Decimal) -> Decimal:
    """45 instead of 45.000000: the column's trailing zeros are no one's words."""
    return Decimal(f"{value.normalize():f}")


# What a fact is made of, in the order of `evidence_fact_of`.
EVIDENCE_READS = ("id", "kind", "title", "url", "note", "outcome", "value", "unit", "collected_at", "valid_until")


def evidence_fact_of(values: Sequence[Any]) -> EvidenceFact:
    """Of a row of EVIDENCE_READS, as the ORM or plain SQL gave it: a page reads dozens, and their other columns are
    nothing to it.
    """
    pk, kind, title, url, note, outcome, value, unit, collected_at, valid_until = values
    return EvidenceFact(
        ref=evidence_ref(pk),
        kind=kind,
        title=title,
        url=url,
        note=note,
        outcome=Outcome(outcome),
        value=decimal_plain(Decimal(str(value))) if value is not None else None,
        unit=unit,
        collected_at=moment_read(collected_at),
        valid_until=moment_read(valid_until),
    )


def evidence_fact(evidence: Evidence) -> EvidenceFact:
    return evidence_fact_of([getattr(evidence, name) for name in EVIDENCE_READS])


def evidence_insert(
    *,
    draft: EvidenceDraft,
    sha256: str,
    source: str,
    actor: Actor,
    at: datetime,
    program: Program | None,
    project_id: int,
) -> Evidence:
    return Evidence.objects.create(
        project_id=project_id,
        program=program,
        source=source,
        ref=draft.ref,
        kind=draft.kind,
        title=draft.title,
        url=draft.url,
        note=draft.note,
        outcome=draft.outcome.value,
        value=draft.value,
        unit=draft.unit,
        commit=draft.commit,
        sha256=sha256,
        collected_at=draft.collected_at,
        valid_until=draft.valid_until,
        received_at=at,
        correlation_id=current_correlation_id(),
        **actor_columns(actor),
    )


def actor_columns(actor: Actor) -> dict[str, Any]:
    return {"actor_kind": actor.kind, "actor_name": actor.name[:200], "actor_id": actor.id}


def evidence_repeated(
    *, draft: EvidenceDraft, sha256: str, project_id: int, program: Program | None, source: str
) -> Evidence | None:
    """Evidence of the same bytes for the same purpose that came the same way: a retry, or a second import."""
    same = Evidence.objects.filter(project_id=project_id, sha256=sha256, program=program, source=source)
    return same.filter(kind=draft.kind, ref=draft.ref, commit=draft.commit).order_by("pk").first()


def evidence_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[Evidence]:
    """What was received under a correlation id, the earliest first; of one project unless `project_id` is None."""
    rows = (
        Evidence.objects.select_related("program").filter(correlation_id=correlation_id).order_by("received_at", "pk")
    )
    return rows if project_id is None else rows.filter(project_id=project_id)


def evidence_usable(program: Program) -> QuerySet[Evidence]:
    """What may be attached in this program: its own, and its project's that belongs to no program."""
    return Evidence.objects.filter(Q(program=program) | Q(program__isnull=True, project_id=program.project_id))


def evidence_offered(program: Program) -> list[Evidence]:
    """The newest that the forms offer."""
    return list(evidence_usable(program).order_by("-pk")[:EVIDENCE_OFFERED])


def evidence_listed(program: Program) -> QuerySet[Evidence]:
    """The evidence page: everything that may be attached in this program, newest first."""
    return evidence_usable(program).order_by("-pk")


def evidence_chosen(*, program: Program, pks: Sequence[int]) -> list[Evidence]:
    """Those of `pks` that may be attached in this program, in the order asked for."""
    found = evidence_usable(program).in_bulk(list(pks))
    return [found[pk] for pk in dict.fromkeys(pks) if pk in found]


def evidence_from_document(program: Program) -> list[Evidence]:
    """The evidence that the program's document lists, in its order."""
    rows = Evidence.objects.filter(program=program, source=Evidence.Source.DOCUMENT)
    return list(rows.order_by("pk")[:200])
