"""The console's own failures take the same path as everybody's."""

import logging
import traceback
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from incidents.errors.services.captured import Origin
from incidents.errors.services.class_rules import NO_CLASS_RULES, ClassRules
from incidents.errors.services.classifying import console_classify
from incidents.errors.services.native import envelope_capture
from incidents.errors.workflows.scrubbing import capture_rules
from incidents.errors.workflows.storing import errors_store, keys
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ErrorEnvelope, ErrorSeverity
from readiness.infra.redaction import scrub, text_scrub
from readiness.infra.refusals import Unavailable

log = logging.getLogger(__name__)
CONSOLE_PROJECT = 0


def console_error_record(exception: BaseException, *, component: str, layer: str, context: dict[str, Any]) -> str:
    """The console's own failure through the same path as everybody's (project 0); its error id.

    Never raises: where even that fails, the log has both.
    """
    module = type(exception).__module__
    found = console_classify(
        exception_type=type(exception).__name__, module=module, layer=layer, rules=_class_rules(exception)
    )
    envelope = ErrorEnvelope.create(
        layer=layer,
        component=component[:200],
        error_class=found.error_class,
        severity=ErrorSeverity.ERROR,
        message=text_scrub(str(exception))[:8_192] or type(exception).__name__,
        exception_type=type(exception).__name__,
        exception_chain=_chain(exception),
        context=scrub(context),
        release=f"readiness-console@{settings.READINESS_VERSION}",
        environment="console",
    )
    log.error("%s failed: %s (%s)", component, exception, envelope.error_id, exc_info=exception)
    frames = [
        {"module": frame.filename.rsplit("/", 1)[-1], "function": frame.name, "lineno": frame.lineno, "in_app": True}
        for frame in traceback.extract_tb(exception.__traceback__)[-30:]
    ]
    try:
        captured = envelope_capture(
            envelope=envelope, origin=Origin(CONSOLE_PROJECT, trusted=True), keys=keys(), received_at=utcnow(),
            frames=frames, module=module,
        )  # fmt: skip
        errors_store([captured])
    except (DatabaseError, Unavailable) as unstored:
        log.error("the console's own error %s could not be stored: %s", envelope.error_id, unstored)
    return envelope.error_id


def _class_rules(exception: BaseException) -> ClassRules:
    """Founders' rules for everybody; none where the database is what failed, or does not answer."""
    if isinstance(exception, DatabaseError):
        return NO_CLASS_RULES
    try:
        return capture_rules(CONSOLE_PROJECT).classes
    except (DatabaseError, Unavailable):
        return NO_CLASS_RULES


def _chain(exception: BaseException) -> list[str]:
    chain: list[str] = []
    link: BaseException | None = exception
    while link is not None and len(chain) < 10:
        chain.append(text_scrub(f"{type(link).__name__}: {link}")[:500])
        link = link.__cause__ or link.__context__
    return chain
