"""What an envelope brings beside its event: users' words, check-ins, the SDK's report of what it dropped."""

from collections.abc import Mapping, Sequence
from typing import Any

from incidents.errors.services.check_ins import JobRunReport, check_in_read
from incidents.errors.services.feedback import UserSaid, feedback_read, hex_id, user_report_read
from incidents.errors.services.framing import Item
from incidents.errors.services.reports import client_report_read
from incidents.errors.workflows import capture_rules, check_ins_record, drops_record, keys, user_reports_record
from readiness.infra.redaction import Rules
from readiness.tenants.services.callers import DsnCaller


def items_store(*, items: Sequence[Item], header: Mapping[str, Any], caller: DsnCaller) -> None:
    """Store what is known of the items; the others are skipped. After their errors, which users' words refer to."""
    trace = header.get("trace")
    trace_id = hex_id(trace.get("trace_id")) if isinstance(trace, dict) else ""
    sdk_drops: list[tuple[str, str, int]] = []
    refused: list[tuple[str, str, int]] = []
    said: list[UserSaid] = []
    check_ins: list[JobRunReport] = []
    rules = capture_rules(caller.project_id).rules
    for item in items:
        if item.type == "client_report":
            sdk_drops += client_report_read(item.payload)
        elif item.type in ("user_report", "feedback"):
            words = _words(item, header, trace_id, rules)
            if words is None:
                refused.append(("feedback", "invalid", 1))
            else:
                said.append(words)
        elif item.type == "check_in":
            check_in = check_in_read(item.payload, rules)
            if check_in is None:
                refused.append(("monitor", "invalid", 1))
            else:
                check_ins.append(check_in)
    if said:
        user_reports_record(project_id=caller.project_id, reports=said)
    if check_ins and (many := check_ins_record(project_id=caller.project_id, reports=check_ins)):
        refused.append(("monitor", "too_many_monitors", many))
    for source, drops in (("sdk", sdk_drops), ("console", refused)):
        if drops:
            drops_record(project_id=caller.project_id, source=source, drops=drops, key_kind="dsn", key_id=caller.key_id)


def _words(item: Item, header: Mapping[str, Any], trace_id: str, rules: Rules) -> UserSaid | None:
    if item.type == "user_report":
        return user_report_read(payload=item.payload, trace_id=trace_id, keys=keys(), rules=rules)
    return feedback_read(
        payload=item.payload, event_id=header.get("event_id"), trace_id=trace_id, keys=keys(), rules=rules
    )
