"""One console for these tests, with a worker that knows their tasks; it is hurt, and has to come back each time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from pytest_django.plugin import DjangoDbBlocker

from readiness.infra.broker import embedded_broker_url
from tests.console import Console, running_console
from tests.databases import Template

PROBES = {"DJANGO_SETTINGS_MODULE": "tests.launcher.probe_settings"}


@pytest.fixture(scope="session")
def stack(
    template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("launcher") / "home"
    with running_console(template_database, django_db_blocker, home, env=PROBES) as running:
        yield running


@pytest.fixture
def installation(template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[Console]:
    """Another console, running, in a home whose path holds a space."""
    with running_console(template_database, django_db_blocker, tmp_path / "second home") as running:
        yield running


@pytest.fixture
def send(stack: Console) -> Iterator[Callable[..., str]]:
    """Send a task to the stack's worker, as one of its own processes would; gives the task's id."""
    with Celery(broker=embedded_broker_url(stack.home), set_as_current=False) as sender:

        def by_name(task: str, *args: object) -> str:
            return str(sender.send_task(task, args=args, ignore_result=True).id)

        yield by_name
