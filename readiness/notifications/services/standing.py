"""How a channel stands, what a rule says, and whether anybody would hear of anything: in a reader's words."""

from collections.abc import Sequence
from dataclasses import dataclass

from readiness.notifications.services.kinds import kind_of


@dataclass(frozen=True, slots=True)
class ChannelStanding:
    """`kind` is a pill's; `reaches`: what is sent by it is likely to arrive."""

    kind: str
    word: str
    reaches: bool


def channel_standing(*, enabled: bool, usable: bool, failures: int, ever_ok: bool) -> ChannelStanding:
    """The most pressing first."""
    if not enabled:
        return ChannelStanding("neutral", "Switched off", False)
    if not usable:
        return ChannelStanding("warn", "No mail server", False)
    if failures:
        return ChannelStanding("fail", "Failing", False)
    return ChannelStanding("pass", "Works", True) if ever_ok else ChannelStanding("info", "Not tried yet", True)


def gap_words(*, usable: int, heard: int, mail_server: bool) -> str:
    """Why nobody would be told, with the next step; empty when somebody would be."""
    if heard:
        return ""
    if usable:
        return "Nobody is told of anything: every rule is muted or removed. Add a rule under “Who is told?”."
    if not mail_server:
        return "Nobody is told of anything: set EMAIL_URL and start the console again, or add a webhook."
    return "Nobody is told of anything: every channel is switched off. Switch one on, or add one."


def rule_words(*, kinds: Sequence[str], minimum_priority: str, projects: Sequence[str]) -> str:
    """`Control broke, Control turned stale; P1 and above; of acme only.`"""
    usual = "The usual: P0 and P1, what recurs or breaks, and edits that wait for a review"
    what = ", ".join(kind_of(kind).title for kind in kinds) if kinds else usual
    above = {"P0": "; P0 only", "P1": "; P1 and above", "P2": "; P2 and above"}.get(minimum_priority, "")
    whose = f"; of {', '.join(projects)} only" if projects else ""
    return f"{what}{above}{whose}."
