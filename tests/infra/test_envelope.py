"""The unified error envelope: frozen, minted ids, and what each layer may speak of (70-90, 126-130)."""

import re
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from readiness.infra.correlation import correlation_scope
from readiness.infra.envelope import ErrorClass, ErrorEnvelope, ErrorSeverity, input_hash


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


@pytest.mark.parametrize("layer", ["L2", "L3", "L4", "L5", "L6"])
@pytest.mark.parametrize("error_class", [ErrorClass.INFRA_TIMEOUT, ErrorClass.DOMAIN_VALIDATION, ErrorClass.SYSTEM_BUG])
def test_the_lockdown_of_layers(layer: str, error_class: ErrorClass) -> None:
    forbidden = "infra" if layer == "L4" else "domain"
    if error_class.family == forbidden:
        with pytest.raises(ValueError, match=f"{layer} may not emit"):
            an_envelope(layer=layer, error_class=error_class)
    else:
        assert an_envelope(layer=layer, error_class=error_class).layer == layer


def test_an_input_is_hashed_under_the_installations_key() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", input_hash(b"joe@example.com", "one key"))
    assert input_hash(b"joe@example.com", "one key") != input_hash(b"joe@example.com", "another")
