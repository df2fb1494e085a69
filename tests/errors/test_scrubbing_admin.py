"""Scrubbing rules and kept input in the admin: tried before they are saved, refused with what to do instead."""

import re

import pytest
from django.test import Client

from incidents.errors.models import CaptureSettings, ErrorEvent, ScrubRule
from incidents.errors.workflows import errors_commit, scrub_rule_save
from incidents.errors.workflows.scrubbing import capture_rules_read
from readiness.infra.actor import SYSTEM
from readiness.infra.refusals import Conflict, Invalid
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import Project
from tests.factories import a_captured_error, a_founder, a_project, a_user

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/errors/scrubrule/", "/admin/errors/scrubrule/add/"
SETTINGS = "/admin/errors/capturesettings/"
RULE = {"tenant": "", "name": "customer numbers", "target": "value", "pattern": r"cust-\d{6}", "active": "on"}


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder())
    return client


def a_stored_error(project: Project, **fields: object) -> None:
    errors_commit(errors=[a_captured_error(project_id=project.pk, **fields)])


def _plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_founder_adds_a_rule_and_it_holds(founder: Client) -> None:
    project = a_project()
    given = {**RULE, "tenant": project.tenant.slug, "sample": "order of cust-123456"}
    assert founder.post(ADD, given).status_code == 302
    rule = ScrubRule.objects.get()
    assert (rule.project_id, rule.sample) == (project.pk, "order of [Filtered]")
    assert capture_rules_read(project_id=project.pk).rules.value.search("cust-123456")
    assert capture_rules_read(project_id=project.pk + 1).rules.value is None
    assert f"{project.tenant.slug}, project {project.pk}" in founder.get(LIST).content.decode()
    assert founder.post(f"{LIST}{rule.pk}/change/", {**RULE, "active": ""}).status_code == 302
    assert capture_rules_read(project_id=project.pk).rules.value is None
    assert founder.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ScrubRule.objects.exists()


def test_a_rule_is_tried_on_a_sample_and_on_stored_errors_and_nothing_is_saved(founder: Client) -> None:
    project = a_project()
    a_stored_error(
        project,
        extra={"note": "cust-111111 and cust-222222", "voucher": "summer"},
        message="cust-333333",
        exception=None,
    )
    a_stored_error(a_project(), extra={"note": "cust-444444"})
    scrub_rule_save(
        rule_id=None, project_id=0, name="vouchers", target="key", pattern="voucher", sample="", active=True,
        actor=SYSTEM,
    )  # fmt: skip
    before = list(ErrorEvent.objects.values_list("error_id", "payload"))
    page = founder.post(
        ADD, {**RULE, "tenant": project.tenant.slug, "sample": "a cust-999999, b cust-888888", "_try": "1"}
    )
    assert page.status_code == 200
    said = _plain(page.content.decode())
    assert "It removes 3 places in 1 of the 1 newest errors" in said
    assert "with all active rules together (1 other) 4 places would go" in said
    assert "Your sample: 2 places, 2 with all active rules" in said
    assert "a cust-999999, b cust-888888 By this rule a [Filtered], b [Filtered]" in said
    assert "extra.note As it is cust-111111 and cust-222222 By this rule [Filtered] and [Filtered]" in said
    assert "extra.voucher As it is summer By this rule stays By all active rules [Filtered]" in said
    assert "cust-444444" not in said
    assert "Please correct" not in said
    assert ScrubRule.objects.count() == 1
    assert list(ErrorEvent.objects.values_list("error_id", "payload")) == before


def test_a_saved_rule_is_tried_in_place_of_itself(founder: Client) -> None:
    a_stored_error(a_project(), message="cust-333333 came", exception=None)
    rule = scrub_rule_save(
        rule_id=None, project_id=0, name="n", target="value", pattern=r"cust-\d+", sample="", active=True, actor=SYSTEM
    )
    page = founder.post(f"{LIST}{rule.pk}/change/", {**RULE, "pattern": r"cust-3\d+", "_try": "1", "sample": ""})
    said = _plain(page.content.decode())
    assert "It removes 1 place in 1 of the 1 newest errors" in said
    assert "with all active rules" not in said
    rule.refresh_from_db()
    assert rule.pattern == r"cust-\d+"


def test_a_rule_that_leaves_little_is_warned_of(founder: Client) -> None:
    a_stored_error(a_project(), extra={f"n{number}": f"order {number}" for number in range(80)})
    page = founder.post(ADD, {**RULE, "pattern": r"order \d+", "_try": "1", "sample": ""})
    assert "Make it more specific before you save it" in page.content.decode()


def test_without_errors_a_trial_says_so(founder: Client) -> None:
    page = founder.post(
        ADD, {**RULE, "sample": '{"voucher": "x", "n": 1}', "target": "key", "pattern": "voucher", "_try": "1"}
    )
    said = _plain(page.content.decode())
    assert "There is no stored error yet" in said
    assert "Your sample: 1 place" in said
    assert "{&quot;voucher&quot;: &quot;[Filtered]&quot;, &quot;n&quot;: 1}" in said


