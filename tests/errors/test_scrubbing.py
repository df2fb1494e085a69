"""No secret and no personal datum reaches a table."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors.services.normalising import payload_decompress
from readiness.infra.redaction import FILTERED, is_suspect, key_is_secret, scrub, text_scrub
from tests.factories import a_captured_error, an_event

SECRETS = [
    ("password=hunter2", "hunter2"),
    ("Authorization: Bearer abcdefghijkl", "abcdefghijkl"),
    ("postgres://joe:s3cr3t@db/x", "s3cr3t"),
    ("mail joe@example.com now", "joe@example.com"),
    ("card 4111 1111 1111 1111", "4111 1111"),
    ("DE89370400440532013000", "DE8937"),
    ('{"api_key": "abc123"}', "abc123"),
    ("AKIAABCDEFGHIJKLMNOP", "AKIAABC"),
    ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abcdef", "eyJhbGci"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ("ssn 078-05-1120", "078-05"),
    ("rk_U086ExJlQiESYk59WlOrIeCEQ6goaPqDt7aCSoEwKNo", "U086Ex"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_it_takes_secrets_out_of_texts(text: str, secret: str) -> None:
    scrubbed = text_scrub(text)
    assert secret not in scrubbed
    assert FILTERED in scrubbed


@pytest.mark.parametrize(
    "text",
    ["author: Bob", "token invalid", "order 1234567890123456", "monkey: banana", "see /authors/12", "authored_by=bob"],
)
def test_it_leaves_harmless_texts_alone(text: str) -> None:
    assert text_scrub(text) == text


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_the_quick_look_misses_nothing(text: str, secret: str) -> None:
    assert is_suspect(json.dumps({"a": text}).encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_it_keeps_the_shape_of_anything(value: object) -> None:
    assert type(scrub(value)) is type(value) or scrub(value) == FILTERED


@pytest.mark.parametrize(
    "key", ["password", "X-Api-Key", "csrftoken", "user_password", "oauth_token", "Cookie", "auth"]
)
def test_it_knows_secret_keys(key: str) -> None:
    assert key_is_secret(key)
    assert scrub({"outer": [{key: "x"}]}) == {"outer": [{key: FILTERED}]}


def test_nothing_secret_of_an_event_is_stored() -> None:
    line = 'api_key = "sk_live_abcdefghijkl"'
    frames = [{"module": "shop.pay", "function": "charge", "in_app": True, "context_line": line,
               "vars": {"card": "4111111111111111"}}]  # fmt: skip
    value = "declined for joe@example.com, password=hunter2"
    event = an_event(
        exception={"values": [{"type": "PayError", "value": value, "stacktrace": {"frames": frames}}]},
        request={"method": "POST", "url": "https://joe:pw@shop/pay?card=4111111111111111", "data": {"iban": "RAW-BODY"},
                 "query_string": "card=RAW-QUERY", "cookies": {"s": "RAW-COOKIE"},
                 "headers": {"Authorization": "Bearer RAWBEARERTOKEN", "Cookie": "RAW-COOKIE", "Accept": "text/html"}},
        user={"id": "42", "email": "joe@example.com", "ip_address": "192.0.2.3"},
        extra={"db": "postgres://u:RAWPASS@db/x", "nested": {"secret_word": "RAW-NESTED"}},
        breadcrumbs={"values": [{"message": "login token=RAWTOKEN1"}]},
        tags={"session_id": "RAW-TAG"},
    )  # fmt: skip
    captured = a_captured_error(**event)
    stored = repr(captured.envelope) + captured.title + json.dumps(payload_decompress(captured.payload))
    for secret in ("joe@example.com", "hunter2", "4111", "RAW", "sk_live", "192.0.2.3", "pw@"):
        assert secret not in stored, secret
    assert captured.envelope.input_hash is not None
    assert "text/html" in stored
