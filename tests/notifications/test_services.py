"""Who hears of what, in which words, and what an answer means: the pure parts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from readiness.infra.refusals import Invalid
from readiness.notifications.services.kinds import KINDS, kind_of
from readiness.notifications.services.muting import mute_plan
from readiness.notifications.services.outcomes import Reached, answer_judge, rest_after, told_words
from readiness.notifications.services.rules import RuleFacts, rule_check, rule_matches
from readiness.notifications.services.signing import headers_sign, salt_make, salts_former, secret_make
from readiness.notifications.services.targets import target_check, target_clean, target_words
from readiness.notifications.services.wording import (
    Telling,
    digest_mail_compose,
    headline,
    mail_compose,
    slack_compose,
    slack_digest_compose,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_telling(**fields: object) -> Telling:
    known = {
        "kind": "incident.detected",
        "title": "INC-1 Broke",
        "text": "",
        "priority": "P1",
        "url": "http://c/",
        "at": NOW,
    }
    return Telling(**{**known, **fields})  # type: ignore[arg-type]


def matches(rule: RuleFacts, kind: str = "incident.detected", priority: str = "P2", project_id: int = 7) -> bool:
    return rule_matches(rule=rule, kind=kind, priority=priority, project_id=project_id, now=NOW)


# --- rules ------------------------------------------------------------------------------------------------------------


def test_the_usual_rule_tells_of_p0_and_p1_and_of_every_recurrence() -> None:
    usual = RuleFacts()
    assert [matches(usual, priority=p) for p in ("P0", "P1", "P2", "P3")] == [True, True, False, False]
    assert matches(usual, kind="incident.recurred", priority="P3")
    assert matches(usual, kind="control.broken", priority="")
    assert not matches(usual, kind="incident.acknowledged", priority="P0")
    assert matches(usual, kind="something.new", priority=""), "what nobody registered is better told than lost"


def test_a_rule_chooses_kinds_priorities_and_projects() -> None:
    assert matches(RuleFacts(kinds=["incident.detected"]), priority="P3")
    assert not matches(RuleFacts(kinds=["incident.detected"], minimum_priority="P2"), priority="P3")
    assert matches(RuleFacts(kinds=["control.due"], minimum_priority="P0"), kind="control.due", priority="")
    assert not matches(RuleFacts(projects=[8]), priority="P0")
    assert matches(RuleFacts(projects=[8]), priority="P0", project_id=0), "the installation's own concern everybody"


def test_a_muted_rule_keeps_quiet_until_its_time() -> None:
    assert not matches(RuleFacts(muted_until=NOW + timedelta(seconds=1)), priority="P0")
    assert matches(RuleFacts(muted_until=NOW), priority="P0")


@pytest.mark.parametrize(
    ("span", "until", "seconds"),
    [("hour", None, 3_600), ("day", NOW, 86_400), ("week", None, 604_800),
     ("until", NOW + timedelta(seconds=7), 7), ("until", NOW + timedelta(days=31), 31 * 86_400)],
)  # fmt: skip
def test_a_mute_ends(span: str, until: datetime | None, seconds: int) -> None:
    mute = mute_plan(span=span, until=until, because=" The  fair ", now=NOW)
    assert (mute.until - NOW).total_seconds() == seconds
    assert mute.because == "The fair"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [({"span": "year"}, "/span"), ({"span": "until"}, "/until"), ({"span": "until", "until": NOW}, "/until"),
     ({"span": "until", "until": NOW + timedelta(days=32)}, "/until"), ({"because": " "}, "/because"),
     ({"because": "x" * 201}, "/because"), ({"because": "a\x00b"}, "/because")],
)  # fmt: skip
def test_a_mute_without_an_end_or_a_reason_is_none(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        mute_plan(**{"span": "hour", "until": None, "because": "The fair", "now": NOW, **wrong})
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_a_test_goes_by_no_rule() -> None:
    assert not matches(RuleFacts(kinds=["test"]), kind="test")
    assert rule_check(kinds=["test"], minimum_priority="P9") != []
    assert rule_check(kinds=["control.due"], minimum_priority="P1") == []


def test_every_kind_has_a_title_of_its_own() -> None:
    assert len({kind.title for kind in KINDS}) == len(KINDS)
    assert kind_of("slo.burn_rate").title == "Slo burn rate"


# --- words ------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_title_gets_out_of_its_line_or_its_element(title: str, fact: str) -> None:
    telling = a_telling(title=title, text=title, facts={"Component": fact})
    head, mail = headline(telling), mail_compose(telling=telling, console="http://c")
    assert not any(c in head + mail.subject for c in "\r\n\x00\u202e\u2066")
    tags = {"h2", "/h2", "p", "/p", "table", "/table", "tr", "/tr", "th align=left", "/th", "td", "/td", "small",
            "/small", "br", 'a href="http://c/"', "/a"}  # fmt: skip
    assert {part.split(">")[0] for part in mail.html.split("<")[1:]} <= tags
    for block in slack_compose(telling=telling)["blocks"]:  # type: ignore[attr-defined]
        words = str(block.get("text", {}).get("text", "")) + "".join(e["text"] for e in block.get("elements", []))
        assert words.count("<") == words.count("<http://c/|")


def test_a_summary_keeps_its_lines() -> None:
    telling = a_telling(text="Two are open.\nINC-1 <b>\r\nINC-2\x00")
    mail = mail_compose(telling=telling, console="http://c")
    assert "Two are open.\nINC-1 <b>\nINC-2\n" in mail.text
    assert "Two are open.<br>INC-1 &lt;b&gt;<br>INC-2" in mail.html
    section = slack_compose(telling=telling)["blocks"][1]  # type: ignore[index]
    assert section["text"]["text"] == "Two are open.\nINC-1 &lt;b&gt;\nINC-2"


def test_chat_is_given_nothing_that_it_would_act_on() -> None:
    """Mattermost reads `@channel` and Markdown in `text`, and knows no blocks; Slack links what looks like a link."""
    said = "@channel @here [free](https://evil.test) <!everyone> ![x](http://evil.test/x.png) `c` *b*"
    telling = a_telling(title=said, text=said, facts={"Component": said}, url="http://c/incidents/INC-1/")
    composed = slack_compose(telling=telling)
    blocks: Any = composed["blocks"]
    words = [block["text"] for block in blocks[:2]] + blocks[2]["elements"]
    for text in (
        composed["text"],
        slack_digest_compose(tellings=[telling], total=2)["text"],
        *(w["text"] for w in words),
    ):
        assert "@c" not in text
        assert "@h" not in text
        assert "](" not in text
        assert "<!" not in text
    assert all(word["verbatim"] is True for word in words)
    assert str(composed["text"]).endswith(" <http://c/incidents/INC-1/>"), (
        "the way to the console, for who has no blocks"
    )
    assert str(composed["text"]).count("://") == 1


def test_a_digest_lists_and_says_how_many_more() -> None:
    tellings = [a_telling(title=f"INC-{n}") for n in range(50)]
    mail = digest_mail_compose(tellings=tellings, total=90, console="http://c")
    assert mail.subject == "Readiness: 90 more notices within a minute"
    assert "INC-49" in mail.text
    assert "and 40 more" in mail.text
    slack = slack_digest_compose(tellings=tellings, total=90)
    assert len(slack["blocks"]) == 7  # type: ignore[arg-type]
    assert all(len(block["text"]["text"]) <= 3_000 for block in slack["blocks"])  # type: ignore[attr-defined]


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "target"),
    [("email", ""), ("email", "ada"), ("email", "a@b.test\nBcc: c@d.test"), ("email", "a@b.test " * 21), ("fax", "1"),
     ("slack", "hooks.slack.test"), ("webhook", "ftp://x.test/"), ("webhook", "https://u:p@x.test/")],
)  # fmt: skip
def test_it_refuses_what_leads_nowhere(kind: str, target: str) -> None:
    assert target_check(kind=kind, target=target)


def test_it_takes_addresses_and_urls_and_shows_no_secret() -> None:
    assert target_check(kind="email", target="founders, ada@b.test") == []
    assert target_clean(kind="email", target="ada@b.test, ada@b.test\nfounders") == "ada@b.test\nfounders"
    assert target_words(kind="email", target="founders\nada@b.test") == "all founders, ada@b.test"
    assert target_check(kind="slack", target="https://hooks.slack.test/T0/B0/s3cret") == []
    assert target_words(kind="slack", target="https://hooks.slack.test/T0/B0/s3cret") == "https://hooks.slack.test/…"


# --- signatures, answers, rests ---------------------------------------------------------------------------------------


def test_the_secret_follows_from_the_salt_and_the_installations_key() -> None:
    salt = salt_make()
    secret = secret_make(salt=salt, hash_key="k")
    assert secret == secret_make(salt=salt, hash_key="k")
    assert len({secret, secret_make(salt=salt, hash_key="other"), secret_make(salt=salt_make(), hash_key="k")}) == 3
    now = datetime.now(UTC)
    headers = headers_sign(message_id="msg_1", at=now, body="{}", signing=[secret_make(salt="x", hash_key="k"), secret])
    assert Webhook(secret).verify(b"{}", headers) == {}


def test_the_salts_before_the_present_one_sign_on_and_are_bounded() -> None:
    assert salts_former(salt="b", former="a", still=True) == "b a"
    assert salts_former(salt="b", former="a", still=False) == "b"
    many = ""
    for number in range(20):
        many = salts_former(salt=salt_make(), former=many, still=True)
        assert len(many.split()) == min(number + 1, 5)
    assert len(many) <= 200, "the column's length"


def test_the_signature_is_the_specifications() -> None:
    """The example of the specification's own libraries."""
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = headers_sign(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=at,
        body='{"test": 2432232314}',
        signing=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "arrived", "final", "gone"),
    [(200, True, False, False), (204, True, False, False), (301, False, False, False), (404, False, False, False),
     (410, False, True, True), (429, False, False, False), (500, False, False, False)],
)  # fmt: skip
def test_what_an_answer_means(status: int, arrived: bool, final: bool, gone: bool) -> None:
    result = answer_judge(host="h", status=status, reason="", location_host="", retry_after="", now=NOW)
    assert (result.arrived, result.final, result.gone) == (arrived, final, gone)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("", 0), ("soon", 0), ("-5", 0), ("9" * 30, 86_400), ("١", 0),
     ("Sun, 01 Mar 2026 12:10:00 GMT", 600), ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
     ("Sun, 01 Mar 9999 11:00:00 GMT", 86_400), ("Sun, 99 Mar 2026 12:10:00 GMT", 0),
     ("Sun, 01 Mar 0001 00:00:00 +2359", 0)],
)  # fmt: skip
def test_a_pause_that_is_asked_for_is_bounded(said: str, seconds: int) -> None:
    result = answer_judge(host="h", status=503, reason="", location_host="", retry_after=said, now=NOW)
    assert result.retry_after == timedelta(seconds=seconds)


def test_a_channel_rests_from_the_third_failure_and_never_long() -> None:
    rests = [rest_after(failures=failures, now=NOW) for failures in (1, 2, 3, 4, 5, 50)]
    assert rests[:2] == [None, None]
    seconds = [(rest - NOW).total_seconds() for rest in rests[2:] if rest is not None]
    assert seconds == [30, 60, 120, 300]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5), st.data())
def test_the_timeline_is_written_in_one_moment_only(states: list[tuple[bool, bool]], data: st.DataObject) -> None:
    """However the channels' results come in, one step at a time, the line is written once if anybody was told."""
    reached = [Reached("c", False, False) for _ in states]
    lines = []
    steps = data.draw(st.permutations([(n, half) for n in range(len(states)) for half in (0, 1)]))
    for n, _ in steps:
        before = list(reached)
        first = not reached[n].tried
        delivered = states[n][0] if first else states[n][0] or states[n][1]
        reached[n] = Reached("c", True, delivered or reached[n].delivered)
        lines.append(told_words(before=before, after=list(reached)))
    assert len([line for line in lines if line]) == (1 if any(one.delivered for one in reached) else 0)
