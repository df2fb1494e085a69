"""An incident's life as one table: which move leads where, and why another is refused. Pure.

detected → acknowledged → diagnosed → prevented → closed, or recurred, which begins it anew
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from readiness.infra.refusals import Conflict


class Move(StrEnum):
    """What changes an incident's status. `recur` is an event's; all others are people's."""

    ACKNOWLEDGE = "acknowledge"
    DIAGNOSE = "diagnose"
    PREVENT = "prevent"
    CLOSE = "close"
    RECUR = "recur"
    REOPEN = "reopen"


_D, _A, _G, _P, _C, _R, _M = "detected", "acknowledged", "diagnosed", "prevented", "closed", "recurred", "merged"
STATES = (_D, _A, _G, _P, _C, _R, _M)

# (status, move) → status. What is not here is refused, with _WHY. Writing the root cause anew leaves an end as it is.
TRANSITIONS: Mapping[tuple[str, Move], str] = MappingProxyType(
    {
        (_D, Move.ACKNOWLEDGE): _A, (_R, Move.ACKNOWLEDGE): _A,
        (_D, Move.DIAGNOSE): _G, (_A, Move.DIAGNOSE): _G, (_R, Move.DIAGNOSE): _G, (_G, Move.DIAGNOSE): _G,
        (_P, Move.DIAGNOSE): _P, (_C, Move.DIAGNOSE): _C,
        (_D, Move.PREVENT): _P, (_A, Move.PREVENT): _P, (_R, Move.PREVENT): _P, (_G, Move.PREVENT): _P,
        (_D, Move.CLOSE): _C, (_A, Move.CLOSE): _C, (_R, Move.CLOSE): _C, (_G, Move.CLOSE): _C, (_P, Move.CLOSE): _C,
        (_P, Move.RECUR): _R, (_C, Move.RECUR): _R,
        (_P, Move.REOPEN): _G, (_C, Move.REOPEN): _G,
    }
)  # fmt: skip

_OPEN_ALREADY = "it is open. Nothing was changed; go on with its next step."
_WHY: Mapping[tuple[str, Move], str] = MappingProxyType(
    {
        (_A, Move.ACKNOWLEDGE): "somebody has taken it already. Take it over from them by “Hand over”.",
        (_G, Move.ACKNOWLEDGE): "its root cause is written already. Take it over by “Hand over” if it is to be yours.",
        (_P, Move.ACKNOWLEDGE): "it is prevented. Reopen it with a reason if it is not.",
        (_C, Move.ACKNOWLEDGE): "it is closed. Reopen it with a reason if it is not over.",
        (_P, Move.PREVENT): "it is prevented already; nothing was changed. Close it once those who were hit know.",
        (_C, Move.PREVENT): "it is closed already; nothing was changed. Reopen it with a reason if it is not over.",
        (_C, Move.CLOSE): "it is closed already; nothing was changed. Reopen it with a reason if it is not over.",
        **{(status, Move.RECUR): _OPEN_ALREADY for status in (_D, _A, _G, _R)},
        **{(status, Move.REOPEN): _OPEN_ALREADY for status in (_D, _A, _G, _R)},
        **{(_M, move): "it is part of another incident now. Do it there, or undo the merge." for move in Move},
    }
)
_PARTICIPLE = {
    Move.ACKNOWLEDGE: "acknowledged", Move.DIAGNOSE: "diagnosed", Move.PREVENT: "marked prevented",
    Move.CLOSE: "closed", Move.RECUR: "marked recurred", Move.REOPEN: "reopened",
}  # fmt: skip


def life_move(*, name: str, status: str, move: Move) -> str:
    """The status after the move. `name`: `INC-12`, for the refusal. Raises Conflict: why not, and what to do."""
    after = TRANSITIONS.get((status, move))
    if after is None:
        raise Conflict(f"{name} was not {_PARTICIPLE[move]}: {_WHY[status, move]}")
    return after


def reopened_status(*, diagnosed: bool) -> str:
    """Where a reopened incident goes on: whoever reopens it has taken it, and a written root cause stays written."""
    return _G if diagnosed else _A
