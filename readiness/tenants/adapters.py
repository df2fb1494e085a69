"""What leaves the subject: INTERFACES' shapes of onboarding and keys, and the texts that connect a program."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from readiness.tenants.services.keys import IssuedKey, Onboarded


def dsn_url(*, base_url: str, public_key: str, project_id: int) -> str:
    """`scheme://<public key>@host[:port][/prefix]/<project id>`, as a Sentry SDK takes it."""
    base = urlsplit(base_url)
    return f"{base.scheme}://{public_key}@{base.netloc}{base.path.rstrip('/')}/{project_id}"


def onboarding_body(onboarded: Onboarded, *, base_url: str) -> dict[str, Any]:
    """`onboard_tenant --json` (INTERFACES): the one moment at which the keys are shown."""
    return {
        "tenant": onboarded.tenant,
        "project_id": onboarded.project_id,
        "dsn": dsn_url(base_url=base_url, public_key=onboarded.public_key, project_id=onboarded.project_id),
        "dsn_trusted": onboarded.trusted,
        "keys": dict(onboarded.keys),
        "config_url": f"{base_url}/config",
        "ofrep_url": base_url,
        "console_url": f"{base_url}/",
    }


def issued_key_body(issued: IssuedKey) -> dict[str, Any]:
    """`create_key --json` (INTERFACES)."""
    return {"name": issued.name, "key": issued.key, "scopes": list(issued.scopes), "tenant": issued.tenant}


def sentry_snippet(*, dsn: str) -> str:
    """Five lines that connect a Python program; any other Sentry SDK takes the same DSN."""
    return f'import sentry_sdk\n\nsentry_sdk.init(\n    dsn="{dsn}",\n    release="my-program@1.0.0",\n)'


def key_words(*, kind: str, key_id: int, public_keys: Mapping[int, str]) -> str:
    """A key as a person finds it on the page: `DSN 1f0c9a2e…`; one that is switched off by its number."""
    if kind == "dsn":
        return f"DSN {public_keys[key_id][:8]}…" if key_id in public_keys else f"DSN key {key_id}, switched off"
    return f"API key {key_id}" if kind == "api" else "A key"


def config_curl(*, base_url: str, key: str = "$READINESS_KEY") -> str:
    """The command that reads this tenant's flags."""
    return f'curl -H "Authorization: Bearer {key}" {base_url}/config'
