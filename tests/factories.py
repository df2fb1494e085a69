"""Few and obvious: the smallest valid object of each kind, saved under a declared intent. Append yours at the end.

Each takes its fields as keywords and invents the rest; a number keeps the invented names apart.
"""

import itertools
import json
import uuid
from functools import cache
from typing import Any

from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.normalising import Keys, sentry_capture
from incidents.errors.workflows import errors_commit
from incidents.lessons.models import Control, RootCause
from incidents.lessons.services.control_history import CheckResult, Outcome
from incidents.lessons.services.run_report import RunReport
from incidents.lessons.workflows import control_create, control_run_record, root_cause_write
from incidents.triage.models import Incident, PostMortem
from incidents.triage.workflows import post_mortem_write
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.programs.models import Program
from readiness.programs.services.evidence import EvidenceDraft
from readiness.programs.services.program_file import LIBRARY, ProgramFile, program_read
from readiness.programs.workflows import program_import
from readiness.tenants.models import DsnKey, Project, Tenant, User
from readiness.tenants.services.keys import IssuedKey
from readiness.tenants.workflows import dsn_key_create, key_create

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


# --- tenants ------------------------------------------------------------------------------------------------------


def a_tenant(**fields: Any) -> Tenant:
    number = next(_numbers)
    with atomic_write():
        return Tenant.objects.create(**{"slug": f"tenant-{number}", "name": f"Tenant {number}", **fields})


def a_project(**fields: Any) -> Project:
    """Its `pk` is the project_id that every other table carries."""
    tenant = fields.pop("tenant", None) or a_tenant()
    with atomic_write():
        return Project.objects.create(**{"tenant": tenant, "name": tenant.name, **fields})


def a_user(*, role: str, **fields: Any) -> User:
    email = fields.pop("email", f"{role}-{next(_numbers)}@example.test")
    with atomic_write():
        return User.objects.create_user(email, fields.pop("password", PASSWORD), role=role, **fields)


def a_founder(**fields: Any) -> User:
    return a_user(role="founder", **fields)


def an_engineer(**fields: Any) -> User:
    return a_user(role="engineer", **fields)


def a_viewer(**fields: Any) -> User:
    return a_user(role="viewer", **fields)


# --- keys ---------------------------------------------------------------------------------------------------------

ANYBODY = Actor(kind="person", name="Ada")


def an_api_key(*scopes: str, tenant: Tenant | None = None, **fields: Any) -> IssuedKey:
    """A founder's key for the tenant (which needs a project), or for the installation; `.key` is what to present."""
    slug = tenant.slug if tenant else None
    return key_create(**{"name": "ci", "scopes": scopes, "tenant": slug, "actor": ANYBODY, **fields})


def a_dsn_key(**fields: Any) -> DsnKey:
    project = fields.pop("project", None) or a_project()
    return dsn_key_create(**{"project_id": project.pk, "trusted": False, "label": "", "actor": ANYBODY, **fields})


# --- errors and incidents -----------------------------------------------------------------------------------------

KEYS = Keys(hash_key=b"a key of the tests")


def an_event(**fields: Any) -> dict[str, Any]:
    """A Sentry event as an SDK sends it; the frames of `shop.orders.settle` unless given."""
    frames = [
        {"module": "django.core", "function": "inner", "filename": "django/core.py", "lineno": 55, "in_app": False},
        {"module": "shop.orders", "function": "settle", "filename": "shop/orders.py", "lineno": 12, "in_app": True,
         "context_line": "    return totals[order]", "vars": {"card": "4111 1111 1111 1111"}},
    ]  # fmt: skip
    exception = {"type": "KeyError", "value": "'total'", "stacktrace": {"frames": frames}}
    return {
        "event_id": uuid.uuid4().hex,
        "timestamp": utcnow().isoformat(),
        "platform": "python",
        "level": "error",
        "release": "shop@1.0.0",
        "exception": {"values": [exception]},
        **fields,
    }


