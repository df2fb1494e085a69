"""The verdict: computed on every look, recorded when it changed or once a day, verified along its chain."""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from incidents.triage.store import OPEN, incidents_blocking, incidents_in_window
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.correlation import current_correlation_id
from readiness.infra.envelope import ErrorClass
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.programs import store
from readiness.programs.models import Program, Verdict
from readiness.programs.services.chain import FIRST_LINK, ChainReport, body_digest, chain_link, chain_verify
from readiness.programs.services.evaluation import Evaluation, program_evaluate
from readiness.programs.services.facts import IncidentFact
from readiness.programs.services.program_build import frozen_build
from readiness.programs.services.statement import verdict_state, verdict_statement
from readiness.programs.workflows.computed import computed_facts
from readiness.programs.workflows.guarding import WATCH, change_words, controls_of, programs_guarded_read

PILOT_INCIDENTS = 500
RECORD_AT_LEAST_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramView:
    """A program's row with its verdict as of now; `recorded`: this look was appended to the chain."""

    program: Program
    evaluation: Evaluation
    recorded: bool = False

    @property
    def uplift_status(self) -> dict[str, str]:
        """What the program's document says of each uplift step, by category key."""
        return uplift_words(self.program)


def uplift_words(program: Program) -> dict[str, str]:
    return {step["category"]: step["status"] for step in program.recorded.get("uplift", ())}


def program_unknown(slug: str) -> NotFound:
    return NotFound(
        f"There is no program “{slug[:80]}” here. /programs/ lists those there are; "
        "manage.py import_program FILE|LIBRARY-NAME brings one in."
    )


@transactional(TransactionIntent.READ_ONLY)
def verdict_evaluate(session: Session, *, slug: str, project_id: int | None = None) -> ProgramView:
    """The verdict as of now; nothing is written. `project_id` None sees every program, else only that project's.

    Raises NotFound.
    """
    program = store.program_find(slug)
    if program is None or project_id not in (None, program.project_id):
        raise program_unknown(slug)
    return program_evaluated(program)


def program_evaluated(program: Program) -> ProgramView:
    """The program with its verdict, within the session under way."""
    facts, now = store.program_facts(program), utcnow()
    definition = store.program_definition(program)
    if program.as_of is None:  # a pinned program is a document of its day: what this console lives through is not in it
        computed = computed_facts(definition, project_id=program.project_id or None)
        incidents, controls = tuple(incidents_of(program, now=now)), controls_of(program, definition)
        facts = replace(facts, incidents=incidents, computed=computed, controls=controls)
    frozen = program.frozen_now
    evaluation = program_evaluate(
        program=definition,
        facts=facts,
        now=now,
        as_of=program.as_of,
        frozen=frozen_build(frozen) if frozen else None,
    )
    return ProgramView(program=program, evaluation=evaluation)


def incidents_of(program: Program, *, now: datetime) -> list[IncidentFact]:
    """The real incidents that a verdict of this program looks at: for a GO the open P0 and P1, for a pilot everything
    since the program was imported. The installation's programs look at every project.
    """
    project_id = program.project_id or None
    if program.kind == Program.Kind.PILOT:
        window = incidents_in_window(since=program.created_at, until=now, project_id=project_id)
        found = list(window[:PILOT_INCIDENTS])
    else:
        found = [incident for incident in incidents_blocking() if project_id in (None, incident.project_id)]
    return [
        IncidentFact(
            ref=incident.public_id,
            title=incident.title,
            priority=incident.priority,
            open=incident.status in OPEN,
            # Only errors under a trusted key or a person make it one that cancels: a public key proposes, and so does a
            # control that broke, whose own incident is as grave as what it guards although no user was hit (its gate
            # is red anyway).
            confirmed=incident.priority_counts,
            first_seen=incident.first_seen,
            money_leak=incident.error_class == ErrorClass.SYSTEM_MONEY_LEAK.value,
        )
        for incident in found
    ]


@transactional(TransactionIntent.READ_ONLY)
def program_view(session: Session, *, slug: str) -> ProgramView:
    """For the program's page. Raises NotFound."""
    return verdict_evaluate(slug=slug)


