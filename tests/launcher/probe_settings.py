"""The console's settings, and a worker that knows the tests' tasks."""

from readiness.settings import *  # noqa: F403

CELERY_IMPORTS = ["tests.launcher.probe_tasks"]
