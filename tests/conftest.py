"""The databases that tests meet.

`django_db` (and `db`): one copy of the template for the run, each test inside a transaction that is rolled back.
`fresh_database`: a copy of its own for a test that commits, uses threads or starts processes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from readiness.infra.remembered import forget_all
from tests.databases import (
    Databases,
    PostgresDatabases,
    SqliteDatabases,
    Template,
    connect_to,
    connected_to,
    disconnect,
    migrate,
)
from tests.plugin import GROUND


def pytest_configure() -> None:
    """What this process (not the console's own processes) does more cheaply than production."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The manifest of hashed names is made by collectstatic, which the tests of single pages do without.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@pytest.fixture(scope="session")
def template_database(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Template:
    """Migrated once for the whole run, on first need."""
    ground = request.config.stash[GROUND]
    databases: Databases = PostgresDatabases(ground.postgres) if ground.postgres else SqliteDatabases(ground.home)
    name = "template_readiness" if ground.postgres else str(ground.home / "template.sqlite3")
    databases.ensure_ready()
    databases.create(name)
    with django_db_blocker.unblock():
        migrate(name)
    return Template(databases, name, ground.home)


@pytest.fixture(scope="session")
def django_db_setup(template_database: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Instead of pytest-django's: the database that the rolled-back tests share is a copy of the template too."""
    name = template_database.copy()
    with django_db_blocker.unblock():
        connect_to(name)
    yield
    with django_db_blocker.unblock():
        disconnect()


@pytest.fixture
def fresh_database(template_database: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of its own for this test, which may commit; gives its DATABASE_URL. Not together with `django_db`."""
    name = template_database.copy()
    with django_db_blocker.unblock(), connected_to(name):
        yield template_database.databases.url(name)
    template_database.databases.drop(name)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What a test wrote is rolled back: the next one starts as a new process would."""
    forget_all()


@pytest.fixture(autouse=True)
def own_errors_fail(request: pytest.FixtureRequest) -> None:
    """In tests that are rolled back; see tests/failures.py."""
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("settings").READINESS_ERROR_RECORDER = "tests.failures.failure_raise"
