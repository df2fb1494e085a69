"""Use-cases of the subject; import them from here."""

from incidents.errors.workflows.keeping import Erasure, erasable_count, errors_keep, events_erase, person_erase
from incidents.errors.workflows.limiting import group_admit, key_admit, key_is_full, limits_default
from incidents.errors.workflows.notices import (
    capture_limits_set,
    capture_settings_find,
    drops_forget,
    incident_drops_read,
    incidents_sampled,
    key_lines_read,
    limit_notice_mail,
    limit_notices_read,
    limit_notices_see,
    windows_forget,
)
from incidents.errors.workflows.otlp import (
    OtlpOutcome,
    SpansSifted,
    logs_store,
    spans_sift,
    trace_spans_read,
    traces_store,
)
from incidents.errors.workflows.own_errors import CONSOLE_PROJECT, console_error_record
from incidents.errors.workflows.reading import error_find
from incidents.errors.workflows.reports import (
    JobOfProduct,
    ProjectDrops,
    check_ins_record,
    product_jobs_read,
    reports_forget,
    sdk_drops_read,
    user_reports_read,
    user_reports_record,
)
from incidents.errors.workflows.retention import (
    PARTITIONS_AHEAD,
    cleanup_old_errors,
    old_errors_count,
    partitions_ensure,
)
from incidents.errors.workflows.rollups import rollups_compare, rollups_earliest, rollups_repair
from incidents.errors.workflows.storing import (
    drops_record,
    errors_commit,
    errors_make_and_store,
    errors_settle,
    errors_store,
    keys,
)

__all__ = [
    "CONSOLE_PROJECT",
    "PARTITIONS_AHEAD",
    "Erasure",
    "JobOfProduct",
    "OtlpOutcome",
    "ProjectDrops",
    "SpansSifted",
    "capture_limits_set",
    "capture_settings_find",
    "check_ins_record",
    "cleanup_old_errors",
    "console_error_record",
    "drops_forget",
    "drops_record",
    "erasable_count",
    "error_find",
    "errors_commit",
    "errors_keep",
    "errors_make_and_store",
    "errors_settle",
    "errors_store",
    "events_erase",
    "group_admit",
    "incident_drops_read",
    "incidents_sampled",
    "key_admit",
    "key_is_full",
    "key_lines_read",
    "keys",
    "limit_notice_mail",
    "limit_notices_read",
    "limit_notices_see",
    "limits_default",
    "logs_store",
    "old_errors_count",
    "partitions_ensure",
    "person_erase",
    "product_jobs_read",
    "reports_forget",
    "rollups_compare",
    "rollups_earliest",
    "rollups_repair",
    "sdk_drops_read",
    "spans_sift",
    "trace_spans_read",
    "traces_store",
    "user_reports_read",
    "user_reports_record",
    "windows_forget",
]
