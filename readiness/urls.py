"""Every address of the console, one block per subject."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import IntConverter

from flags import api as flags_api
from incidents.errors import ingest as errors_ingest
from incidents.triage import api as triage_api
from incidents.triage import views as triage_views
from readiness.operations import api as operations_api
from readiness.tenants import views as tenants_views



class ProjectIdConverter(IntConverter):
    """A project's number; longer ones than any database key are no projects."""

    regex = "[0-9]{1,15}"


register_converter(ProjectIdConverter, "project")

urlpatterns: list[URLPattern | URLResolver] = [
    # --- people, and Connect; the admin's own sign-in and password pages give way to ours, which know the limits ---
    path("login/", tenants_views.sign_in, name="login"),
    path("logout/", tenants_views.sign_out, name="logout"),
    path("password/", tenants_views.password_change, name="password_change"),
    path("connect/", tenants_views.connect, name="connect"),
    path("connect/tenants/", tenants_views.connect_onboard, name="connect-onboard"),
    path("connect/tenants/<slug:slug>/rotate/", tenants_views.connect_rotate, name="connect-rotate"),
    path("connect/keys/", tenants_views.connect_key, name="connect-key"),
    path("connect/keys/<int:key_id>/revoke/", tenants_views.connect_key_revoke, name="connect-key-revoke"),
    path("admin/login/", tenants_views.to_sign_in),
    path("admin/logout/", tenants_views.sign_out),
    path("admin/password_change/", tenants_views.to_password),
    path("admin/", admin.site.urls),
    # --- capture ---
    path("api/<project:project_id>/envelope/", errors_ingest.envelope),
    path("api/<project:project_id>/envelope", errors_ingest.envelope),
    path("api/<str:project>/envelope/", errors_ingest.not_a_project),
    path("v1/errors", errors_ingest.errors),
    # --- incidents ---
    path("ops/incidents/infra-summary", triage_api.infra_summary),
    path("incidents/", triage_views.incident_list, name="incident-list"),
    # --- service health ---
    path("healthz", operations_api.healthz),
    path("readyz", operations_api.readyz),
    path("health", operations_api.readyz),
    # --- flags ---
    path("config", flags_api.config, name="config"),
]