@pytest.mark.parametrize("button", ["_save", "_try"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pattern": "cust-("}, "RE2 cannot read it"),
        ({"pattern": r"(?=x)y"}, "Look-around and back-references"),
        ({"pattern": r"(a)\1"}, "Look-around and back-references"),
        ({"pattern": ".*"}, "matches an empty text"),
        ({"pattern": "."}, "too broad"),
        ({"pattern": ".+ .+"}, "ordinary sentence away"),
        ({"pattern": "[a-eg-z]+[a-z]", "target": "key"}, "too broad"),
        ({"pattern": "(?:[a-z]{900}){900}"}, "RE2 cannot read it"),
        ({"pattern": "[a-zα-ω]{999}" * 24}, "It is too large; shorten"),
        ({"pattern": "x" * 501}, "at most 500 characters"),
        ({"sample": "y" * 10_001}, "at most 10000 characters"),
        ({"tenant": "nobody"}, "There is no tenant nobody"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_it_says_beside_the_field_what_is_wrong(founder: Client, given: dict[str, str], said: str, button: str) -> None:
    page = founder.post(ADD, {**RULE, "sample": "", **given, button: "1"})
    assert page.status_code == 200
    assert said in page.content.decode()
    assert not ScrubRule.objects.exists()


@pytest.mark.parametrize("role", ["engineer", "viewer"])
def test_others_only_look(client: Client, role: str) -> None:
    rule = scrub_rule_save(
        rule_id=None, project_id=0, name="n", target="value", pattern=r"cust-\d+", sample="", active=True, actor=SYSTEM
    )
    client.force_login(a_user(role=role))
    assert client.get(LIST).status_code == 200
    assert "Try it" not in client.get(f"{LIST}{rule.pk}/change/").content.decode()
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, {**RULE, "_try": "1"}).status_code == 403
    assert client.post(f"{LIST}{rule.pk}/change/", {**RULE, "_try": "1"}).status_code == 403
    assert client.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"}).status_code == 403


def test_rules_that_are_too_large_together_are_refused_and_hold_if_they_got_in() -> None:
    def save(number: int) -> ScrubRule:
        return scrub_rule_save(
            rule_id=None, project_id=number, name="n", target="value", pattern=f"cust{number}" + "-[a-zα-ω]{999}" * 18,
            sample="", active=True, actor=SYSTEM,
        )  # fmt: skip

    for number in range(1, 5):
        save(number)  # each of another project
    with atomic_write():
        ScrubRule.objects.update(project_id=1)
    with pytest.raises(Invalid, match="4 other active rules it is too large"):
        save(1)
    rules = capture_rules_read(project_id=1).rules.value
    assert rules.search("cust4" + f"-{'y' * 999}" * 18)


def test_there_are_at_most_a_hundred_active_rules_and_every_one_holds() -> None:
    def save(number: int, project_id: int) -> ScrubRule:
        return scrub_rule_save(
            rule_id=None, project_id=project_id, name="n", target="value", pattern=f"word{project_id}x{number}y",
            sample="", active=True, actor=SYSTEM,
        )  # fmt: skip

    for number in range(100):
        save(number, 0)
        save(number, 7)
    with pytest.raises(Conflict, match="100 active rules"):
        save(100, 7)
    rules = capture_rules_read(project_id=7).rules.value
    assert all(rules.search(f"word{project}x{number}y") for project in (0, 7) for number in range(100))


def test_fields_to_keep_are_named_one_a_line(founder: Client) -> None:
    project = a_project()
    given = {
        "tenant": project.tenant.slug,
        "kept_fields": "request.data.order_id\r\n\r\n frame.vars.attempt ",
        "keep_ip": "on",
    }
    assert founder.post(f"{SETTINGS}add/", given).status_code == 302
    row = CaptureSettings.objects.get()
    assert (row.kept_fields, row.keep_ip) == (["request.data.order_id", "frame.vars.attempt"], True)
    rules = capture_rules_read(project_id=project.pk)
    assert rules.kept.data == {("order_id",)}
    assert rules.kept.vars == {"attempt"}
    page = founder.get(f"{SETTINGS}{project.pk}/change/").content.decode()
    assert "request.data.order_id\nframe.vars.attempt</textarea>" in page
    assert (
        founder.post(f"{SETTINGS}{project.pk}/change/", {"kept_fields": "", "key_per_minute": "50"}).status_code == 302
    )
    row.refresh_from_db()
    assert (row.kept_fields, row.keep_ip, row.key_per_minute) == ([], False, 50)


@pytest.mark.parametrize(
    "name", ["order_id", "request.body.order_id", "request.data", "request.*", "frame.vars.a*", "request.data..a"]
)
def test_what_names_no_field_is_refused_and_nothing_is_saved(founder: Client, name: str) -> None:
    page = founder.post(
        f"{SETTINGS}add/", {"tenant": "", "kept_fields": f"request.query.page\n{name}", "key_per_minute": "50"}
    )
    assert page.status_code == 200
    said = page.content.decode()
    assert f"&#x27;{name}&#x27; names no field; write request.data.order_id" in said
    assert "request.query.page\n" in said
    assert not CaptureSettings.objects.exists()
