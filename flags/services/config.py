"""What `GET /config` answers: which row wins, the JSON, its ETag, and when a client's copy is still good."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from flags.services.values import PRODUCTION, FlagType, JsonValue, value_public

INSTALLATION = 0  # the project id of the rows that hold for everybody

_ENCODER = msgspec.json.Encoder(decimal_format="number")
# RFC 9110, section 8.8.3: etagc is any visible character but the double quote, and obs-text.
_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One stored flag, as resolution needs it. `value` and `safe_value` are in their stored form."""

    project_id: int
    environment: str
    key: str
    type: FlagType
    value: JsonValue
    safe_value: JsonValue
    killed: bool
    public: bool

    @property
    def effective(self) -> JsonValue:
        """What the flag says now: a killed one says its declared safe variant."""
        return self.safe_value if self.killed else self.value


@dataclass(frozen=True, slots=True)
class ConfigDocument:
    """The encoded answer and its strong entity tag, quotes included."""

    body: bytes
    etag: str


def config_resolve(*, rows: Iterable[FlagRow], project_id: int, environment: str) -> dict[str, FlagRow]:
    """Which row speaks for each key. The nearest wins: the project's in this environment, the project's in
    production, the installation's in this environment, the installation's in production.

    One exception: while the installation's row is killed, it speaks, whatever a project has set: a kill is not undone
    by an override. Rows of other projects and environments are ignored.
    """
    chosen: dict[str, tuple[int, FlagRow]] = {}
    installation: dict[str, tuple[int, FlagRow]] = {}
    for row in rows:
        if row.project_id not in (project_id, INSTALLATION) or row.environment not in (environment, PRODUCTION):
            continue
        rank = (2 if row.project_id == INSTALLATION else 0) + (0 if row.environment == environment else 1)
        if row.key not in chosen or rank < chosen[row.key][0]:
            chosen[row.key] = (rank, row)
        if row.project_id == INSTALLATION and (row.key not in installation or rank < installation[row.key][0]):
            installation[row.key] = (rank, row)
    killed = {key: row for key, (_, row) in installation.items() if row.killed}
    return {key: killed.get(key, row) for key, (_, row) in chosen.items()}


def config_payload(
    *, rows: Iterable[FlagRow], project_id: int, environment: str, public_only: bool
) -> dict[str, JsonValue | Decimal]:
    """`{"syncEnabled": true, "minIntervalSec": 900, …}`: every flag's effective value, keys in order."""
    resolved = config_resolve(rows=rows, project_id=project_id, environment=environment)
    return {
        key: value_public(type=row.type, value=row.effective)
        for key, row in sorted(resolved.items())
        if row.public or not public_only
    }


def config_encode(*, payload: dict[str, JsonValue | Decimal]) -> ConfigDocument:
    """The answer's bytes, and a tag that is a hash of them: equal answers have equal tags on every machine."""
    body = _ENCODER.encode(payload)
    return ConfigDocument(body=body, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def etag_matches(*, header: str, etag: str) -> bool:
    """Whether `If-None-Match: header` names this tag, by weak comparison (RFC 9110, sections 8.8.3.2 and 13.1.2):
    a proxy that compresses turns `"x"` into `W/"x"`. A header that is no list of tags matches nothing.
    """
    if header == etag:
        return True
    header = header.strip()
    if header == "*":
        return True
    at, wanted, found = 0, etag.removeprefix("W/"), False
    while at < len(header):
        if header[at] in " \t,":
            at += 1
            continue
        tag = _ENTITY_TAG.match(header, at)
        if tag is None:
            return False
        found = found or tag[1] == wanted
        at = tag.end()
    return found
