"""The WSGI application that the web server runs."""

import os

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from readiness.infra.lifeline import die_with_supervisor
from readiness.infra.metrics import process_started

die_with_supervisor()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readiness.settings")
application: WSGIHandler = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018  import the views now, not in the first request
process_started("web")
