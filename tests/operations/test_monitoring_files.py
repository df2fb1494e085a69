"""What ships for Prometheus and Grafana: promtool takes it, alerts fire when they should, and every name exists."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from prometheus_client.metrics_core import Metric

from readiness.infra.metrics import PROCESS
from readiness.operations.adapters import metric_families
from readiness.operations.services.health import WorkerSigns
from readiness.operations.services.monitoring import (
    BrokerReading,
    Captured,
    DatabaseReading,
    JobReading,
    OutboxBacklog,
    Reading,
    Server,
    TableSize,
)
from readiness.operations.services.monitoring_files import CONFIG, DASHBOARD, RULES, SHIPPED
from tests.operations.alerts import FIRING, HEALTHY, QUIET, Case
from tests.promtool import run_promtool

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 21, tzinfo=UTC)
_NAME = re.compile(r"\b(readiness_\w+|job\w*:readiness_\w+(?::\w+)?)")
_SELECTOR = re.compile(r"\b(readiness_\w+)\{([^}]*)\}")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((SHIPPED / RULES).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHIPPED / DASHBOARD).read_text())
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    """Of the dashboard, with Grafana's variables filled in."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [expr.replace("$__rate_interval", "5m").replace("$job", "readiness") for expr in found]


# --- every name exists -----------------------------------------------------------------------------------------------


def everything() -> Iterator[Metric]:
    """Every metric that /metrics can have, on either database."""
    yield from PROCESS.collect()
    jobs = (JobReading("retention", NOW, failed=False, took_s=1.0),)
    for server in (
        Server("sqlite", 0.001, 1, wal_bytes=1),
        Server("postgresql", 0.001, 1, tables=(TableSize("t", 1, 1),), connections={"idle": 1}, connections_limit=9),
    ):
        captured = Captured({"ERROR": 1}, {("sdk", "other"): 1}, NOW, NOW)
        database = DatabaseReading(server, captured, {"P0": 0}, OutboxBacklog(0, 0, 0.0), jobs)
        broker = BrokerReading(0, 0, 1, 1, WorkerSigns(NOW, ("w",), (), 1))
        yield from metric_families(Reading("1", server.vendor, database, broker, 1, 2))


def labels_by_name() -> dict[str, set[str]]:
    """sample name → its labels."""
    declared = {
        metric.name: set(instrument._labelnames) for instrument in _instruments() for metric in instrument.describe()
    }
    known: dict[str, set[str]] = {}
    for metric in everything():
        own = declared.get(metric.name, {label for sample in metric.samples for label in sample.labels})
        for suffix in _SUFFIXES[metric.type]:
            known[metric.name + suffix] = own | ({"le"} if suffix == "_bucket" else set())
    return known


def _instruments() -> list[Any]:
    return list(PROCESS._collector_to_names)


def names_in(expr: str) -> set[str]:
    return set(_NAME.findall(re.sub(r'"[^"]*"', '""', expr)))


def test_rules_and_dashboard_name_only_what_there_is() -> None:
    known = labels_by_name()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for expr in [*expressions(), *(rule["expr"] for rule in rules())]:
        assert names_in(expr) <= known.keys() | recorded, expr
        for name, selector in _SELECTOR.findall(re.sub(r'"[^"]*"', '""', expr)):
            asked = {re.split("[!=]", part)[0] for part in selector.split(",") if part}
            assert asked <= known[name] | {"job", "instance"}, expr


def test_no_label_is_one_of_prometheus_own() -> None:
    for name, labels in labels_by_name().items():
        assert not labels & {"job", "instance"}, name


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for expr in expressions() for name in names_in(expr)}
    for metric in everything():
        assert {metric.name + suffix for suffix in _SUFFIXES[metric.type]} & shown, metric.name


# --- promtool --------------------------------------------------------------------------------------------------------


def test_promtool_takes_the_rules() -> None:
    assert "SUCCESS" in run_promtool("check", "rules", SHIPPED / RULES)


def test_promtool_takes_the_dashboards_expressions(tmp_path: Path) -> None:
    as_rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": as_rules}]}))
    run_promtool("check", "rules", path)


