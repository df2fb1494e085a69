"""Signing in and out."""

from datetime import timedelta

import pytest
from django.contrib.auth import hashers
from django.db import IntegrityError
from django.test import Client
from pytest_django import Settings

from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import LoginAttempt, User
from tests.factories import PASSWORD, a_founder, a_user

pytestmark = pytest.mark.django_db
PBKDF2 = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
MD5 = "django.contrib.auth.hashers.MD5PasswordHasher"


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: object):  # type: ignore[no-untyped-def]
    return client.post("/login/", {"username": email, "password": password, **extra})


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_it_lets_a_person_in_however_the_email_is_capitalised(client: Client) -> None:
    person = a_founder(email="ada@example.test")
    answer = sign_in(client, "Ada@Example.TEST")
    assert answer.status_code == 302
    assert answer["Location"] == "/"
    assert client.session["_auth_user_id"] == str(person.pk)
    person.refresh_from_db()
    assert person.last_sign_in_at is not None
    assert LoginAttempt.objects.get().ok


def test_it_shows_its_page_and_sends_on_whoever_is_in(client: Client) -> None:
    assert client.get("/login/").status_code == 200
    client.force_login(a_founder())
    assert client.get("/login/?next=/connect/")["Location"] == "/connect/"


@pytest.mark.parametrize(
    ("wanted", "goal"),
    [
        ("/incidents/?page=2", "/incidents/?page=2"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_it_goes_on_to_where_the_person_wanted_but_never_elsewhere(client: Client, wanted: str, goal: str) -> None:
    person = a_founder()
    assert sign_in(client, person.email, next=wanted)["Location"] == goal


@pytest.mark.parametrize("case", ["wrong password", "unknown e-mail", "inactive"])
def test_it_refuses_alike_whatever_is_wrong(client: Client, case: str) -> None:
    person = a_founder(is_active=case != "inactive")
    email = "nobody@example.test" if case == "unknown e-mail" else person.email
    answer = sign_in(client, email, "wrong password!" if case == "wrong password" else PASSWORD)
    assert answer.status_code == 422
    assert "do not belong together" in answer.content.decode()
    assert not signed_in(client)
    assert [attempt.ok for attempt in LoginAttempt.objects.all()] == [False]


@pytest.mark.parametrize(
    "values", [{}, {"username": "no e-mail", "password": "x"}, {"username": "a@b.test\x00", "password": "x"}]
)
def test_it_refuses_a_form_that_is_not_filled_in(client: Client, values: dict[str, str]) -> None:
    assert client.post("/login/", values).status_code == 422
    assert not LoginAttempt.objects.exists()


def test_it_stops_the_sixth_guess_even_if_it_is_right_and_says_until_when(client: Client) -> None:
    person = a_founder()
    for _ in range(5):
        assert sign_in(client, person.email, "wrong").status_code == 422
    answer = sign_in(client, person.email)
    assert answer.status_code == 429
    assert "Try again in 15 minutes" in answer.content.decode()
    assert 0 < int(answer["Retry-After"]) <= 900
    assert not signed_in(client)
    assert LoginAttempt.objects.count() == 5


def test_it_opens_again_after_the_window(client: Client) -> None:
    person = a_founder()
    for _ in range(5):
        sign_in(client, person.email, "wrong")
    with atomic_write():
        LoginAttempt.objects.update(at=utcnow() - timedelta(minutes=15))
    assert sign_in(client, person.email).status_code == 302


def test_it_counts_by_source_so_that_a_stranger_locks_nobody_out(client: Client) -> None:
    person = a_founder()
    for _ in range(5):
        sign_in(client, person.email, "wrong")
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert sign_in(elsewhere, person.email).status_code == 302


def test_it_forgets_mistakes_once_the_password_was_right(client: Client) -> None:
    person = a_founder()
    for _ in range(4):
        sign_in(client, person.email, "wrong")
    assert sign_in(client, person.email).status_code == 302
    client.logout()
    for _ in range(4):
        assert sign_in(client, person.email, "wrong").status_code == 422


def test_it_stops_one_source_that_tries_many_emails(client: Client) -> None:
    with atomic_write():
        LoginAttempt.objects.bulk_create(
            LoginAttempt(email_hash=str(number), ip="127.0.0.1", at=utcnow()) for number in range(50)
        )
    assert sign_in(client, a_founder().email).status_code == 429


def test_it_keeps_no_email_of_an_attempt_and_forgets_old_ones(client: Client) -> None:
    with atomic_write():
        LoginAttempt.objects.create(email_hash="old", ip="127.0.0.1", at=utcnow() - timedelta(days=31))
    person = a_founder(email="ada@example.test")
    sign_in(client, person.email)
    assert "example.test" not in repr(list(LoginAttempt.objects.values()))  # "ada" alone could be part of a hash
    assert not LoginAttempt.objects.filter(email_hash="old").exists()


def test_it_renews_an_old_hash_in_its_own_write(client: Client, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [MD5]
    person = a_founder()
    settings.PASSWORD_HASHERS = [PBKDF2, MD5]
    assert sign_in(client, person.email).status_code == 302
    renewed = User.objects.get(pk=person.pk).password
    assert renewed.startswith("pbkdf2_sha256$")
    assert hashers.check_password(PASSWORD, renewed)
    assert client.get("/password/").status_code == 200  # the session survived the renewal


def test_it_needs_the_csrf_token() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict, a_founder().email).status_code == 403
    assert not LoginAttempt.objects.exists()


def test_the_admins_own_sign_in_page_leads_to_ours(client: Client) -> None:
    person = a_founder()
    for answer in (
        client.get("/admin/login/?next=/admin/"),
        client.post("/admin/login/", {"username": person.email, "password": PASSWORD}),
    ):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")
    assert not signed_in(client)
    landed = client.get("/admin/", follow=True)
    assert landed.redirect_chain[-1][0] == "/login/?next=/admin/"


def test_signing_out_takes_a_post(client: Client) -> None:
    client.force_login(a_founder())
    assert client.get("/logout/").status_code == 405
    assert signed_in(client)
    assert client.post("/logout/")["Location"] == "/login/"
    assert not signed_in(client)


def test_emails_are_unique_whatever_their_capitals() -> None:
    a_user(role="viewer", email="Ada@Example.test")
    with pytest.raises(IntegrityError):
        a_user(role="viewer", email="ada@example.TEST")