@transactional(TransactionIntent.READ_ONLY)
def program_main_view(session: Session) -> ProgramView | None:
    """The program of the home page; None before the first import."""
    program = store.program_main()
    return program_evaluated(program) if program else None


@transactional(TransactionIntent.READ_ONLY)
def programs_overview(session: Session) -> list[ProgramView]:
    """Every program with its verdict, for the list page."""
    return [program_evaluated(program) for program in store.programs_listed()]


@transactional(TransactionIntent.LOCKED_MUTATION)
def verdict_record(txn: SingleConnectionTxn, *, slug: str, actor: Actor, cause: str) -> ProgramView:
    """Evaluate, and record the verdict when it changed or the last record is a day old. Raises NotFound."""
    program = store.program_locked(txn, slug=slug)
    if program is None:
        raise program_unknown(slug)
    return verdict_recorded(txn, program=program, actor=actor, cause=cause)


def verdict_recorded(txn: SingleConnectionTxn, *, program: Program, actor: Actor, cause: str) -> ProgramView:
    """Within the transaction that holds the program's lock: evaluate, and append to the chain if it is due."""
    view = program_evaluated(program)
    if view.evaluation.frozen is not None:  # no verdict is asked of it, so none is recorded
        return view
    evaluation, last, state = view.evaluation, store.verdict_last(program), verdict_state(view.evaluation)
    unchanged = last is not None and last.state == state
    if unchanged and last is not None and evaluation.evaluated_at - last.evaluated_at < RECORD_AT_LEAST_EVERY:
        return view
    statement = verdict_statement(evaluation, uplift_status=view.uplift_status)
    body, salt = json.dumps(statement, sort_keys=True, ensure_ascii=False), secrets.token_hex(16)
    row = Verdict(
        project_id=program.project_id,
        program=program,
        sequence=last.sequence + 1 if last else 1,
        verdict=evaluation.verdict.value,
        score=evaluation.rubric.total if evaluation.rubric else None,
        blockers=len(evaluation.blockers),
        evaluated_at=evaluation.evaluated_at,
        as_of=evaluation.as_of,
        cause=("daily record" if unchanged else cause)[:200],
        actor_name=actor.name[:200],
        state=state,
        digest=body_digest(salt=salt, body=body),
        correlation_id=current_correlation_id(),
    )
    row.link = chain_link(
        key=settings.READINESS_HASH_KEY,
        previous=last.link if last else FIRST_LINK,
        sequence=row.sequence,
        head=store.verdict_head(row),
        digest=row.digest,
    )
    store.verdict_insert(row=row, salt=salt, body=body)
    return replace(view, recorded=True)


def verdicts_record_daily(*, actor: Actor) -> int:
    """Record the verdict of each program that is not frozen, where it is due, in its own transaction; how many were.

    settings.READINESS_JOBS names it; hourly is enough.
    """
    views = [verdict_record(slug=slug, actor=actor, cause="the verdict changed") for slug in _slugs()]
    return sum(view.recorded for view in views)


def control_changed_handle(*, key: str, payload: dict[str, Any]) -> None:
    """Handler of `control.changed`: the programs whose gates rest on this project's controls are judged anew, and what
    that changes is recorded with the control as its cause. Delivered twice, it changes nothing more.
    """
    for slug in programs_guarded_read(project_id=int(payload["project_id"])):
        verdict_record(slug=slug, actor=WATCH, cause=change_words(payload))


@transactional(TransactionIntent.READ_ONLY)
def _slugs(session: Session) -> list[str]:
    return [program.slug for program in store.programs_listed() if program.frozen_now is None]


@transactional(TransactionIntent.READ_ONLY)
def verdict_chain_verify(session: Session, *, slug: str) -> ChainReport:
    """Whether the recorded verdicts are intact, partly erased under a permit, or tampered with. Raises NotFound."""
    program = store.program_find(slug)
    if program is None:
        raise program_unknown(slug)
    return chain_verify(key=settings.READINESS_HASH_KEY, entries=store.chain_entries(program))
