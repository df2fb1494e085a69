"""What `POST /v1/evidence` may carry: a JSON object or a JUnit report, read into a draft. Bad fields are all named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from readiness.infra.refusals import FieldError, Invalid, Malformed
from readiness.programs.services.evidence import EvidenceDraft
from readiness.programs.services.facts import Outcome
from readiness.programs.services.junit import JUnitError, junit_read

_FIELDS = frozenset(
    (
        "kind",
        "value",
        "unit",
        "program",
        "ref",
        "commit",
        "url",
        "collected_at",
        "valid_until",
        "note",
        "title",
        "outcome",
    )
)
_COMMIT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,63}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceBody:
    """A draft and the program that it is for, None for evidence that stands by itself."""

    draft: EvidenceDraft
    program: str | None


def evidence_json_read(raw: bytes) -> EvidenceBody:
    """The JSON form. Raises Malformed for no JSON object, Invalid naming every field that cannot be."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("The body is no JSON. Send one JSON object, or JUnit XML as application/xml.") from None
    if not isinstance(body, dict):
        raise Malformed('The body is no JSON object. Send one object such as {"kind": "coverage", …}.')
    reader = _Fields(body)
    for name in sorted(set(body) - _FIELDS):
        reader.error(name, f"Not known here; known are {', '.join(sorted(_FIELDS))}.")
    kind = reader.text("kind", required=True)
    value, unit = reader.number("value"), reader.text("unit")
    shown = f"{value} {unit}".strip() if value is not None else ""
    return _body(
        reader,
        kind=kind,
        title=reader.text("title") or f"{kind} {shown}".strip(),
        note=reader.text("note"),
        outcome=reader.outcome("outcome"),
        value=value,
        unit=unit,
        collected_at=reader.time("collected_at", required=True),
    )


def evidence_junit_read(*, raw: bytes, query: Mapping[str, str], received_at: datetime) -> EvidenceBody:
    """JUnit XML with `?kind=&commit=&program=&ref=&url=&collected_at=`; the outcome follows from the test cases.

    Raises Malformed for XML that cannot be read, Invalid for a bad parameter.
    """
    try:
        report = junit_read(raw)
    except JUnitError as error:
        raise Malformed(str(error)) from None
    known = ("kind", "commit", "program", "ref", "url", "collected_at", "valid_until", "title")
    reader = _Fields({name: query[name] for name in known if query.get(name)})
    kind = reader.text("kind") or "tests"
    return _body(
        reader,
        kind=kind,
        title=reader.text("title") or f"{kind}: {report.passed} of {report.total} passed",
        note=report.summary[:1000],
        outcome=report.outcome,
        value=Decimal(report.passed),
        unit="tests",
        collected_at=reader.time("collected_at") or received_at,
    )


def _body(
    reader: "_Fields",
    *,
    kind: str,
    title: str,
    note: str,
    outcome: Outcome,
    value: Decimal | None,
    unit: str,
    collected_at: datetime | None,
) -> EvidenceBody:
    """The fields that both forms share, and the refusal if any field was bad."""
    url, commit, ref = reader.text("url"), reader.commit("commit"), reader.text("ref")
    valid_until, program = reader.time("valid_until"), reader.text("program") or None
    if ref and program is None:
        reader.error("program", "`ref` names a criterion of a program; say of which one.")
    reader.raise_errors()
    assert collected_at is not None  # its absence is an error that was raised
    draft = EvidenceDraft(
        kind=kind,
        title=title,
        url=url,
        note=note,
        outcome=outcome,
        value=value,
        unit=unit,
        commit=commit,
        ref=ref,
        collected_at=collected_at,
        valid_until=valid_until,
    )
    return EvidenceBody(draft=draft, program=program)


class _Fields:
    """Reads fields one by one and remembers what was wrong with each."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.errors: list[FieldError] = []

    def error(self, name: str, detail: str) -> None:
        pointer = name.replace("~", "~0").replace("/", "~1")[:60]
        self.errors.append(FieldError(f"/{pointer}", detail))

    def raise_errors(self) -> None:
        if self.errors:
            raise Invalid("The evidence cannot be recorded; `errors` names the fields.", errors=self.errors[:20])

    def text(self, name: str, *, required: bool = False) -> str:
        value = self.body.get(name)
        if value is None:
            if required:
                self.error(name, "Missing; send it as text.")
            return ""
        if not isinstance(value, str) or "\x00" in value:
            self.error(name, "Send it as text.")
            return ""
        if required and not value.strip():
            self.error(name, "Empty; send it as text.")
        return value.strip()

    def commit(self, name: str) -> str:
        value = self.text(name)
        if value and not _COMMIT.fullmatch(value):
            self.error(name, "Send a commit hash or a tag, at most 64 characters.")
        return value

    def number(self, name: str) -> Decimal | None:
        value = self.body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float) or not _NUMBER.fullmatch(str(value)):
            self.error(name, 'Send a decimal as text, such as "87.5".')
            return None
        try:
            return Decimal(str(value))
        except InvalidOperation:
            self.error(name, 'Send a decimal as text, such as "87.5".')
            return None

    def outcome(self, name: str) -> Outcome:
        value = self.text(name)
        try:
            return Outcome(value)
        except ValueError:
            self.error(name, "One of passed, failed, skipped.")
            return Outcome.NONE

    def time(self, name: str, *, required: bool = False) -> datetime | None:
        value = self.text(name, required=required)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError(value)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.error(name, "Send an ISO 8601 time with its zone, such as 2026-02-19T12:00:00Z.")
            return None
