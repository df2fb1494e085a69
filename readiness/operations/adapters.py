"""What leaves operations for machines: field selection and names."""

from datetime import datetime
from typing import Any

from readiness.infra.clock import isoz
from readiness.operations.services.health import HealthVerdict


def health_json(verdict: HealthVerdict, *, version: str, at: datetime) -> dict[str, Any]:
    """`{status: ready|not ready, checks: [{name, status: pass|fail, detail, mend, latency_ms}], version, at}`."""
    return {
        "status": "ready" if verdict.ready else "not ready",
        "checks": [
            {
                "name": check.name,
                "status": "pass" if check.passed else "fail",
                "detail": check.detail,
                "mend": check.mend,
                "latency_ms": check.latency_ms,
            }
            for check in verdict.checks
        ],
        "version": version,
        "at": isoz(at),
    }
