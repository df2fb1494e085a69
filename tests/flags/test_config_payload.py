"""Which row speaks, what the answer holds, and when a client's copy is still good."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.services.config import FlagRow, config_encode, config_payload, config_resolve, etag_matches
from flags.services.values import FlagType

ROW = FlagRow(
    project_id=0,
    environment="production",
    key="syncEnabled",
    type=FlagType.BOOLEAN,
    value=True,
    safe_value=False,
    killed=False,
    public=True,
)


def speaking(*rows: FlagRow, project_id: int = 7, environment: str = "staging") -> FlagRow:
    return config_resolve(rows=rows, project_id=project_id, environment=environment)["syncEnabled"]


def test_it_lets_the_nearest_row_speak() -> None:
    installation = ROW
    installation_staging = replace(ROW, environment="staging")
    own = replace(ROW, project_id=7)
    own_staging = replace(ROW, project_id=7, environment="staging")
    rows = [own_staging, own, installation_staging, installation]
    while rows:
        assert speaking(*reversed(rows)) is rows[0]
        assert speaking(*rows) is rows[0]
        rows.pop(0)


def test_it_ignores_other_projects_and_environments() -> None:
    others = [replace(ROW, project_id=8), replace(ROW, project_id=7, environment="dev")]
    assert config_resolve(rows=others, project_id=7, environment="staging") == {}
    assert speaking(ROW, *others) is ROW


def test_it_lets_no_override_undo_an_installation_wide_kill() -> None:
    killed, own = replace(ROW, killed=True), replace(ROW, project_id=7)
    assert speaking(killed, own) is killed
    assert config_payload(rows=[killed, own], project_id=7, environment="staging", public_only=True) == {
        "syncEnabled": False
    }
    # A kill of what the installation's own nearer row already replaced says nothing.
    staging = replace(ROW, environment="staging")
    assert speaking(killed, staging, own) is own
    # And a project's own kill binds that project only.
    own_killed = replace(own, killed=True)
    assert speaking(ROW, own_killed).effective is False
    assert speaking(ROW, own_killed, project_id=8).effective is True


def test_it_hides_private_flags_from_those_without_a_key() -> None:
    rows = [ROW, replace(ROW, key="secretPlan", public=False), replace(ROW, key="a", public=False)]
    assert config_payload(rows=rows, project_id=0, environment="production", public_only=True) == {"syncEnabled": True}
    everything = config_payload(rows=rows, project_id=0, environment="production", public_only=False)
    assert list(everything) == ["a", "secretPlan", "syncEnabled"]


def test_it_encodes_each_type_as_json_readers_expect() -> None:
    rows = [
        ROW,
        replace(ROW, key="minIntervalSec", type=FlagType.INTEGER, value=900),
        replace(ROW, key="ratio", type=FlagType.NUMBER, value="1.0"),
        replace(ROW, key="colour", type=FlagType.STRING, value='b"lue'),
        replace(ROW, key="plan", type=FlagType.OBJECT, value={"limit": None}),
    ]
    body = config_encode(
        payload=config_payload(rows=rows, project_id=0, environment="production", public_only=True)
    ).body
    assert body == (b'{"colour":"b\\"lue","minIntervalSec":900,"plan":{"limit":null},"ratio":1.0,"syncEnabled":true}')


@given(st.permutations(["a", "b", "c", "d"]), st.booleans())
def test_it_gives_equal_answers_equal_tags_and_others_others(order: list[str], flipped: bool) -> None:
    rows = [replace(ROW, key=key) for key in order]
    document = config_encode(
        payload=config_payload(rows=rows, project_id=0, environment="production", public_only=True)
    )
    rows[0] = replace(rows[0], value=not flipped)
    other = config_encode(payload=config_payload(rows=rows, project_id=0, environment="production", public_only=True))
    assert (other.etag == document.etag) is (not flipped)
    assert (other.body == document.body) is (not flipped)
    assert json.loads(document.body) == dict.fromkeys("abcd", True)


opaque = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f', exclude_categories=["Cc"]),
    max_size=8,
)


@given(
    st.lists(st.tuples(st.booleans(), opaque), max_size=5),
    opaque,
    st.booleans(),
    st.sampled_from([",", ", ", " ,\t", ",,"]),
)
def test_it_compares_weakly_within_lists(held: list[tuple[bool, str]], mine: str, mine_weak: bool, comma: str) -> None:
    tags = [f'{"W/" if weak else ""}"{text}"' for weak, text in held]
    etag = f'{"W/" if mine_weak else ""}"{mine}"'
    assert etag_matches(header=comma.join(tags), etag=etag) is (mine in [text for _, text in held])
    assert etag_matches(header=comma.join([*tags, f'W/"{mine}"']), etag=etag)


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        ("*", True),
        (" * ", True),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", W/"abc"', True),
        ('"a,b", "abc"', True),
        ('"abc-gzip"', False),
        ("abc", False),
        ('w/"abc"', False),
        ('"abc', False),
        ('"abc", rubbish', False),
        ("", False),
        ('"*"', False),
        ('"a"bc"', False),
    ],
)
def test_it_reads_if_none_match_to_the_letter(header: str, matches: bool) -> None:
    assert etag_matches(header=header, etag='"abc"') is matches


@given(st.text(max_size=60))
def test_it_never_breaks_on_a_header(header: str) -> None:
    assert etag_matches(header=header, etag='"0123456789abcdef"') is (header.strip() == "*")
