"""What happens when many do it at once, on connections of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from readiness.infra.refusals import Conflict, RateLimited
from readiness.tenants.models import ApiKey, LoginAttempt, Tenant, User
from readiness.tenants.services.signin import PER_EMAIL_AND_SOURCE
from readiness.tenants.workflows import caller_authenticate, founder_ensure, keys_rotate, tenant_onboard
from readiness.tenants.workflows.people import signin_attempt_open
from tests.factories import ANYBODY

pytestmark = pytest.mark.usefixtures("fresh_database")
AT_ONCE = 8


def at_once(act: Callable[[], object]) -> list[object]:
    """Every thread's answer, or the refusal that it met; they start together."""
    start = Barrier(AT_ONCE)

    def run(_: int) -> object:
        start.wait(timeout=30)
        try:
            return act()
        except (Conflict, RateLimited) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(run, range(AT_ONCE)))


def test_guesses_made_side_by_side_meet_the_limit_as_well() -> None:
    answers = at_once(lambda: signin_attempt_open(email="ada@example.test", source="203.0.113.9"))
    assert sum(isinstance(answer, RateLimited) for answer in answers) == AT_ONCE - PER_EMAIL_AND_SOURCE
    assert LoginAttempt.objects.count() == PER_EMAIL_AND_SOURCE


def test_a_tenant_is_onboarded_once() -> None:
    answers = at_once(lambda: tenant_onboard(slug="demo", actor=ANYBODY))
    assert sum(isinstance(answer, Conflict) for answer in answers) == AT_ONCE - 1
    assert (Tenant.objects.count(), ApiKey.objects.count()) == (1, 4)


def test_of_keys_rotated_side_by_side_the_last_four_work() -> None:
    tenant_onboard(slug="demo", actor=ANYBODY)
    answers = at_once(lambda: keys_rotate(slug="demo", actor=ANYBODY).keys)
    keys = [key for answer in answers if isinstance(answer, dict) for key in answer.values()]
    assert len(keys) == 4 * AT_ONCE
    assert sum(caller_authenticate(key) is not None for key in keys) == 4


def test_there_is_one_first_founder_and_one_password_shown() -> None:
    answers = at_once(lambda: founder_ensure().password)
    [password] = [answer for answer in answers if answer]
    assert User.objects.get().check_password(str(password))
