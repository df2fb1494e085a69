"""Loaded before pytest-django reads the settings (`-p tests.plugin` in pyproject.toml).

Chooses the database (`--database=sqlite|postgres`), gives the run a READINESS_HOME of its own, names everything in
the environment that the settings read, and ends what was started. Servers start when the first test needs them: the
tests of pure services never pay for one. Run as `python -m pytest`, which puts the checkout on the import path.
"""

import gc
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import PostgresServer, quick_folder

pytest_plugins = ["tests.console", "tests.browser"]

# What a developer's shell may hold and a test must not see.
_FOREIGN = ("DATABASE_URL", "REDIS_URL", "PORT", "SENTRY_DSN", "TRACEPARENT", "PROMETHEUS_MULTIPROC_DIR")
# Fixtures that reach a database; a test with none of them (nor the django_db mark) is pure and runs once.
_IMPURE = {"django_db_setup", "_django_db_helper", "fresh_database", "template_database", "console", "fresh_console"}
# What starts programs: its tests mostly wait, so they have a run of their own. The launcher's have their own fixtures.
_SERVED = {"console", "fresh_console"}
_SERVED_FOLDERS = ("tests/launcher/", "tests/bench/")
# What a page says does not change with the database, so these are shown once, on SQLite; that each page stands on
# PostgreSQL too, with its queries, is what tests/test_every_page.py walks through there.
_PAGES = re.compile(r"tests/(?!bench/)\w+/test_\w*(pages?|admin)\.py")


@dataclass
class Ground:
    """What one test run stands on."""

    kind: str
    home: Path
    postgres: PostgresServer | None


GROUND = pytest.StashKey[Ground]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database", choices=("sqlite", "postgres"), default="sqlite", help="the database that the tests run on"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """A wrapper, so that it comes before pytest-django's own hook, which reads the settings."""
    gc.disable()  # nothing that is imported or collected goes away again (pytest_collection_finish)
    kind = early_config.known_args_namespace.database
    home = Path(tempfile.mkdtemp(prefix="readiness-test-", dir=quick_folder()))
    for name in [name for name in os.environ if name in _FOREIGN or name.startswith("READINESS_")]:
        del os.environ[name]
    postgres = PostgresServer.prepare() if kind == "postgres" else None
    os.environ["READINESS_HOME"] = str(home)
    os.environ["SECRET_KEY"] = "a test's secret key, long enough to please check --deploy: 0123456789"
    os.environ["DATABASE_URL"] = postgres.url("readiness") if postgres else f"sqlite:///{home / 'console.sqlite3'}"
    # Playwright's sync API keeps an event loop running in the main thread; Django would refuse its ORM there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    early_config.stash[GROUND] = Ground(kind, home, postgres)
    early_config.add_cleanup(lambda: _clear(early_config.stash[GROUND]))
    # `timeout` and CI end a run by SIGTERM: leave by the same door as Ctrl-C, which runs every teardown.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return (yield)


def _clear(ground: Ground) -> None:
    if ground.postgres:
        ground.postgres.end()
    shutil.rmtree(ground.home, ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.stash[GROUND].kind}"


def pytest_collection_finish() -> None:
    """Thousands of collected tests are not looked through again by each collection of garbage."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs no database as `pure`, what starts programs as `served`; drop the other database's; no flush."""
    for item in items:
        mark = item.get_closest_marker("django_db")
        names = set(getattr(item, "fixturenames", ()))
        if (mark and mark.kwargs.get("transaction")) or names & {"transactional_db", "live_server"}:
            raise pytest.UsageError(
                f"{item.nodeid}: a flush cannot empty append-only tables. Use `fresh_database` (commits, threads) or"
                " `console` (several processes); each gets a copy of the migrated template."
            )
        if mark is None and not names & _IMPURE:
            item.add_marker(pytest.mark.pure)
        if names & _SERVED or item.nodeid.startswith(_SERVED_FOLDERS):
            item.add_marker(pytest.mark.served)
        if _PAGES.match(item.nodeid):
            item.add_marker(pytest.mark.once)
    others = ("sqlite_only", "once") if config.stash[GROUND].postgres else ("postgres_only",)
    elsewhere = [item for item in items if any(item.get_closest_marker(other) for other in others)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if not any(item.get_closest_marker(other) for other in others)]
