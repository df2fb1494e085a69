"""Asking the console, and what it means that it is away."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, NoReturn

from incidents.lessons.client.exits import EX_DATAERR, EX_UNAVAILABLE, EX_USAGE, Away, fail, plain, say

ATTEMPTS = 4
STEP_SECONDS, ANSWER_SECONDS, ANSWER_BYTES = 15, 60, 16 * 1024 * 1024
LONGEST_PAUSE = 30.0
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
            with opener.open(request, timeout=STEP_SECONDS) as answer:
                return answer_of(answer)
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                refused(error)
            problem, pause = f"it answers {error.code}", pause_of(error.headers.get("Retry-After"), pause)
        # no connection, no answer in time, half of one, one that is no JSON object
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        if attempt + 1 < ATTEMPTS:
            time.sleep(pause)
    raise Away(f"{base} cannot be reached ({problem}): nothing was recorded. Check READINESS_URL.")


def answer_of(answer: http.client.HTTPResponse) -> dict[str, Any]:
    """The JSON object of an answer. Raises OSError, HTTPException or ValueError for one that is late, too long or
    another thing: a proxy's page, a captive portal's.
    """
    until, blocks, size = time.monotonic() + ANSWER_SECONDS, [], 0
    while True:
        block = answer.read1(65536)
        if not block:
            break
        blocks.append(block)
        size += len(block)
        if size > ANSWER_BYTES or time.monotonic() > until:
            raise ValueError(f"its answer is longer than {ANSWER_BYTES} bytes or took over {ANSWER_SECONDS} s")
    said = json.loads(b"".join(blocks).decode())
    if not isinstance(said, dict):
        raise ValueError("its answer is no JSON object")
    return said


def pause_of(told: str | None, usual: float) -> float:
    """Seconds to wait: what Retry-After says, within bounds; the usual ones where it is absent, a date or nonsense."""
    try:
        seconds = float(told or "")
    except ValueError:
        return usual
    return max(0.0, min(seconds, LONGEST_PAUSE)) if seconds == seconds else usual


def away(options: argparse.Namespace, why: Away, code: int) -> int:
    """The exit status when the console is away: 69, or in a build the command's own, with a warning."""
    say(str(why))
    build = any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in BUILDS)
    if options.if_away == "fail" or (options.if_away == "auto" and not build):
        return EX_UNAVAILABLE
    say("the build goes on without it (--if-away=fail would end it)")
    return code


def refused(error: urllib.error.HTTPError) -> NoReturn:
    try:
        text = error.read(65536).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        text = ""  # the status says enough
    if 300 <= error.code < 400:
        fail(EX_DATAERR, f"the console redirects to {error.headers.get('Location')}: set READINESS_URL to that.")
    try:
        body = json.loads(text)
        lines = [plain(body["detail"]), *(plain(f"  {e['pointer']}: {e['detail']}") for e in body.get("errors", []))]
    except (ValueError, LookupError, TypeError, AttributeError):
        lines = [plain(text[:300])]
    fail(EX_DATAERR, f"the console refused ({error.code}): " + "\n".join(lines))
