"""Founders' rules at every door, and the lockdown of layers (126-130): each layer with each class at each door."""

import json
import uuid
from typing import Any

import pytest

from incidents.errors.models import ComponentRule, ErrorEvent, ExceptionRule
from incidents.errors.workflows import capture_rules_forget_recent, console_error_record, errors_settle
from readiness.infra.envelope import LAYERS, ErrorClass
from readiness.infra.transactions import atomic_write
from tests.errors.conftest import Door, NativeDoor
from tests.errors.otlp import OtlpDoor, a_span, attributes, exception_event, traces
from tests.factories import a_project, an_event

# The document's table (126-130), written out: what is not here is forbidden.
ALLOWED = {
    "L2": {"infra", "system"},
    "L3": {"infra", "system"},
    "L4": {"domain", "system"},
    "L5": {"infra", "system"},
    "L6": {"infra", "system"},
}
PAIRS = [(layer, error_class) for layer in LAYERS for error_class in ErrorClass]
GIVES_WAY_TO = {"infra": "L6", "domain": "L4"}  # the layer, where no request and no worker is known


def may(layer: str, error_class: ErrorClass) -> bool:
    return error_class.value.split(".")[0] in ALLOWED[layer]


def expected(layer: str, error_class: ErrorClass) -> tuple[str, str]:
    """What an SDK's event becomes: the class stays, the layer gives way."""
    family = error_class.value.split(".")[0]
    return (layer if may(layer, error_class) else GIVES_WAY_TO[family]), error_class.value


def rules(*types: tuple[str, str], places: tuple[tuple[str, str], ...] = (), project_id: int = 0) -> None:
    with atomic_write():
        for position, (pattern, error_class) in enumerate(types):
            ExceptionRule.objects.create(
                project_id=project_id, position=position, pattern=pattern, error_class=error_class
            )
        for position, (pattern, layer) in enumerate(places):
            ComponentRule.objects.create(project_id=project_id, position=position, pattern=pattern, layer=layer)
    capture_rules_forget_recent()


def stored() -> dict[str, tuple[str, str]]:
    """(layer, class) of each stored error by its component."""
    return {event.component: (event.layer, event.error_class) for event in ErrorEvent.objects.all()}


def every_pair(tags_of: Any) -> list[tuple[str, tuple[str, str], Any]]:
    """(component, what it has to become, what is sent) for the whole table."""
    return [
        (f"place.{at}", expected(layer, error_class), tags_of(layer, error_class))
        for at, (layer, error_class) in enumerate(PAIRS)
    ]


def an_error(kind: str = "KeyError", **fields: Any) -> dict[str, Any]:
    return an_event(exception={"values": [{"type": kind, "value": "x"}]}, **fields)


# --- the lockdown -----------------------------------------------------------------------------------------------------


def test_the_native_door_keeps_what_a_layer_may_emit_and_refuses_the_rest(native: NativeDoor) -> None:
    sent = [
        {"layer": layer, "component": f"at.{layer}.{error_class.value}", "error_class": error_class.value,
         "severity": "ERROR", "message": f"{layer} {error_class.value}"}
        for layer, error_class in PAIRS
    ]  # fmt: skip
    answer = native.post(sent)
    assert answer.status_code == 200
    body = answer.json()
    refused = {PAIRS[entry["index"]]: entry["errors"] for entry in body["rejected"]}
    assert set(refused) == {(layer, one) for layer, one in PAIRS if not may(layer, one)}
    for (layer, one), [error] in refused.items():
        assert error["pointer"] == "/error_class"
        assert error["detail"].startswith(f"error_class: {layer} may not emit {one.value}; it speaks of ")
    assert stored() == {f"at.{layer}.{one.value}": (layer, one.value) for layer, one in PAIRS if may(layer, one)}


def test_the_sentry_door_keeps_the_class_and_the_layer_gives_way(door: Door) -> None:
    table = every_pair(lambda layer, one: {"layer": layer, "error_class": one.value})
    items = []
    for component, _, tags in table:
        event = an_error(event_id=uuid.uuid4().hex, tags={**tags, "component": component})
        items.append(({"type": "event"}, json.dumps(event).encode()))
    assert door.post(door.envelope(*items)).status_code == 200
    assert stored() == {component: becomes for component, becomes, _ in table}


