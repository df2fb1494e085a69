"""Which DSN key a request of the Sentry protocol carries; SDKs put it in one of five places, some in several."""

import base64
import binascii
import re
from urllib.parse import unquote, urlsplit

from django.http import HttpRequest

from readiness.infra.refusals import Forbidden, Unauthenticated
from readiness.tenants.services.callers import DsnCaller
from readiness.tenants.workflows import dsn_authenticate

_PAIR = re.compile(r"sentry_key\s*=\s*([0-9a-fA-F]{32})")
_BASIC = re.compile(r"\s*basic\s+([A-Za-z0-9+/=_-]{20,400})\s*", re.IGNORECASE)
_KEY = re.compile(r"[0-9a-fA-F]{32}")


def keys_presented(request: HttpRequest) -> set[str]:
    """The keys of X-Sentry-Auth, Authorization (Sentry's own scheme, or Basic with the key as user) and the query.

    Another Authorization is somebody else's (a proxy's, say) and says nothing here.
    """
    found: set[str] = set()
    meta = request.META
    if match := _PAIR.search(meta.get("HTTP_X_SENTRY_AUTH", "")):
        found.add(match[1].lower())
    if authorization := meta.get("HTTP_AUTHORIZATION"):
        if match := _PAIR.search(authorization):
            found.add(match[1].lower())
        elif key := _basic_user(authorization):
            found.add(key)
    if meta.get("QUERY_STRING"):
        found.update(key.lower() for key in request.GET.getlist("sentry_key") if key)
    return found


def _basic_user(authorization: str) -> str | None:
    match = _BASIC.fullmatch(authorization)
    if match is None:
        return None
    try:
        user = base64.b64decode(match[1] + "==", altchars=None if "+" in match[1] or "/" in match[1] else b"-_")
    except (binascii.Error, ValueError):
        return None
    name = user.split(b":", 1)[0].decode("latin-1")
    return name.lower() if _KEY.fullmatch(name) else None


def key_of_dsn(dsn: object) -> str | None:
    """The key of a whole DSN, as an envelope's header carries it."""
    if not isinstance(dsn, str):
        return None
    try:
        return unquote(urlsplit(dsn).username or "").lower() or None
    except ValueError:
        return None


def dsn_caller(project_id: int, presented: set[str]) -> DsnCaller:
    """Who sends. Raises Unauthenticated (no key, or several that disagree) and Forbidden (not this project's)."""
    if not presented:
        raise Unauthenticated("No DSN key was sent; X-Sentry-Auth carries it as sentry_key=<32 hex>.")
    if len(presented) > 1:
        raise Unauthenticated("Several DSN keys were sent, and they disagree; send one.")
    caller = dsn_authenticate(project_id, next(iter(presented)))
    if caller is None:
        raise Forbidden(f"This DSN key does not belong to project {project_id}, or it was switched off.")
    return caller
