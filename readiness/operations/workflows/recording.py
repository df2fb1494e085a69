"""Who runs jobs, and how their failures are recorded: like everybody's."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from readiness.infra.actor import Actor

SCHEDULE = Actor(kind="job", name="the schedule")


class JobFailed(Exception):
    """A job that has failed, and whose error is recorded already."""

    def __init__(self, summary: str, *, error_id: str) -> None:
        super().__init__(summary)
        self.error_id = error_id


def failure_record(failure: Exception, *, component: str, context: dict[str, Any]) -> str:
    """Record it (settings.READINESS_ERROR_RECORDER), outside any transaction; its error id."""
    record: Callable[..., str] = import_string(settings.READINESS_ERROR_RECORDER)
    return record(failure, component=component, layer="L5", context=context)
