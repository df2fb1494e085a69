"""Requirement 186: each declared intent agrees with what its use-case does, and no use-case goes without one."""

from collections.abc import Iterator, Mapping

from readiness.lint.effects import INTENT_EFFECT, Effect, FunctionFacts, House


def intents_check(house: House) -> list[str]:
    """One line for each disagreement, in path order; empty when all is well."""
    return [
        f"{facts.source.path}:{facts.line} {facts.name} {complaint}"
        for facts in sorted(house.functions.values(), key=lambda facts: (facts.source.path, facts.line))
        for complaint in (_declared(house, facts) if facts.intent else _undeclared(house, facts))
    ]


def intents_declared(house: House) -> dict[str, str]:
    """`module.function` → intent of every use-case in the source."""
    return {facts.key: facts.intent for facts in house.functions.values() if facts.intent}


def registry_check(declared: Mapping[str, str], registered: Mapping[str, str]) -> list[str]:
    """The source and the registry of the running program must list the same use-cases with the same intents."""
    missing = declared.items() - registered.items()
    surplus = registered.items() - declared.items()
    lines = [f"{key} declares {intent} in its source, but the registry has it not" for key, intent in missing]
    lines += [f"{key} stands in the registry as {intent}, but not in its source" for key, intent in surplus]
    return sorted(lines)


def _declared(house: House, facts: FunctionFacts) -> Iterator[str]:
    assert facts.intent is not None
    if facts.intent not in INTENT_EFFECT:
        yield f"declares {facts.intent}, which is no TransactionIntent"
        return
    beyond = house.effect(facts) & ~INTENT_EFFECT[facts.intent]
    if Effect.WRITE in beyond:
        yield (
            f"declares {facts.intent} but writes{_where(house, facts, Effect.WRITE)}; declare ATOMIC_WRITE,"
            " or LOCKED_MUTATION if it decides on a row"
        )
    if Effect.LOCK in beyond:
        yield (
            f"declares {facts.intent} but locks rows{_where(house, facts, Effect.LOCK)}; declare LOCKED_MUTATION"
            " and take the lock by txn.lock_row()"
        )


def _undeclared(house: House, facts: FunctionFacts) -> Iterator[str]:
    if facts.source.layer != "workflows" or facts.name.startswith("_") or facts.session == "SingleConnectionTxn":
        return
    if not facts.source.path.endswith("/workflows.py") and not house.used_outside(facts):
        return  # a helper that the modules of a workflows/ folder share
    does = house.effect(facts, through_intents=False)
    if facts.session == "Session" and Effect.LOCK in does:
        yield "locks rows but takes a Session; take a SingleConnectionTxn, so that only LOCKED_MUTATION can call it"
    elif facts.session is None and does:
        where = _where(house, facts, Effect.QUERY, through_intents=False)
        yield f"touches the tables{where} without an intent; declare one by @transactional"


def _where(house: House, facts: FunctionFacts, effect: Effect, *, through_intents: bool = True) -> str:
    """` in <function>`, when the effect is not its own but of something that it calls."""
    for found, does in house.reach(facts, through_intents=through_intents):
        if effect in does:
            return "" if found is facts else f" in {found.key}"
    return ""
