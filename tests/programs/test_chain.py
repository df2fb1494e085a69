"""The chain of verdicts: any change breaks it, a permitted erasure does not."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.chain import (
    FIRST_LINK,
    ChainEntry,
    ChainState,
    body_digest,
    chain_link,
    chain_verify,
)

KEY = "the installation's key"


def chain(length: int = 4, key: str = KEY) -> list[ChainEntry]:
    entries, previous = [], FIRST_LINK
    for sequence in range(1, length + 1):
        head, body, salt = {"verdict": "NO-GO", "score": str(sequence)}, f'{{"n": {sequence}}}', f"salt{sequence}"
        digest = body_digest(salt=salt, body=body)
        previous = chain_link(key=key, previous=previous, sequence=sequence, head=head, digest=digest)
        entries.append(ChainEntry(sequence=sequence, head=head, digest=digest, link=previous, body=body, salt=salt))
    return entries


def test_it_holds_as_it_was_made() -> None:
    assert chain_verify(key=KEY, entries=chain()).state is ChainState.INTACT
    assert chain_verify(key=KEY, entries=[]).state is ChainState.INTACT


def test_an_erased_body_leaves_a_tombstone() -> None:
    entries = chain()
    entries[1] = replace(entries[1], body=None, salt=None)
    report = chain_verify(key=KEY, entries=entries)
    assert (report.state, report.erased) == (ChainState.ERASED, (2,))


def test_who_lacks_the_key_cannot_make_a_chain_that_holds() -> None:
    report = chain_verify(key=KEY, entries=chain(key="another"))
    assert (report.state, report.tampered_at) == (ChainState.TAMPERED, 1)


@given(
    position=st.integers(0, 3),
    what=st.sampled_from(["body", "salt", "verdict", "score", "digest", "link", "gone", "moved"]),
)
def test_any_change_is_seen(position: int, what: str) -> None:
    entries = chain()
    entry = entries[position]
    if what in ("body", "salt", "digest", "link"):
        forged: dict[str, Any] = {what: "0" * 64}
        entries[position] = replace(entry, **forged)
    elif what in ("verdict", "score"):
        entries[position] = replace(entry, head={**entry.head, what: "GO"})
    elif what == "gone":
        del entries[position]
        if position == 3:  # a chain that is only cut short still holds
            assert chain_verify(key=KEY, entries=entries).state is ChainState.INTACT
            return
    else:
        entries.insert(0, entries.pop(position))
        if position == 0:
            entries.append(entries.pop(0))
    assert chain_verify(key=KEY, entries=entries).state is ChainState.TAMPERED
