"""Founders' rules for classes and layers, the pure part: globs, order, the lockdown, and trials on past events."""

import json
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.class_rules import (
    NO_CLASS_RULES,
    ClassRules,
    GlobBroken,
    PlaceRule,
    TypeRule,
    glob_compile,
    rules_contradict,
)
from incidents.errors.services.classifying import Classification, console_classify, sentry_classify
from incidents.errors.services.native import native_capture
from incidents.errors.services.normalising import sentry_capture
from incidents.errors.services.rule_trials import Trial, rule_trial
from incidents.errors.services.scrub_rules import CaptureRules
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ErrorClass
from tests.factories import KEYS, an_event


def of(*types: TypeRule, places: tuple[PlaceRule, ...] = ()) -> ClassRules:
    return ClassRules(types=types, places=places)


@pytest.mark.parametrize(
    ("glob", "fitting", "not_fitting"),
    [
        ("*.OperationalError", "django.db.utils.OperationalError", "OperationalError"),
        ("OperationalError", "operationalERROR", "MyOperationalError"),
        ("*Timeout*", "requests.ReadTimeout", "Time-out"),
        ("E?", "E1", "E12"),
        ("E[0-9][!5]", "E14", "E15"),
        ("App\\Db\\*", "App\\Db\\Lost", "App.Db.Lost"),
        ("a.b", "a.b", "axb"),
        ("[[]x]", "[x]", "xx]"),
        ("std::*", "std::bad_alloc", "bad_alloc"),
        ("*line", "a\nline", "a\nline\n"),
    ],
)
def test_a_glob_fits_the_whole_name_whatever_its_case(glob: str, fitting: str, not_fitting: str) -> None:
    rules = of(TypeRule(glob, ErrorClass.SYSTEM_BUG))
    assert rules.of_type(fitting) is not None
    assert rules.of_type(not_fitting) is None


@pytest.mark.parametrize(
    ("glob", "said"),
    [
        ("", "A pattern is needed"),
        ("  ", "A pattern is needed"),
        ("x" * 201, "at most 200"),
        (" a", "without blanks around it"),
        ("a\nb", "one line"),
        ("a[b", "never closed"),
        ("[z-a]", "cannot be read"),
        ("^Key", "a regular expression"),
        (".*Error", "a regular expression"),
        ("a|b", "one rule for each side"),
    ],
)
def test_a_bad_glob_says_what_to_write(glob: str, said: str) -> None:
    with pytest.raises(GlobBroken, match=said):
        glob_compile(glob)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_glob_or_told_why_not_and_nothing_else(glob: str, name: str) -> None:
    with suppress(GlobBroken):
        glob_compile(glob)
    rules = of(TypeRule(glob, ErrorClass.SYSTEM_BUG))  # a broken one is left out
    assert rules.of_type(name) in (None, TypeRule(glob, ErrorClass.SYSTEM_BUG))


def test_the_first_rule_wins_and_the_module_counts() -> None:
    module, last = TypeRule("django.db.*", ErrorClass.INFRA_DATABASE), TypeRule("*", ErrorClass.SYSTEM_BUG)
    rules = of(module, last)
    assert rules.of_type("DataError", "django.db.utils") == module
    assert rules.of_type("django.db.utils.DataError", "django.db.utils") == module
    assert rules.of_type("DataError") == last
    assert of(last, module).of_type("DataError", "django.db.utils") == last
    assert rules.of_type(None) is None
    assert not of().of_type("DataError")


def test_what_is_remembered_of_types_is_bounded() -> None:
    rules = of(TypeRule("E1", ErrorClass.SYSTEM_BUG))
    for number in range(10_000):
        rules.of_type(f"E{number}")
    assert len(rules._types_known) <= 4_096
    assert rules.of_type("E1") is not None


def classified(rules: ClassRules, **fields: Any) -> Classification:
    known = {"exception_type": "ReadTimeout", "tagged_class": None, "tagged_layer": None, "in_request": True,
             "in_worker": False, "component": "billing.engine"}  # fmt: skip
    return sentry_classify(**{**known, **fields}, rules=rules)


