"""Asking everything that the console stands on whether it is there."""

import time
from collections.abc import Callable
from dataclasses import replace

from django.db import Error as DatabaseError
from redis import RedisError

from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.services.health import HealthVerdict, ProbeResult, health_verdict, worker_assess


@transactional(TransactionIntent.READ_ONLY)
def health_probe(session: Session) -> HealthVerdict:
    """Every check, each with its latency; none of them raises."""
    return health_verdict(checks=[_timed(check) for check in (_database, _migrations, _append_only, _broker, _worker)])


def _timed(check: Callable[[], ProbeResult]) -> ProbeResult:
    begun = time.perf_counter()
    result = check()
    return replace(result, latency_ms=round((time.perf_counter() - begun) * 1000, 2))


def _database() -> ProbeResult:
    try:
        return ProbeResult("database", True, f"{store.database_answer()} answers.")
    except DatabaseError as failure:
        mend = "Start the database or correct DATABASE_URL; the web server's log has the whole message."
        return ProbeResult("database", False, f"The database does not answer ({type(failure).__name__}).", mend)


def _migrations() -> ProbeResult:
    try:
        missing = store.migrations_missing()
    except DatabaseError:
        return _unknown("migrations", "database")
    if missing:
        return ProbeResult("migrations", False, f"Not applied: {_few(missing)}.", "Run `manage.py migrate`.")
    return ProbeResult("migrations", True, "All are applied.")


def _append_only() -> ProbeResult:
    try:
        missing = store.triggers_missing()
    except DatabaseError:
        return _unknown("append_only", "database")
    if missing:
        mend = "Run `manage.py migrate`, which lays them again; then find out who dropped them."
        return ProbeResult("append_only", False, f"Triggers are missing: {_few(missing)}.", mend)
    return ProbeResult("append_only", True, "Every append-only table refuses changes.")


def _broker() -> ProbeResult:
    try:
        store.broker_ping()
    except (RedisError, OSError) as failure:
        mend = "Start the broker (`make run` does), or correct REDIS_URL."
        return ProbeResult("broker", False, f"The broker does not answer ({type(failure).__name__}).", mend)
    return ProbeResult("broker", True, "The broker answers.")


def _worker() -> ProbeResult:
    try:
        return worker_assess(signs=store.worker_signs(), now=utcnow())
    except (RedisError, OSError):
        return _unknown("worker", "broker")


def _unknown(name: str, needs: str) -> ProbeResult:
    return ProbeResult(name, False, f"Cannot be checked: the {needs} does not answer.", f"Mend the {needs} first.")


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
