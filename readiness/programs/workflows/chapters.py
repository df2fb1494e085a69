"""What programs add to SESSION_PLAYBOOK.yaml (settings.READINESS_PLAYBOOK_CHAPTERS)."""

from typing import Any

from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.programs import store


@transactional(TransactionIntent.READ_ONLY)
def playbook_chapters(session: Session) -> dict[str, Any]:
    """`phases`: each program, ACTIVE or FROZEN with its reason and what waits; `non_focus`: what to leave alone, and
    why. No verdict: the file changes when the plan does.
    """
    programs = list(store.programs_listed())
    return {
        "phases": [
            {
                "program": program.slug,
                "title": program.title,
                "status": "FROZEN" if program.frozen_now else "ACTIVE",
                **(program.frozen_now or {}),
            }
            for program in programs
        ],
        "non_focus": [{"program": program.slug, **item} for program in programs for item in program.non_focus],
    }