def test_tags_come_first_then_rules_then_what_is_built_in() -> None:
    rules = of(TypeRule("*Timeout", ErrorClass.DOMAIN_POLICY), places=(PlaceRule("billing.*", "L5"),))
    assert classified(of()) == Classification("L2", ErrorClass.INFRA_TIMEOUT)
    assert classified(rules) == Classification("L4", ErrorClass.DOMAIN_POLICY)  # L5 may not speak of it
    assert classified(rules, tagged_class="system.bug") == Classification("L5", ErrorClass.SYSTEM_BUG)
    assert classified(rules, tagged_class="nonsense").error_class == ErrorClass.DOMAIN_POLICY
    infra = of(places=(PlaceRule("billing.*", "L6"),))
    assert classified(infra) == Classification("L6", ErrorClass.INFRA_TIMEOUT)
    assert classified(infra, tagged_layer="L3").layer == "L3"
    assert classified(infra, told_layer="L5").layer == "L6"
    assert classified(of(), told_layer="L5").layer == "L5"


@pytest.mark.parametrize("layer", ["L2", "L3", "L4", "L5", "L6"])
@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_the_console_keeps_its_layer_and_the_class_gives_way(layer: str, error_class: ErrorClass) -> None:
    rules = of(TypeRule("Odd", error_class))
    found = console_classify(exception_type="Odd", module="shop", layer=layer, rules=rules)
    may = error_class.family != ("infra" if layer == "L4" else "domain")
    assert found == Classification(layer, error_class if may else ErrorClass.SYSTEM_UNCLASSIFIED)


def test_rules_that_no_error_can_follow_together_are_told() -> None:
    timeout, billing = TypeRule("*Timeout", ErrorClass.INFRA_TIMEOUT), PlaceRule("billing.*", "L4")
    assert rules_contradict(types=[timeout], places=[billing, PlaceRule("web.*", "L2")]) == [(timeout, billing)]
    assert rules_contradict(types=[timeout], places=[PlaceRule("*", "L4")]) == []


# --- trials -----------------------------------------------------------------------------------------------------------


def captured(rules: ClassRules = NO_CLASS_RULES, **fields: Any) -> CapturedError:
    event = an_event(**fields)
    return sentry_capture(
        payload=json.dumps(event).encode(), event_id=event["event_id"], sent_at=None, origin=Origin(7), keys=KEYS,
        received_at=utcnow(), rules=CaptureRules(classes=rules),
    )  # fmt: skip


def past(error: CapturedError) -> Any:
    """The error as its stored row."""
    e = error.envelope
    return SimpleNamespace(
        project_id=error.origin.project_id, error_id=e.error_id, layer=e.layer, component=e.component,
        error_class=e.error_class.value, message=e.message, exception_type=e.exception_type,
        fingerprint=error.fingerprint, payload=error.payload, created_at=error.received_at,
    )  # fmt: skip


def tried(edited: TypeRule | PlaceRule, *errors: CapturedError, before: ClassRules = NO_CLASS_RULES) -> Trial:
    """The rule tried as the last one."""
    if isinstance(edited, TypeRule):
        after = ClassRules(types=[*before.types, edited], places=before.places)
    else:
        after = ClassRules(types=before.types, places=[*before.places, edited])
    events = [past(error) for error in errors]
    return rule_trial(edited=edited, events=events, before=lambda _: before, after=lambda _: after)


EVENTS: list[dict[str, Any]] = [
    {},
    {"tags": {"layer": "L5"}},
    {"tags": {"error_class": "domain.policy"}},
    {"tags": {"celery_task_id": "c1", "component": "shop.tasks"}},
    {"contexts": {"celery": {"task_name": "shop.settle"}}},
    {"contexts": {"otel": {"layer": "L6"}}},
    {"request": {"url": "http://shop/cart", "method": "GET"}},
    {"exception": {"values": [{"type": "Gone", "value": "x", "module": "shop.stock"}]}},
    {"exception": None, "message": "It went wrong."},
]


