"""Keys: how one is made, read from a request's headers, and hashed.

An API key is `rk_` and 43 URL-safe characters: 256 random bits. Nobody guesses it, so a fast keyed hash is the right
way to store it (a slow one protects guessable passwords, and would cost 100 ms a request here). Finding the row by
that hash needs no constant-time comparison either: without the hash key a caller cannot steer the digest, so the time
an index takes to miss it says nothing about any stored key.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field

from readiness.infra.refusals import Unauthenticated

KEY = re.compile(r"rk_[A-Za-z0-9_-]{43}")
PUBLIC_KEY = re.compile(r"[0-9a-f]{32}")
PREFIX_LENGTH = 9

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `key` is shown once and never stored; `prefix` and `hash` are."""

    key: str = field(repr=False)
    prefix: str
    hash: str


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key as it is handed over, once. `tenant` is None for the installation's."""

    id: int
    name: str
    key: str = field(repr=False)
    prefix: str
    scopes: tuple[str, ...]
    tenant: str | None


@dataclass(frozen=True, slots=True)
class Onboarded:
    """What a tenant is handed at onboarding, once: its DSN's parts and one key for each of its scopes."""

    tenant: str
    tenant_id: int
    project_id: int
    public_key: str
    trusted: bool
    keys: dict[str, str] = field(repr=False)


def key_make(*, secret: str) -> NewKey:
    """A new API key, hashed under `secret`."""
    key = "rk_" + secrets.token_urlsafe(32)
    return NewKey(key=key, prefix=key[:PREFIX_LENGTH], hash=key_hash(key=key, secret=secret))


def key_hash(*, key: str, secret: str) -> str:
    """HMAC-SHA256 under the installation's key, 64 hex; the label keeps it apart from other uses of that key."""
    return hmac.digest(secret.encode(), b"api-key:" + key.encode(), "sha256").hex()


def dsn_public_key_make() -> str:
    """32 hex, as every Sentry SDK expects."""
    return secrets.token_hex(16)


def key_from_headers(*, authorization: str | None, api_key: str | None) -> str | None:
    """The key that a request presents, or None if it presents none.

    A proxy's own `Authorization: Basic …` beside an X-API-Key is left alone. Raises Unauthenticated when both headers
    carry a key and disagree, when the only credential is not a Bearer token, and when the key cannot be one of ours.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    header = (api_key or "").strip()
    if bearer and header and bearer != header:
        raise Unauthenticated(
            "Authorization and X-API-Key carry different keys. Send one of them, or the same key in both.",
            headers=_CHALLENGE,
        )
    presented = bearer or header
    if not presented:
        if scheme:
            raise Unauthenticated(
                "The Authorization header carries no Bearer key. Send “Authorization: Bearer rk_…”.", headers=_CHALLENGE
            )
        return None
    if not KEY.fullmatch(presented):
        raise Unauthenticated(
            "This is not a key of this console: keys start with rk_ and have 46 characters. Was it cut short?",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    return presented
