"""check_forbidden_patterns finds each pattern where it is forbidden, and only there."""

from pathlib import Path

import pytest

from readiness.lint import patterns
from readiness.lint.patterns import Rule, patterns_in_python, patterns_in_template, patterns_in_test, patterns_report
from readiness.lint.sources import SourceFile, python_files

ROOT = Path(__file__).resolve().parent.parent.parent
CASES: list[tuple[Rule, str, str]] = [
    (patterns.RAW_ROW_LOCK, "flags/store.py", "SQL = 'SELECT 1 FROM flags_flag FOR UPDATE'"),
    (patterns.RAW_ROW_LOCK, "flags/store.py", "f'SELECT 1 FROM {t} for no key update'"),
    (patterns.SELECT_FOR_UPDATE, "flags/workflows.py", "Flag.objects.select_for_update(skip_locked=True)"),
    (patterns.BARE_TRANSACTION, "flags/store.py", "with transaction.atomic():\n    pass"),
    (patterns.BARE_TRANSACTION, "flags/store.py", "@transaction.atomic\ndef f(): ..."),
    (patterns.BARE_TRANSACTION, "flags/store.py", "from django.db.transaction import atomic"),
    (patterns.STRAIGHT_TO_BROKER, "flags/workflows.py", "task.delay(1)"),
    (patterns.STRAIGHT_TO_BROKER, "flags/workflows.py", "task.apply_async(args=[1])"),
    (patterns.STRAIGHT_TO_BROKER, "flags/workflows.py", "app.send_task('x')"),
    (patterns.CSRF_EXEMPT, "flags/api.py", "from django.views.decorators.csrf import csrf_exempt"),
    (patterns.CSRF_EXEMPT, "flags/api.py", "@csrf.csrf_exempt\ndef f(): ..."),
    (patterns.UNESCAPED, "flags/views.py", "mark_safe(title)"),
    (patterns.UNESCAPED, "flags/views.py", "from django.utils.safestring import mark_safe as fine"),
    (patterns.EVALUATED, "flags/services/rules.py", "eval(rule)"),
    (patterns.EVALUATED, "flags/services/rules.py", "exec(rule)"),
    (patterns.RAW_QUERYSET, "flags/store.py", "Flag.objects.raw('SELECT 1')"),
    (patterns.RAW_QUERYSET, "flags/store.py", "flags.extra(where=['1=1'])"),
    (patterns.HIDDEN_IMPORT, "flags/workflows.py", "def f():\n    from incidents.triage import store"),
    (patterns.HIDDEN_IMPORT, "flags/workflows.py", "def f():\n    import readiness.urls"),
    (patterns.QUERY_OUTSIDE_STORE, "flags/views.py", "Flag.objects.all()"),
    (patterns.QUERY_OUTSIDE_STORE, "readiness/programs/services/gates.py", "connection.cursor()"),
]
FINE = [
    ("flags/store.py", '"""Never write FOR UPDATE here."""\ndef f():\n    "nor SELECT 1 FOR UPDATE"'),
    ("flags/store.py", "Flag.objects.all()"),
    ("flags/models.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from readiness.infra import models"),
    ("flags/apps.py", "class A:\n    def ready(self):\n        from flags import store"),
    ("flags/services/rules.py", "re.compile('x'); evaluate(rule)"),
    ("flags/views.py", "def f():\n    import json"),
    ("readiness/infra/transactions.py", "transaction.atomic(); rows.select_for_update()"),
    ("readiness/infra/outbox.py", "task.delay()"),
    ("readiness/tenants/access.py", "from django.views.decorators.csrf import csrf_exempt"),
]


@pytest.mark.parametrize(("rule", "path", "text"), CASES)
def test_it_finds(rule: Rule, path: str, text: str) -> None:
    assert rule.name in {finding.rule for finding in patterns_in_python(SourceFile(path, text))}


@pytest.mark.parametrize(("path", "text"), FINE)
def test_it_leaves_alone(path: str, text: str) -> None:
    assert list(patterns_in_python(SourceFile(path, text))) == []


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("<script>alert(1)</script>", patterns.INLINE_CODE),
        ("<style>p {}</style>", patterns.INLINE_CODE),
        ('<p style="color: red">', patterns.INLINE_CODE),
        ("<a onclick='go()'>", patterns.INLINE_CODE),
        ("{{ title|safe }}", patterns.UNESCAPED),
        ("{% autoescape off %}", patterns.UNESCAPED),
    ],
)
def test_it_finds_in_templates(line: str, rule: Rule) -> None:
    found = list(patterns_in_template("templates/a.html", f"<html>\n{line}"))
    assert [(finding.line, finding.rule) for finding in found] == [(2, rule.name)]


def test_it_leaves_scripts_with_a_source_alone() -> None:
    text = '<script src="{% static "js/a.js" %}" defer></script>\n<p class="style" data-on="x">{{ a|safely }}</p>'
    assert list(patterns_in_template("templates/a.html", text)) == []


def test_it_finds_tests_that_sleep_or_are_skipped() -> None:
    text = "import pytest\n@pytest.mark.skip\ndef test_it_waits():\n    time.sleep(1)\n    pytest.xfail()"
    found = patterns_in_test(SourceFile("tests/flags/test_a.py", text))
    assert sorted(finding.line for finding in found) == [2, 4, 5]
    assert list(patterns_in_test(SourceFile("tests/servers.py", text))) == []


def test_it_reports_in_the_documented_form() -> None:
    text = "def f():\n    task.delay()\n    eval('1')\n"
    assert patterns_report(patterns_in_python(SourceFile("flags/workflows.py", text))) == [
        "FORBIDDEN PATTERNS DETECTED: 2",
        "- flags/workflows.py:2 a task sent straight to the broker",
        "- flags/workflows.py:3 eval() or exec()",
        "",
        "Instead of a task sent straight to the broker: outbox_publish() in the workflow, or beat's schedule.",
        "Instead of eval() or exec(): a registered name that is looked up; nothing recorded is ever code.",
    ]
    assert patterns_report([]) == ["No forbidden patterns."]


def test_it_allows_only_files_that_exist() -> None:
    allowed = {path for rule in patterns.RULES for path in rule.allowed}
    assert allowed <= {source.path for source in python_files(ROOT)}
    assert len(patterns.RULES) >= 12