@pytest.mark.parametrize("rule", [
    TypeRule("KeyError", ErrorClass.INFRA_DATABASE), TypeRule("shop.stock.*", ErrorClass.DOMAIN_NOT_FOUND),
    TypeRule("*", ErrorClass.SYSTEM_CORRUPTION), PlaceRule("shop.*", "L3"), PlaceRule("*", "L4"),
])  # fmt: skip
@pytest.mark.parametrize("fields", EVENTS)
def test_a_trial_says_what_capture_will_do(rule: TypeRule | PlaceRule, fields: dict[str, Any]) -> None:
    rules = ClassRules(types=[rule]) if isinstance(rule, TypeRule) else ClassRules(places=[rule])
    stored, becomes = captured(**fields), captured(rules, **fields).envelope
    trial = tried(rule, stored)
    before, after = (
        Classification(stored.envelope.layer, stored.envelope.error_class),
        Classification(becomes.layer, becomes.error_class),
    )
    assert [(change.before, change.after) for change in trial.changes] == ([(before, after)] if before != after else [])
    assert trial.matched == trial.changed + sum(number for _, number in trial.held_back)


def test_a_trial_counts_what_fits_and_says_why_the_rest_stays() -> None:
    errors = [captured(), captured(), captured(tags={"error_class": "domain.policy"})]
    trial = tried(TypeRule("Key*", ErrorClass.INFRA_DATABASE), *errors)
    assert (trial.events, trial.matched, trial.changed) == (3, 3, 2)
    [change] = trial.changes
    assert change.before == Classification("L4", ErrorClass.SYSTEM_BUG)
    assert change.after == Classification("L6", ErrorClass.INFRA_DATABASE)
    assert change.events == 2
    assert [example.exception_type for example in change.examples] == ["KeyError"]  # one of each group
    assert trial.held_back == [("carry their sender's tag error_class, which decides", 1)]


@pytest.mark.parametrize(
    ("rule", "before", "why"),
    [
        (TypeRule("Key*", ErrorClass.SYSTEM_BUG), NO_CLASS_RULES, "are system.bug already"),
        (
            TypeRule("Key*", ErrorClass.SYSTEM_BUG),
            of(TypeRule("*", ErrorClass.INFRA_QUEUE)),
            "fit a rule before it: * → infra.queue",
        ),
        (PlaceRule("shop.*", "L4"), NO_CLASS_RULES, "are L4 already"),
        (
            PlaceRule("shop.*", "L4"),
            of(TypeRule("*", ErrorClass.INFRA_QUEUE)),
            "are infra.queue, which L4 may not emit; they stay L6",
        ),
    ],
)
def test_a_trial_says_what_holds_a_fitting_error_back(rule: Any, before: ClassRules, why: str) -> None:
    assert tried(rule, captured(), before=before).held_back == [(why, 1)]


def test_a_trial_of_native_envelopes_and_of_the_consoles_own() -> None:
    entry = {"layer": "L4", "component": "shop.orders", "error_class": "domain.conflict", "severity": "ERROR",
             "message": "taken", "exception_type": "KeyError"}  # fmt: skip
    native = native_capture(entry=entry, origin=Origin(7), keys=KEYS, received_at=utcnow())
    assert tried(TypeRule("*", ErrorClass.SYSTEM_BUG), native).held_back == [
        ("say their class and layer themselves: they are native envelopes", 1)
    ]
    own = replace(native, origin=Origin(0))
    [change] = tried(TypeRule("*", ErrorClass.SYSTEM_CORRUPTION), own).changes
    assert change.after == Classification("L4", ErrorClass.SYSTEM_CORRUPTION)
    [(why, _)] = tried(TypeRule("*", ErrorClass.INFRA_QUEUE), own).held_back
    assert why == "are the console's own, of L4, which may not emit infra.queue"