def a_captured_error(**fields: Any) -> CapturedError:
    """An event through capture's pure part, ready to be stored; what is popped here is not the event's."""
    origin = Origin(
        fields.pop("project_id", 1), trusted=fields.pop("trusted", False), synthetic=fields.pop("synthetic", False)
    )
    received_at, keys = fields.pop("received_at", None), fields.pop("keys", KEYS)
    event = an_event(**fields)
    return sentry_capture(
        payload=json.dumps(event).encode(),
        event_id=event["event_id"],
        sent_at=None,
        origin=origin,
        keys=keys,
        received_at=received_at or utcnow(),
    )


def an_incident(**fields: Any) -> Incident:
    """An incident with one stored event behind it; `fields` as for an_event, `incident` for the row's own."""
    own = fields.pop("incident", {})
    stored = errors_commit(errors=[a_captured_error(**{"fingerprint": [f"incident-{next(_numbers)}"], **fields})])
    number = int(str(stored[0].incident).removeprefix("INC-"))
    with atomic_write():
        if own:
            Incident.objects.filter(pk=number).update(**own)
        return Incident.objects.get(pk=number)


# --- lessons ------------------------------------------------------------------------------------------------------

BROKEN, FIXED = "b" * 40, "f" * 40
COMMAND = "pytest tests/test_budget.py"
CHECK = "tests/test_budget.py::test_refuses"


def a_control(*, incident: Incident | None = None, **fields: Any) -> Control:
    """A check of an incident, unproven; `kind="playbook"` needs a `check_first`."""
    incident = incident or an_incident()
    known = {"kind": "check", "title": "Budgets are checked", "command": COMMAND, "actor": ANYBODY}
    # Word for word the same would be the same control.
    known["symptom_fix"] = f"Refunded by hand, {next(_numbers)}."
    return control_create(**{"incident_id": incident.pk, **known, **fields})


def a_root_cause(*, incident: Incident, **fields: Any) -> RootCause:
    """With the incident's first event pinned to it: the diagnosis clock stops."""
    known = {"text": "So.", "evidence": [incident.first_error_id], "actor": ANYBODY}
    return root_cause_write(**{"incident_id": incident.pk, **known, **fields})


def a_run(outcome: str, commit: str, **fields: Any) -> RunReport:
    """A reported run of one check whose outcome is the run's own."""
    checks = fields.pop("checks", {CHECK: outcome})
    known = {"on_main": False, "command": COMMAND, "overlay_sha256": "", "output_sha256": "a" * 64}
    return RunReport(
        outcome=Outcome(outcome),
        commit=commit,
        checks=tuple(CheckResult(name, Outcome(value)) for name, value in checks.items()),
        **{"finished_at": utcnow(), **known, **fields},
    )


def a_proven_control(*, incident: Incident | None = None, **fields: Any) -> Control:
    """A check that failed on BROKEN, which the root cause names, and passed on FIXED."""
    incident = incident or an_incident()
    a_root_cause(incident=incident, text="Nobody asked.", broken_commits=[BROKEN])
    control = a_control(incident=incident, **fields)
    for outcome, commit in (("failed", BROKEN), ("passed", FIXED)):
        control_run_record(control_id=control.pk, report=a_run(outcome, commit), reporter=ANYBODY)
    return Control.objects.get(pk=control.pk)


# --- an incident's life -----------------------------------------------------------------------------------------------


def a_post_mortem(*, incident: Incident, **fields: Any) -> PostMortem:
    """What a P0 or P1 needs before it is closed."""
    said = {"summary": "Charges failed.", "impact": "Twelve shops, for an hour.", "went_wrong": "No alert rang."}
    return post_mortem_write(incident_id=incident.pk, actor=ANYBODY, **{**said, **fields})


# --- programs -----------------------------------------------------------------------------------------------------


@cache
def library_program() -> ProgramFile:
    """The library's phase-1-exit, read once for all tests."""
    return program_read(name="phase-1-exit.yaml", raw=(LIBRARY / "phase-1-exit.yaml").read_bytes())


def a_program(*, example: bool = True) -> Program:
    """The library's phase-1-exit, with what its document attests unless `example` is False."""
    file = library_program()
    result = program_import(definition=file.definition, example=file.example, load_example=example, actor=ANYBODY)
    return result.view.program


def a_draft(title: str = "A measurement", **fields: Any) -> EvidenceDraft:
    return EvidenceDraft(**{"kind": "measurement", "title": title, "collected_at": utcnow(), **fields})
