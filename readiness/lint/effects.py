"""What a function does to the tables, read from its source: an approximation by names, followed through its calls.

Good enough because the house is uniform: queries stand in store.py, writes are made by a handful of ORM methods, and
what it cannot see (a method of an object, dynamic SQL) the guard on each connection sees at run time.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Flag, auto
from functools import cache

from readiness.lint.sources import SourceFile, call_name


class Effect(Flag):
    """WRITE and LOCK as the intents mean them; QUERY is any touch of the tables at all."""

    NONE = 0
    QUERY = auto()
    WRITE = auto()
    LOCK = auto()


INTENT_EFFECT = {
    "READ_ONLY": Effect.QUERY,
    "ATOMIC_WRITE": Effect.QUERY | Effect.WRITE,
    "LOCKED_MUTATION": Effect.QUERY | Effect.WRITE | Effect.LOCK,
}
# update_or_create() takes a row lock on PostgreSQL; only there would the guard refuse it.
_LOCKS = {"lock_row", "lock_rows", "lock_values", "select_for_update", "update_or_create"}
_WRITES = {
    "save", "create", "create_user", "bulk_create", "bulk_update", "get_or_create",
    "outbox_publish", "deletion_permit",
}  # fmt: skip
_WRITE_SQL = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|REPLACE|TRUNCATE)\b", re.IGNORECASE)
_LOCK_SQL = re.compile(r"\bpg_(?:try_)?advisory_", re.IGNORECASE)


@dataclass
class FunctionFacts:
    """One module-level function: `intent` is what @transactional declares, `session` the type of a session that it
    takes as its first parameter (only a use-case can hand one in); None without them.
    """

    source: SourceFile
    name: str
    line: int
    intent: str | None
    session: str | None = None
    own: Effect = Effect.NONE
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.source.module}.{self.name}"


class House:
    """All functions of some files, with what each does; names are followed through imports and re-exports."""

    def __init__(self, sources: Iterable[SourceFile]) -> None:
        self.functions: dict[str, FunctionFacts] = {}
        self._bindings: dict[str, dict[str, str]] = {}
        for source in sources:
            self._bindings[source.module] = bindings = dict(_imports(source))
            functions = [node for node in source.tree.body if isinstance(node, ast.FunctionDef)]
            bindings |= {node.name: f"{source.module}.{node.name}" for node in functions}
            for node in functions:
                facts = _facts(source, node, bindings)
                self.functions[facts.key] = facts

    def resolve(self, name: str) -> FunctionFacts | None:
        """The function behind a dotted name, also when a package re-exports it."""
        for _ in range(5):  # no chain of re-exports is longer
            if name in self.functions:
                return self.functions[name]
            module, _, last = name.rpartition(".")
            found = self._bindings.get(module, {}).get(last)
            if found is None or found == name:
                return None
            name = found
        return None

    def used_outside(self, facts: FunctionFacts) -> bool:
        """Whether a module beyond its layer (a file, or a folder without its `__init__`) imports or calls it."""
        folder = facts.source.module.rpartition(".")[0]
        inside = f"{folder}." if folder.rpartition(".")[2] == facts.source.layer else facts.source.module
        return facts.key in self._used_from(inside)

    @cache  # noqa: B019  a House lives as long as one report
    def _used_from(self, inside: str) -> frozenset[str]:
        names = {
            target
            for module, bindings in self._bindings.items()
            if not f"{module}.".startswith(inside) or f"{module}." == inside
            for target in bindings.values()
        }
        names |= {name for facts in self.functions.values() if not facts.key.startswith(inside) for name in facts.calls}
        return frozenset(found.key for found in map(self.resolve, names) if found)

    def effect(self, facts: FunctionFacts, *, through_intents: bool = True) -> Effect:
        """All it does, its callees included; a callee that declares an intent counts as what it declares (or not)."""
        total = Effect.NONE
        for _, effect in self.reach(facts, through_intents=through_intents):
            total |= effect
        return total

    def reach(self, facts: FunctionFacts, *, through_intents: bool = True) -> Iterator[tuple[FunctionFacts, Effect]]:
        """Itself and all that it calls, nearest first, each with what it does by itself."""
        yield facts, facts.own
        seen, waiting = {facts.key}, list(facts.calls)
        while waiting:
            callee = self.resolve(waiting.pop(0))
            if callee is None or callee.key in seen:
                continue
            seen.add(callee.key)
            if callee.intent is None:
                yield callee, callee.own
                waiting += callee.calls
            elif through_intents:
                yield callee, INTENT_EFFECT[callee.intent]


def _imports(source: SourceFile) -> Iterator[tuple[str, str]]:
    package = source.module if source.path.endswith("__init__.py") else source.module.rpartition(".")[0]
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                module = ".".join(filter(None, [package, module]))
            yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _facts(source: SourceFile, function: ast.FunctionDef, bindings: dict[str, str]) -> FunctionFacts:
    facts = FunctionFacts(
        source, function.name, function.lineno, _declared_intent(function), _session_parameter(function)
    )
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager", "cursor"}:
            facts.own |= Effect.QUERY
        if not isinstance(node, ast.Call):
            continue
        facts.own |= _call_effect(node)
        match node.func:
            case ast.Name(id=name) if name in bindings:
                facts.calls.setdefault(bindings[name], node.lineno)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in bindings:
                facts.calls.setdefault(f"{bindings[module]}.{name}", node.lineno)
    if source.layer == "store":
        facts.own |= Effect.QUERY
    return facts


def _declared_intent(function: ast.FunctionDef) -> str | None:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="transactional"), args=[ast.Attribute(attr=intent)]):
                return intent
    return None


def _session_parameter(function: ast.FunctionDef) -> str | None:
    match function.args.args[:1]:
        case [ast.arg(annotation=ast.Name(id="Session" | "SingleConnectionTxn" as kind))]:
            return kind
    return None


def _call_effect(node: ast.Call) -> Effect:
    name = call_name(node)
    if name in _LOCKS:
        return Effect.QUERY | Effect.LOCK | (Effect.WRITE if name == "update_or_create" else Effect.NONE)
    match node.func:
        case ast.Attribute(value=ast.Name(id=receiver)) if receiver[:1].isupper():
            return Effect.NONE  # a class's own constructor, ErrorEnvelope.create(), is no queryset's
    if name in _WRITES:
        return Effect.QUERY | Effect.WRITE
    if not isinstance(node.func, ast.Attribute):
        return Effect.NONE
    # A queryset's update() takes keywords only, a dict's or a hash's a value; delete() takes nothing.
    if (name == "update" and not node.args and node.keywords) or (name == "delete" and not node.args):
        return Effect.QUERY | Effect.WRITE
    if name in {"execute", "executemany"} and node.args:
        text = _leading_text(node.args[0])
        if _WRITE_SQL.match(text):
            return Effect.QUERY | Effect.WRITE
        if _LOCK_SQL.search(text):
            return Effect.QUERY | Effect.LOCK
    return Effect.NONE


def _leading_text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text
        case _:
            return ""
