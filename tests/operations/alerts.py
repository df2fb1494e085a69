"""A healthy console as Prometheus sees it for three hours, and what makes each alert fire.

Series are in promtool's notation, one sample a minute: `1+2x180` is 1, 3, 5 … for 180 minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CAPTURE = 'route="/api/<project_id>/envelope/"'
REQUESTS = "readiness_http_request_duration_seconds"
COMMITS = "readiness_commit_duration_seconds"
DAY = 86_400


def one(name: str, labels: str = "") -> str:
    return f'{name}{{job="readiness",instance="a"{"," if labels else ""}{labels}}}'


def histogram(name: str, labels: str, *, quick: str, all_of_them: str) -> dict[str, str]:
    """Its buckets, so many of its observations under 0.1 s; the others under 30 s."""
    series = {one(f"{name}_bucket", f'{labels},le="{bound}"'): quick for bound in ("0.05", "0.1")}
    series |= {one(f"{name}_bucket", f'{labels},le="{bound}"'): all_of_them for bound in ("30.0", "+Inf")}
    return {**series, one(f"{name}_count", labels): all_of_them}


HEALTHY: dict[str, str] = {
    'up{job="readiness",instance="a"}': "1x180",
    **histogram(REQUESTS, f'{CAPTURE},code="200"', quick="0+60x180", all_of_them="0+60x180"),
    **histogram(COMMITS, 'queue="errors",outcome="committed"', quick="0+30x180", all_of_them="0+30x180"),
    one(f"{COMMITS}_count", 'queue="errors",outcome="failed"'): "0x180",
    one("readiness_capture_events_total", 'outcome="stored"'): "0+60x180",
    one("readiness_capture_refused_total", 'door="sentry",reason="forbidden"'): "0+1x180",
    one("readiness_capture_recent_drops", 'source="sdk",reason="sample_rate"'): "50x180",
    one("readiness_database_up"): "1x180",
    one("readiness_broker_up"): "1x180",
    one("readiness_capture_partitions_until_timestamp_seconds"): f"{7 * DAY}x180",
    one("readiness_disk_free_bytes"): "500x180",
    one("readiness_disk_size_bytes"): "1000x180",
    one("readiness_database_connections", 'state="idle"'): "8x180",
    one("readiness_database_connections_limit"): "100x180",
    one("readiness_workers"): "1x180",
    one("readiness_worker_slots", 'state="busy"'): "0x180",
    one("readiness_worker_slots", 'state="all"'): "1x180",
    one("readiness_worker_heartbeat_timestamp_seconds"): "0+60x180",
    one("readiness_tasks_sent_total", 'task="infra.heartbeat"'): "0+6x180",
    one("readiness_task_duration_seconds_count", 'task="operations.run_job",outcome="success"'): "0+12x180",
    one("readiness_queue_tasks", 'state="waiting"'): "2x180",
    one("readiness_outbox_messages", 'state="dead"'): "0x180",
    one("readiness_outbox_delay_seconds"): "3x180",
    one("readiness_job_failed", 'job_key="retention"'): "0x180",
    one("readiness_job_last_success_timestamp_seconds", 'job_key="retention"'): "0x180",
    one("readiness_process_starts_total", 'program="web"'): "2x180",
    one("readiness_incidents_open", 'priority="P0"'): "0x180",
}


@dataclass(frozen=True)
class Case:
    """What differs from HEALTHY (None: the series is gone), and that the alert fires then, `minutes` in."""

    alert: str
    changed: Mapping[str, str | None]
    minutes: int = 60
    alerts: int = 1


FAILING = {one(f"{REQUESTS}_count", f'{CAPTURE},code="503"'): "0+10x180"}
REFUSED = {one(f"{REQUESTS}_count", f'{CAPTURE},code="403"'): "0+10x180"}
NOTHING = {one("readiness_capture_events_total", 'outcome="stored"'): "7x180"}
FROZEN = {one("readiness_worker_heartbeat_timestamp_seconds"): "0+60x40 2400x140"}

FIRING = [
    Case("ReadinessDown", {'up{job="readiness",instance="a"}': "0x180"}),
    Case("ReadinessCaptureUnavailable", {**FAILING}),
    Case("ReadinessNothingAccepted", {**NOTHING, **FAILING}),
    Case("ReadinessNothingAccepted", {**NOTHING, **REFUSED}),
    Case(
        "ReadinessCaptureRefusing",
        {one("readiness_capture_refused_total", 'door="native",reason="invalid"'): "0+30x180"},
    ),
    Case("ReadinessDropsByLimit", {one("readiness_capture_recent_drops", 'source="console",reason="key"'): "12x180"}),
    Case(
        "ReadinessCaptureSlow",
        {**histogram(REQUESTS, f'{CAPTURE},code="200"', quick="0+50x180", all_of_them="0+60x180")},
    ),
    Case(
        "ReadinessCommitSlow",
        {**histogram(COMMITS, 'queue="errors",outcome="committed"', quick="0+20x180", all_of_them="0+30x180")},
    ),
    Case("ReadinessCommitFailing", {one(f"{COMMITS}_count", 'queue="errors",outcome="failed"'): "0+2x180"}),
    Case("ReadinessDatabaseDown", {one("readiness_database_up"): "1x30 0x150"}),
    Case("ReadinessDatabaseDown", {'readiness_database_up{job="readiness",instance="b"}': "0x180"}),
    Case("ReadinessPartitionMissing", {one("readiness_capture_partitions_until_timestamp_seconds"): f"{DAY}x180"}),
    Case("ReadinessDiskNearFull", {one("readiness_disk_free_bytes"): "50x180"}),
    Case("ReadinessDiskFillsSoon", {one("readiness_disk_free_bytes"): "900-1x180"}, minutes=120),
    Case("ReadinessConnectionsNearLimit", {one("readiness_database_connections", 'state="active"'): "80x180"}),
    Case("ReadinessBrokerDown", {one("readiness_broker_up"): "0x180"}),
    Case("ReadinessWorkerGone", {one("readiness_workers"): "0x180"}),
    Case("ReadinessHeartbeatOld", FROZEN),
    Case("ReadinessHeartbeatOld", {one("readiness_worker_heartbeat_timestamp_seconds"): "0x180"}),  # never
    Case("ReadinessWorkerBusy", {one("readiness_worker_slots", 'state="busy"'): "1x180"}),
    Case("ReadinessBeatSilent", {one("readiness_tasks_sent_total", 'task="infra.heartbeat"'): "9x180"}),
    Case("ReadinessQueueBacklog", {one("readiness_queue_tasks", 'state="waiting"'): "500x180"}),
    Case("ReadinessOutboxStuck", {one("readiness_outbox_delay_seconds"): "0+60x180"}),
    Case("ReadinessOutboxDead", {one("readiness_outbox_messages", 'state="dead"'): "2x180"}),
    Case("ReadinessJobFailed", {one("readiness_job_failed", 'job_key="retention"'): "1x180"}),
    Case(
        "ReadinessJobOverdue",
        {one("readiness_job_last_success_timestamp_seconds", 'job_key="retention"'): f"{-2 * DAY}x180"},
    ),
    Case(
        "ReadinessTasksFailing",
        {one("readiness_task_duration_seconds_count", 'task="operations.run_job",outcome="failure"'): "0+1x180"},
    ),
    Case("ReadinessProcessesRestart", {one("readiness_process_starts_total", 'program="web"'): "0+1x180"}),
    Case("ReadinessCriticalIncident", {one("readiness_incidents_open", 'priority="P0"'): "1x180"}),
]

# What looks alarming and is not.
QUIET = [
    # Nobody sends anything at all: a quiet night.
    Case(
        "ReadinessNothingAccepted",
        {**NOTHING, **{series: "9x180" for series in HEALTHY if series.startswith(REQUESTS)}},
    ),
    # A worker that is busy with a long task does not run the heartbeat.
    Case("ReadinessHeartbeatOld", {**FROZEN, one("readiness_worker_slots", 'state="busy"'): "1x180"}),
    # Limits are the limits' business, and an outage has an alert of its own.
    Case(
        "ReadinessCaptureRefusing",
        {one("readiness_capture_refused_total", 'door="sentry",reason="rate-limited"'): "0+90x180"},
    ),
    # SQLite has no partitions.
    Case("ReadinessPartitionMissing", {one("readiness_capture_partitions_until_timestamp_seconds"): None}),
    # A restart of everything begins at zero.
    Case("ReadinessCommitFailing", {one(f"{COMMITS}_count", 'queue="errors",outcome="failed"'): "5x50 0x130"}),
    # Three machines read the same outbox.
    Case(
        "ReadinessQueueBacklog",
        {f'readiness_queue_tasks{{job="readiness",instance="{i}",state="waiting"}}': "60x180" for i in "bcd"},
    ),
]
