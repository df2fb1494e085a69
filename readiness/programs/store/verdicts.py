"""Queries of recorded verdicts and their chain."""

from collections.abc import Iterator

from django.db.models import QuerySet

from readiness.programs.models import (
    Program,
    Verdict,
    VerdictBody,
)
from readiness.programs.services.chain import ChainEntry


def verdict_last(program: Program) -> Verdict | None:
    return Verdict.objects.filter(program=program).order_by("-sequence").first()


def verdict_insert(*, row: Verdict, salt: str, body: str) -> Verdict:
    row.save(force_insert=True)
    VerdictBody.objects.create(project_id=row.project_id, verdict=row, salt=salt, body=body)
    return row


def verdicts_of(program: Program) -> QuerySet[Verdict]:
    """The history, newest first."""
    return Verdict.objects.filter(program=program).order_by("-sequence")


def verdicts_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[Verdict]:
    """What was recorded under a correlation id, the earliest first; of one project unless `project_id` is None."""
    rows = (
        Verdict.objects.select_related("program").filter(correlation_id=correlation_id).order_by("evaluated_at", "pk")
    )
    return rows if project_id is None else rows.filter(project_id=project_id)


def verdict_head(row: Verdict) -> dict[str, str]:
    """The columns that the chain's link covers beside the body."""
    return {
        "program": row.program.slug,
        "verdict": row.verdict,
        "score": "" if row.score is None else f"{row.score:.2f}",
        "blockers": str(row.blockers),
        "evaluated_at": row.evaluated_at.isoformat(),
        "as_of": row.as_of.isoformat() if row.as_of else "",
        "cause": row.cause,
        "actor": row.actor_name,
        "state": row.state,
    }


def chain_entries(program: Program) -> Iterator[ChainEntry]:
    """The chain from its beginning, in batches."""
    rows = Verdict.objects.filter(program=program).select_related("program", "recorded_body").order_by("sequence")
    for row in rows.iterator(chunk_size=500):
        body = getattr(row, "recorded_body", None)
        yield ChainEntry(
            sequence=row.sequence,
            head=verdict_head(row),
            digest=row.digest,
            link=row.link,
            body=body.body if body else None,
            salt=body.salt if body else None,
        )
