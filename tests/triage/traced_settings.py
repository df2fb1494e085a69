"""The console's settings with something in each component that breaks when a test asks for it."""

from readiness.settings import *  # noqa: F403
from readiness.settings import READINESS_JOBS, READINESS_OUTBOX_HANDLERS

ROOT_URLCONF = "tests.triage.traced_breaks"
READINESS_JOBS = {**READINESS_JOBS, "retention": "tests.triage.traced_breaks.job"}
READINESS_OUTBOX_HANDLERS = {**READINESS_OUTBOX_HANDLERS, "incident.recurred": "tests.triage.traced_breaks.handler"}