def test_the_store_door_does_likewise(door: Door) -> None:
    event = an_error(tags={"layer": "L2", "error_class": "domain.policy", "component": "web"})
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={door.dsn.public_key}, sentry_version=7"}
    path = f"/api/{door.project_id}/store/"
    assert door.client.post(path, data=event, content_type="application/json", headers=auth).status_code == 200
    assert stored() == {"web": ("L4", "domain.policy")}


def test_the_otlp_door_keeps_the_class_and_the_layer_gives_way(otlp: OtlpDoor) -> None:
    table = every_pair(lambda layer, one: {"readiness.layer": layer, "readiness.error_class": one.value})
    spans = [
        a_span(
            kind=1, attributes=attributes({**named, "readiness.component": component}),
            events=[exception_event(**{"exception.message": component})],
        )
        for component, _, named in table
    ]  # fmt: skip
    assert otlp.post("traces", traces(*spans)).status_code == 200
    assert stored() == {component: becomes for component, becomes, _ in table}


@pytest.mark.usefixtures("door")
def test_the_consoles_own_errors_keep_their_layer_and_the_class_gives_way() -> None:
    rules(*((f"Own{at}", one.value) for at, one in enumerate(ErrorClass)))
    for layer in LAYERS:
        for at, one in enumerate(ErrorClass):
            failure = type(f"Own{at}", (Exception,), {})("It failed.")
            console_error_record(failure, component=f"at.{layer}.{one.value}", layer=layer, context={})
    errors_settle()
    assert stored() == {
        f"at.{layer}.{one.value}": (layer, one.value if may(layer, one) else "system.unclassified")
        for layer, one in PAIRS
    }


# --- rules ------------------------------------------------------------------------------------------------------------


def test_rules_hold_at_the_sentry_door_a_projects_own_before_everybodys(door: Door) -> None:
    rules(("Key*", "infra.queue"), ("*", "system.recovery"), places=(("web*", "L3"),))
    rules(("KeyError", "domain.conflict"), project_id=door.project_id)
    rules(("*", "infra.storage"), project_id=a_project().pk)
    for kind, component in (("KeyError", "cart"), ("Odd", "web.cart"), ("Keyring", "stock")):
        assert door.post(door.event_envelope(an_error(kind, tags={"component": component}))).status_code == 200
    assert stored() == {
        "cart": ("L4", "domain.conflict"),
        "web.cart": ("L3", "system.recovery"),
        "stock": ("L6", "infra.queue"),
    }


def test_a_rule_that_is_switched_off_does_not_hold(door: Door) -> None:
    rules(("KeyError", "infra.queue"))
    with atomic_write():
        ExceptionRule.objects.update(active=False)
    capture_rules_forget_recent()
    door.post(door.event_envelope(an_error(tags={"component": "cart"})))
    assert stored() == {"cart": ("L4", "system.bug")}


def test_rules_hold_at_the_otlp_door_and_know_better_than_the_kind_of_span(otlp: OtlpDoor) -> None:
    rules(("KeyError", "infra.queue"), places=(("shop-api", "L3"),))
    consumer = a_span(kind=5, events=[exception_event()])
    assert otlp.post("traces", traces(consumer)).status_code == 200
    assert stored() == {"shop-api": ("L3", "infra.queue")}


def test_a_native_envelope_says_its_class_and_layer_itself(native: NativeDoor) -> None:
    rules(("*", "infra.queue"), places=(("*", "L6"),))
    sent = {"layer": "L4", "component": "shop", "error_class": "domain.conflict", "severity": "ERROR",
            "message": "taken", "exception_type": "KeyError"}  # fmt: skip
    assert native.post(sent).status_code == 201
    assert stored() == {"shop": ("L4", "domain.conflict")}


@pytest.mark.usefixtures("door")
def test_rules_hold_for_the_consoles_own_errors_by_the_module_too() -> None:
    rules((f"{__name__}.*", "system.recovery"))
    console_error_record(type("Odd", (Exception,), {})("x"), component="jobs", layer="L5", context={})
    errors_settle()
    assert stored() == {"jobs": ("L5", "system.recovery")}