def _run(tmp_path: Path, cases: list[Case], *, fires: bool) -> None:
    tests = []
    for case in cases:
        series = {**HEALTHY, **case.changed}
        expr = f'count by (alertname) (ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
        expected = [{"labels": f'{{alertname="{case.alert}"}}', "value": case.alerts}] if fires else []
        tests.append({
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items() if values],
            "promql_expr_test": [{"expr": expr, "eval_time": f"{case.minutes}m", "exp_samples": expected}],
        })  # fmt: skip
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(SHIPPED / RULES)], "evaluation_interval": "1m", "tests": tests}))
    run_promtool("test", "rules", path)


def test_a_healthy_console_alerts_nobody(tmp_path: Path) -> None:
    path = tmp_path / "healthy.yml"
    series = [{"series": name, "values": values} for name, values in HEALTHY.items()]
    looks = [
        {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{minutes}m", "exp_samples": []}
        for minutes in (10, 60, 180)
    ]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": looks}
    path.write_text(
        yaml.safe_dump({"rule_files": [str(SHIPPED / RULES)], "evaluation_interval": "1m", "tests": [test]})
    )
    run_promtool("test", "rules", path)


def test_each_alert_fires(tmp_path: Path) -> None:
    assert {case.alert for case in FIRING} == {rule["alert"] for rule in rules() if "alert" in rule}
    _run(tmp_path, FIRING, fires=True)


def test_what_only_looks_alarming_alerts_nobody(tmp_path: Path) -> None:
    _run(tmp_path, QUIET, fires=False)


def test_the_alerts_texts_are_filled_in(tmp_path: Path) -> None:
    """One in full, as it would reach somebody."""
    case = next(case for case in FIRING if case.alert == "ReadinessCaptureUnavailable")
    alert = next(rule for rule in rules() if rule.get("alert") == case.alert)
    series = [{"series": name, "values": values} for name, values in {**HEALTHY, **case.changed}.items()]
    texts = {**alert["annotations"], "summary": "Capture fails 14.29% of its requests."}
    expected = {"exp_labels": {"severity": "critical", "job": "readiness"}, "exp_annotations": texts}
    look = {"eval_time": "60m", "alertname": case.alert, "exp_alerts": [expected]}
    test = {"interval": "1m", "input_series": series, "alert_rule_test": [look]}
    path = tmp_path / "texts.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(SHIPPED / RULES)], "evaluation_interval": "1m", "tests": [test]})
    )
    run_promtool("test", "rules", path)


# --- what a person reads ---------------------------------------------------------------------------------------------


def test_each_alert_says_what_happened_and_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["alert"].startswith("Readiness")
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert rule["annotations"].keys() == {"summary", "description", "runbook"}, rule["alert"]
            assert all(text.endswith(".") for text in rule["annotations"].values()), rule["alert"]


def test_the_dashboard_is_whole() -> None:
    everything_on_it = dashboard()["panels"]
    ids = [panel["id"] for panel in everything_on_it]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in everything_on_it:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
        assert all('job="$job"' in target["expr"] for target in panel["targets"]), panel["title"]


# --- export_monitoring -----------------------------------------------------------------------------------------------


def test_it_writes_what_prometheus_can_start_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "monitoring"
    call_command("export_monitoring", str(place), url="https://console.example.com")
    assert {path.name for path in place.iterdir()} == {CONFIG, RULES, DASHBOARD}
    run_promtool("check", "config", place / CONFIG)
    scrape = yaml.safe_load((place / CONFIG).read_text())["scrape_configs"][0]
    assert (scrape["scheme"], scrape["static_configs"]) == ("https", [{"targets": ["console.example.com"]}])
    token_file = Path(scrape["authorization"]["credentials_file"])
    assert token_file.read_text() == settings.READINESS_METRICS_TOKEN
    assert str(token_file) in capsys.readouterr().out


def test_it_leaves_an_edited_configuration_alone(tmp_path: Path) -> None:
    call_command("export_monitoring", str(tmp_path))
    (tmp_path / CONFIG).write_text("mine")
    (tmp_path / RULES).write_text("old")
    call_command("export_monitoring", str(tmp_path))
    assert (tmp_path / CONFIG).read_text() == "mine"
    assert (tmp_path / RULES).read_text() == (SHIPPED / RULES).read_text()


@pytest.mark.parametrize("url", ["console.example.com", ""])
def test_it_refuses_an_address_without_a_scheme(tmp_path: Path, url: str) -> None:
    with pytest.raises(CommandError, match="give scheme and host"):
        call_command("export_monitoring", str(tmp_path / "new"), url=url)
