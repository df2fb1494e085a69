"""Asking the console, and what it means that it is away."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, NoReturn

from incidents.lessons.client.exits import EX_DATAERR, EX_UNAVAILABLE, EX_USAGE, Away, fail, say

ATTEMPTS = 4
BUILDS = ("CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would lose its body, and its key might go to a stranger."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(method: str, path: str, body: dict[str, Any] | bytes | None = None) -> dict[str, Any]:
    """The console's JSON answer, tried several times; bytes are XML. Raises Away; exits 65 if it refuses."""
    base = os.environ.get("READINESS_URL", "http://127.0.0.1:8000").rstrip("/")
    if not base.startswith(("http://", "https://")):
        fail(EX_USAGE, f"READINESS_URL is {base}: give the console's http or https address.")
    headers = {
        "Authorization": "Bearer " + os.environ["READINESS_KEY"].strip(),
        "Content-Type": "application/xml" if isinstance(body, bytes) else "application/json",
        "Idempotency-Key": uuid.uuid4().hex,  # the same for every try: a run is recorded once
    }
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    opener, problem = urllib.request.build_opener(NoRedirect()), ""
    for attempt in range(ATTEMPTS):
        pause = 0.5 * 2.0**attempt
        try:
            request = urllib.request.Request(base + path, data=data, headers=headers, method=method)  # noqa: S310
            with opener.open(request, timeout=15) as answer:
                return dict(json.loads(answer.read().decode()))
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                refused(error)
            problem = f"it answers {error.code}"
            with contextlib.suppress(ValueError):
                pause = min(float(error.headers.get("Retry-After", pause)), 30.0)
        except (OSError, ValueError, TypeError) as error:  # no connection, no answer in time, no JSON object
            problem = str(getattr(error, "reason", error))
        if attempt + 1 < ATTEMPTS:
            time.sleep(pause)
    raise Away(f"{base} cannot be reached ({problem}): nothing was recorded. Check READINESS_URL.")


def away(options: argparse.Namespace, why: Away, code: int) -> int:
    """The exit status when the console is away: 69, or in a build the command's own, with a warning."""
    say(str(why))
    build = any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in BUILDS)
    if options.if_away == "fail" or (options.if_away == "auto" and not build):
        return EX_UNAVAILABLE
    say("the build goes on without it (--if-away=fail would end it)")
    return code


def refused(error: urllib.error.HTTPError) -> NoReturn:
    text = error.read(65536).decode(errors="replace")
    if 300 <= error.code < 400:
        fail(EX_DATAERR, f"the console redirects to {error.headers.get('Location')}: set READINESS_URL to that.")
    try:
        body = json.loads(text)
        lines = [str(body["detail"]), *(f"  {e['pointer']}: {e['detail']}" for e in body.get("errors", []))]
    except (ValueError, LookupError, TypeError, AttributeError):
        lines = [text[:300]]
    fail(EX_DATAERR, f"the console refused ({error.code}): " + "\n".join(lines))
