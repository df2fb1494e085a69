"""The least that Django can do: one view, no middleware, one small answer. What `/config` is measured against.

A WSGI application; READINESS_BENCH_BODY holds the answer.
"""

import os

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

BODY = os.environ["READINESS_BENCH_BODY"].encode()


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json", headers={"Content-Length": str(len(BODY))})


urlpatterns = [path("config", answer)]
settings.configure(SECRET_KEY="of no use", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])
application: WSGIHandler = get_wsgi_application()
