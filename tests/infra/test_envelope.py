"""The unified error envelope: frozen, minted ids, and what each layer may speak of (70-90, 126-130)."""

import copy
import re
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from readiness.infra.correlation import correlation_scope
from readiness.infra.envelope import ErrorClass, ErrorEnvelope, ErrorSeverity, input_hash, layer_may


def an_envelope(**fields: Any) -> ErrorEnvelope:
    known = {"layer": "L4", "component": "billing", "error_class": ErrorClass.DOMAIN_BUDGET_EXCEEDED}
    return ErrorEnvelope.create(**{**known, "severity": ErrorSeverity.ERROR, "message": "Budget exhausted", **fields})


def test_it_is_frozen_and_has_an_id_of_its_own() -> None:
    one, other = an_envelope(), an_envelope()
    assert re.fullmatch(r"err_[0-9a-f]{12}", one.error_id)
    assert one.error_id != other.error_id
    assert one.timestamp.utcoffset() is not None
    with pytest.raises(FrozenInstanceError):
        one.message = "another"  # type: ignore[misc]


def test_it_takes_the_correlation_under_way() -> None:
    with correlation_scope() as scope:
        envelope = an_envelope()
    assert (envelope.correlation_id, envelope.span_id) == (scope.correlation_id, scope.span_id)


# The document's table (126-130), written out.
ALLOWED = {layer: ("domain" if layer == "L4" else "infra", "system") for layer in ("L2", "L3", "L4", "L5", "L6")}


@pytest.mark.parametrize("layer", list(ALLOWED))
@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_the_lockdown_of_layers(layer: str, error_class: ErrorClass) -> None:
    may = error_class.value.split(".")[0] in ALLOWED[layer]
    assert layer_may(layer, error_class) is may
    if may:
        assert an_envelope(layer=layer, error_class=error_class).layer == layer
    else:
        with pytest.raises(ValueError, match=f"^error_class: {layer} may not emit {error_class.value}; it speaks of "):
            an_envelope(layer=layer, error_class=error_class)


@pytest.mark.parametrize("layer", ["L1", "L7", "", "l2"])
def test_there_are_no_other_layers(layer: str) -> None:
    assert not layer_may(layer, ErrorClass.SYSTEM_BUG)
    with pytest.raises(ValueError, match=r"^layer: .* is none of L2, L3, L4, L5, L6"):
        an_envelope(layer=layer, error_class=ErrorClass.SYSTEM_BUG)


def test_a_class_is_its_value_and_says_when_to_use_it() -> None:
    one = ErrorClass("infra.timeout")
    assert (one, str(one), one.family) == (ErrorClass.INFRA_TIMEOUT, "infra.timeout", "infra")
    assert one.when.startswith("No answer came in time")
    assert copy.deepcopy(one) is one


def test_an_input_is_hashed_under_the_installations_key() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", input_hash(b"joe@example.com", "one key"))
    assert input_hash(b"joe@example.com", "one key") != input_hash(b"joe@example.com", "another")
