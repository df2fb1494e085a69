"""The WSGI application that the web server runs."""

import gc
import os
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import django
from django.conf import settings
from django.core.handlers.wsgi import LimitedStream, WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from readiness.infra.lifeline import die_with_supervisor
from readiness.infra.metrics import process_started

die_with_supervisor()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readiness.settings")
django.setup(set_prefix=True)


class Request(WSGIRequest):
    """A body may come in chunks, without a length (Node's Sentry SDK sends its so): Django would take it for empty."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        if not environ.get("CONTENT_LENGTH") and self.method not in ("GET", "HEAD", "OPTIONS"):
            stream = LimitedStream(environ["wsgi.input"], settings.READINESS_MAX_BODY_BYTES + 1)
            self._stream = cast(BinaryIO, stream)


class Application(WSGIHandler):
    request_class = Request


class PrefixedApplication(Application):
    """The console under READINESS_BASE_URL's path: a proxy in front may take the prefix away or leave it."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        prefix, path = settings.FORCE_SCRIPT_NAME or "", environ.get("PATH_INFO", "")
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return super().__call__(environ, start_response)


application: WSGIHandler = PrefixedApplication() if settings.FORCE_SCRIPT_NAME else Application()
get_resolver().url_patterns  # noqa: B018  import the views now, not in the first request
# An event is some thousand objects without a cycle: the collector's default of looking after every 700 of them costs a
# seventh of a capture, and what is loaded by now will never be garbage.
gc.freeze()
gc.set_threshold(20_000, 10, 10)
process_started("web")
