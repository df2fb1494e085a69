"""Changing a flag: what the new state is, what history says about it, and who is refused.

A change is a pure function of the state, the edit and the actor; `flags.workflows` locks, saves and records it.
"""

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, TypedDict

from flags.services.values import PRODUCTION, FlagType, JsonValue, range_check, text_check, value_check
from readiness.infra.actor import Actor
from readiness.infra.refusals import Conflict, FieldError, Forbidden, Invalid

Visibility = Literal["public", "private"]
Action = Literal["defined", "set", "killed", "restored", "removed"]
LONGEST_DESCRIPTION = 500
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag's definition and value. `safe_value` None means that no safe variant is declared."""

    type: FlagType
    value: JsonValue
    safe_value: JsonValue = None
    visibility: Visibility = "private"
    description: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    killed: bool = False
    version: int = 0


class FlagEdit(TypedDict, total=False):
    """What an edit asks for: a field that is absent stays as it is, None empties it (safe value and bounds only)."""

    value: JsonValue
    safe_value: JsonValue
    visibility: Visibility
    description: str
    minimum: Decimal | None
    maximum: Decimal | None


@dataclass(frozen=True, slots=True)
class FlagChange:
    """The new state, and what changed as history keeps it: only the fields that differ, before and after."""

    action: Action
    state: FlagState
    before: dict[str, JsonValue]
    after: dict[str, JsonValue]
    reason: str

    @property
    def anything(self) -> bool:
        return bool(self.before or self.after)


def flag_writer_check(*, role: str, environment: str) -> None:
    """Founders change flags anywhere, engineers outside production. Raises Forbidden for anybody else."""
    if role == "founder" or (role == "engineer" and environment != PRODUCTION):
        return
    who = "founders" if environment == PRODUCTION else "founders and engineers"
    raise Forbidden(f"Only {who} change flags in {environment}. Nothing was changed; ask one of them to do it.")


def state_check(*, state: FlagState) -> FlagState:
    """The state in its stored form. Raises Invalid for a value, safe value, range or description that does not fit."""
    range_check(type=state.type, minimum=state.minimum, maximum=state.maximum)
    value = value_check(type=state.type, value=state.value, minimum=state.minimum, maximum=state.maximum)
    safe = state.safe_value
    if safe is not None:
        safe = value_check(
            type=state.type, value=safe, minimum=state.minimum, maximum=state.maximum, pointer="/safe_value"
        )
    if state.visibility not in ("public", "private"):
        raise _invalid("/visibility", "Visibility is `public` or `private`.")
    description = text_check(text=state.description, pointer="/description", longest=LONGEST_DESCRIPTION)
    return replace(state, value=value, safe_value=safe, description=description)


def flag_change_define(*, state: FlagState, actor: Actor, reason: str) -> FlagChange:
    """A new flag. Raises Forbidden for automation, Invalid for a state that does not fit."""
    _person_check(actor)
    new = state_check(state=replace(state, killed=False, version=state.version + 1))
    return FlagChange("defined", new, {}, {"value": new.value}, _reason(reason))


def flag_change_edit(
    *, state: FlagState, edit: FlagEdit, expected_version: int, actor: Actor, reason: str
) -> FlagChange:
    """An edit by a person. Raises Conflict when somebody changed the flag since the person read `expected_version`,
    or when the value of a killed flag is to change; Forbidden for automation; Invalid for what does not fit.
    """
    _person_check(actor)
    if expected_version != state.version:
        raise Conflict(
            f"Somebody changed this flag while you were editing it (you saw version {expected_version}, it is at "
            f"{state.version} now). Nothing was saved: load the page again, look at the new value, then decide.",
            errors=[FieldError("/version", "An older version than the stored one.")],
        )
    new = state_check(state=replace(state, **edit))
    if state.killed and new.value != state.value:
        raise Conflict("This flag is killed and serves its safe variant. Restore it first, then set its value.")
    if state.killed and new.safe_value is None:
        raise Conflict("This flag is killed and serves its safe variant, which therefore cannot be taken away.")
    return _change("set", state, new, _reason(reason))


def flag_change_kill(*, state: FlagState, reason: str) -> FlagChange:
    """The flag serves its declared safe variant from now on; anyone may turn off, automation included, and killing a
    killed flag changes nothing. Raises Conflict without a declared safe variant, Invalid without a reason.
    """
    if state.safe_value is None:
        raise Conflict("This flag declares no safe variant, so there is nothing to kill it to. Declare one first.")
    return _change("killed", state, replace(state, killed=True), _reason(reason, needed=True))


def flag_change_restore(*, state: FlagState, actor: Actor, reason: str) -> FlagChange:
    """A person ends a kill. Raises Forbidden for automation (it may only turn things off), Invalid without a reason."""
    _person_check(actor)
    return _change("restored", state, replace(state, killed=False), _reason(reason, needed=True))


def flag_change_remove(*, state: FlagState, expected_version: int, actor: Actor, reason: str) -> FlagChange:
    """A person removes the row: its clients fall back to the next wider one. Raises as `flag_change_edit` does."""
    seen = flag_change_edit(state=state, edit=FlagEdit(), expected_version=expected_version, actor=actor, reason=reason)
    if state.killed:
        raise Conflict("This flag is killed. Restore it first: removing it would turn things on again unseen.")
    new = replace(state, version=state.version + 1)
    return FlagChange("removed", new, {"value": state.value}, {}, seen.reason)


def _change(action: Action, old: FlagState, new: FlagState, reason: str) -> FlagChange:
    before = _history(old)
    after = _history(new)
    # Compared as JSON: Python holds 1 and true for equal, clients do not.
    differing = [name for name in before if _canonical(before[name]) != _canonical(after[name])]
    if differing:
        new = replace(new, version=old.version + 1)
    return FlagChange(
        action, new, {name: before[name] for name in differing}, {name: after[name] for name in differing}, reason
    )


def _history(state: FlagState) -> dict[str, JsonValue]:
    """The fields that history keeps; bounds as decimal strings."""
    return {
        "value": state.value,
        "safe_value": state.safe_value,
        "killed": state.killed,
        "visibility": state.visibility,
        "description": state.description,
        "minimum": None if state.minimum is None else format(state.minimum.normalize(), "f"),
        "maximum": None if state.maximum is None else format(state.maximum.normalize(), "f"),
    }


def _canonical(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


def _person_check(actor: Actor) -> None:
    if actor.kind != "person":
        raise Forbidden(f"{actor} is automation, which may only turn things off. A person has to make this change.")


def _reason(reason: str, *, needed: bool = False) -> str:
    reason = text_check(text=reason, pointer="/reason", longest=LONGEST_REASON)
    if needed and not reason:
        raise _invalid("/reason", "Say why in a few words: whoever finds the flag like this will want to know.")
    return reason


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(pointer, detail)])
