"""`GET /config`: what a program may do now, in one small answer that is cheap to ask for often (INTERFACES.md).

Without a key: production's public flags of READINESS_PUBLIC_TENANT, or the installation's; with a key of the scope
config:read: everything of the key's tenant in the key's environment. A flip is in the next answer of every process
within `flags.services.memo`'s bounds, well under a second; caches may lag by the header's times.
"""

from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from flags.services.config import INSTALLATION, etag_matches
from flags.services.memo import AnswerMemo
from flags.workflows import PUBLIC_SCOPE, ConfigAnswer, ConfigScope, config_read, config_stale
from readiness.infra.problem import problem_response
from readiness.infra.refusals import Refusal
from readiness.tenants.access import View, caller_of, machine

CACHE_PUBLIC = "max-age=30, stale-while-revalidate=30, stale-if-error=86400"
CACHE_PRIVATE = f"private, {CACHE_PUBLIC}"

# A browser on another site may read the answer and its tag, and may send a key and a tag of its own.
_CROSS_ORIGIN = {
    "Vary": "Authorization, X-API-Key",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag",
}
_PREFLIGHT = {
    **_CROSS_ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, X-API-Key, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


def _load(scope: ConfigScope, known: ConfigAnswer | None) -> ConfigAnswer:
    return config_read(scope=scope, known=known)


_memo: AnswerMemo[ConfigScope, ConfigAnswer] = AnswerMemo(load=_load, on_stale=config_stale)


def forget_answers() -> None:
    """Answer from the database again at once: for tests, whose databases come and go within one process."""
    _memo.forget_all()


def _refusals_cross_origin(view: View[[]]) -> View[[]]:
    """A refusal too must be readable by the browser that asked, and kept by no cache."""

    @wraps(view)
    def call(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request)
        except Refusal as refusal:
            response = problem_response(refusal)
            for name, value in _CROSS_ORIGIN.items():
                response[name] = value
            response["Cache-Control"] = "no-store"
            return response

    return call


@_refusals_cross_origin
@machine(methods=("GET", "OPTIONS"))
def config(request: HttpRequest) -> HttpResponse:
    """200 with the flags, 304 without a body to an `If-None-Match` that still holds, 401 and 403 for a bad key."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=_PREFLIGHT)
    meta = request.META
    # Most pollers have no key; building request.headers only to see that costs a tenth of the request.
    has_key = "HTTP_AUTHORIZATION" in meta or "HTTP_X_API_KEY" in meta
    caller = caller_of(request, scope="config:read") if has_key else None
    if caller is None:
        scope, cache_control = PUBLIC_SCOPE, CACHE_PUBLIC
    else:
        scope = ConfigScope(caller.project_id or INSTALLATION, caller.environment, public=False)
        cache_control = CACHE_PRIVATE
    document = _memo.answer(scope).document
    headers = {"ETag": document.etag, "Cache-Control": cache_control, **_CROSS_ORIGIN}
    held = meta.get("HTTP_IF_NONE_MATCH")
    if held is not None and etag_matches(header=held, etag=document.etag):
        response = HttpResponse(status=304, headers=headers)
        del response["Content-Type"]
        return response
    response = HttpResponse(document.body, content_type="application/json", headers=headers)
    response["Content-Length"] = str(len(document.body))
    if request.method == "HEAD":
        response.content = b""
    return response
