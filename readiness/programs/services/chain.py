"""The chain of recorded verdicts: each link is an HMAC over its entry and the link before it.

A link covers a salted digest of the body, not the body: body and salt sit beside it, so that a permitted erasure leaves
a tombstone and verification says *erased*, not *tampered*. The key is kept outside the database; whoever can write the
tables but does not know it cannot make a link that holds. What a chain cannot show by itself is that its newest
entries were cut off: compare its length with a backup's.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

FIRST_LINK = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEntry:
    """One recorded verdict. `body` and `salt` are None once erased; `head` holds the entry's own columns."""

    sequence: int
    head: dict[str, str]
    digest: str
    link: str
    body: str | None
    salt: str | None


class ChainState(StrEnum):
    INTACT = "intact"
    ERASED = "erased"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """`state` is the worst of the entries'; `tampered_at` the first sequence number that does not hold."""

    state: ChainState
    entries: int
    erased: tuple[int, ...]
    tampered_at: int | None
    reason: str = ""


def body_digest(*, salt: str, body: str) -> str:
    """SHA-256 over salt and body, in hex. The salt keeps a short body from being guessed by its digest."""
    return hashlib.sha256(f"{salt}\n{body}".encode()).hexdigest()


def chain_link(*, key: str, previous: str, sequence: int, head: dict[str, str], digest: str) -> str:
    """HMAC-SHA256 under the installation's key over the link before, the entry's columns and its body's digest."""
    material = json.dumps(
        {"previous": previous, "sequence": sequence, "head": head, "digest": digest}, sort_keys=True, ensure_ascii=True
    )
    return hmac.new(key.encode(), material.encode(), hashlib.sha256).hexdigest()


def chain_verify(*, key: str, entries: Iterable[ChainEntry]) -> ChainReport:
    """Walk the entries in order. Stops at the first one that does not hold."""
    previous, count = FIRST_LINK, 0
    erased: list[int] = []
    for entry in entries:
        count += 1
        reason = _broken(key=key, previous=previous, expected=count, entry=entry)
        if reason:
            return ChainReport(
                state=ChainState.TAMPERED,
                entries=count,
                erased=tuple(erased),
                tampered_at=entry.sequence,
                reason=reason,
            )
        if entry.body is None:
            erased.append(entry.sequence)
        previous = entry.link
    state = ChainState.ERASED if erased else ChainState.INTACT
    return ChainReport(state=state, entries=count, erased=tuple(erased), tampered_at=None)


def _broken(*, key: str, previous: str, expected: int, entry: ChainEntry) -> str:
    if entry.sequence != expected:
        return f"entry {expected} is missing"
    link = chain_link(key=key, previous=previous, sequence=entry.sequence, head=entry.head, digest=entry.digest)
    if not hmac.compare_digest(link, entry.link):
        return f"the link of entry {entry.sequence} does not fit what stands before it"
    if entry.body is None or entry.salt is None:
        return ""
    if not hmac.compare_digest(body_digest(salt=entry.salt, body=entry.body), entry.digest):
        return f"the body of entry {entry.sequence} is not the one that was recorded"
    return ""
