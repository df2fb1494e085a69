"""Forbidden patterns (requirement 175): what the house has a blessed way for, found in source files and templates.

Each incident that a pattern could have caused adds a rule here (requirement 189). A rule names the files that may do
it, which are the blessed way itself; there is no way to silence one line.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from readiness.lint.sources import PACKAGES, SourceFile, call_name


@dataclass(frozen=True)
class Rule:
    """`name` says what is forbidden, `instead` the blessed way, `allowed` the files that are that way."""

    name: str
    instead: str
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str


Places = Iterator[tuple[int, Rule]]

_FLOOR = "readiness/infra/transactions.py"
RAW_ROW_LOCK = Rule(
    "raw row lock in SQL", "txn.lock_row() or txn.lock_values() in a LOCKED_MUTATION use-case", frozenset({_FLOOR})
)
SELECT_FOR_UPDATE = Rule(
    "select_for_update()", "txn.lock_row() or txn.lock_rows() in a LOCKED_MUTATION use-case", frozenset({_FLOOR})
)
BARE_TRANSACTION = Rule(
    "a transaction without an intent",
    "@transactional on the workflow; atomic_write() in factories; savepoint() inside a transaction",
    frozenset({_FLOOR}),
)
STRAIGHT_TO_BROKER = Rule(
    "a task sent straight to the broker",
    "outbox_publish() in the workflow, or beat's schedule",
    # The tasks are handlers of the outbox: what they send is committed and delivered.
    frozenset(
        {
            "readiness/infra/outbox.py",
            "readiness/celery.py",
            "readiness/notifications/tasks.py",
        }
    ),
)
CSRF_EXEMPT = Rule("csrf_exempt", "@machine from readiness.tenants.access", frozenset({"readiness/tenants/access.py"}))
UNESCAPED = Rule("unescaped HTML", "format_html() or a template: payloads are hostile")
EVALUATED = Rule("eval() or exec()", "a registered name that is looked up; nothing recorded is ever code")
RAW_QUERYSET = Rule("raw() or extra()", "the ORM, or a cursor with parameters in the subject's store.py")
HIDDEN_IMPORT = Rule(
    "a first-party import inside a function", "an import at the top; fix the direction, or use a setting or the outbox"
)
QUERY_OUTSIDE_STORE = Rule("a query outside the store", "a named function of the subject's store.py")
INLINE_CODE = Rule(
    "inline script, style or handler", "static/js/<name>.js and static/css/console.css: the CSP is strict"
)
SLEEPING_TEST = Rule("a test that sleeps", "tests.servers.wait_until(condition)")
SKIPPED_TEST = Rule("a skipped or expected failure", "mend it or delete it")

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))

_ROW_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE)\b", re.IGNORECASE)
_CALLS = {
    "select_for_update": SELECT_FOR_UPDATE,
    "delay": STRAIGHT_TO_BROKER,
    "apply_async": STRAIGHT_TO_BROKER,
    "send_task": STRAIGHT_TO_BROKER,
    "mark_safe": UNESCAPED,
    "SafeString": UNESCAPED,
    "raw": RAW_QUERYSET,
    "extra": RAW_QUERYSET,
    "RawSQL": RAW_QUERYSET,
}
_LAYERS_WITHOUT_QUERIES = {"views", "forms", "api", "ingest", "tasks", "adapters", "services"}
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\s(?:style|on[a-z]+)\s*=\s*[\"']", re.IGNORECASE)
_UNESCAPED_TEMPLATE = re.compile(r"\|\s*safe(?:seq)?\b|{%\s*autoescape\s+off")


def patterns_in_python(source: SourceFile) -> Iterator[Finding]:
    """Findings in one Python file of the house."""
    for rules in (_calls, _names, _strings, _hidden_imports, _queries):
        for line, rule in rules(source):
            if source.path not in rule.allowed:
                yield Finding(source.path, line, rule.name)


def patterns_in_test(source: SourceFile) -> Iterator[Finding]:
    """Findings in one file of the tests, where raw SQL is how promises of the database are tried."""
    if not source.path.rpartition("/")[2].startswith("test_"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and call_name(node) == "sleep":
            yield Finding(source.path, node.lineno, SLEEPING_TEST.name)
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}:
            yield Finding(source.path, node.lineno, SKIPPED_TEST.name)


def patterns_in_template(path: str, text: str) -> Iterator[Finding]:
    """Findings in one HTML template."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _INLINE.search(line):
            yield Finding(path, number, INLINE_CODE.name)
        if _UNESCAPED_TEMPLATE.search(line):
            yield Finding(path, number, UNESCAPED.name)


def patterns_report(findings: Iterable[Finding]) -> list[str]:
    """Requirement 175's report: `FORBIDDEN PATTERNS DETECTED: N`, the places, and after them what to do instead."""
    found = sorted(set(findings))
    if not found:
        return ["No forbidden patterns."]
    rules = {rule.name: rule for rule in RULES}
    return [
        f"FORBIDDEN PATTERNS DETECTED: {len(found)}",
        *(f"- {finding.path}:{finding.line} {finding.rule}" for finding in found),
        "",
        *(f"Instead of {name}: {rules[name].instead}." for name in sorted({finding.rule for finding in found})),
    ]


def _calls(source: SourceFile) -> Places:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
            yield node.lineno, EVALUATED
        elif rule := _CALLS.get(call_name(node)):
            yield node.lineno, rule


def _names(source: SourceFile) -> Places:
    """Names that are forbidden however they are used: as a decorator, a call, or imported under another name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            imported = {alias.name for alias in node.names}
            if node.module == "django.db.transaction":
                yield node.lineno, BARE_TRANSACTION
            if "csrf_exempt" in imported:
                yield node.lineno, CSRF_EXEMPT
            if "mark_safe" in imported:
                yield node.lineno, UNESCAPED
        elif isinstance(node, ast.Attribute):
            if node.attr in {"atomic", "set_autocommit"} and isinstance(node.value, ast.Name):
                if node.value.id in {"transaction", "connection"}:
                    yield node.lineno, BARE_TRANSACTION
            elif node.attr == "csrf_exempt":
                yield node.lineno, CSRF_EXEMPT


def _strings(source: SourceFile) -> Places:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in source.docstrings:
            continue
        if _ROW_LOCK.search(node.value):
            yield node.lineno, RAW_ROW_LOCK


def _hidden_imports(source: SourceFile) -> Places:
    for function in ast.walk(source.tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if function.name == "ready" and source.layer == "apps":
            continue  # Django's own place for what needs the loaded apps
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                continue
            if any(module.partition(".")[0] in PACKAGES for module in modules):
                yield node.lineno, HIDDEN_IMPORT


def _queries(source: SourceFile) -> Places:
    if source.layer not in _LAYERS_WITHOUT_QUERIES:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager", "cursor"}:
            yield node.lineno, QUERY_OUTSIDE_STORE
