"""Every address of the console, one block per subject."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path, register_converter
from django.urls.converters import IntConverter

from flags import api as flags_api
from flags import views as flags_views
from incidents.errors import views as errors_views
from incidents.errors.ingest import native as errors_native
from incidents.errors.ingest import otlp as errors_otlp
from incidents.errors.ingest import security as errors_security
from incidents.errors.ingest import sentry as errors_sentry
from incidents.lessons import api as lessons_api
from incidents.lessons import ingest as lessons_ingest
from incidents.lessons import views as lessons_views
from incidents.lessons.views import playbook as playbook_views
from incidents.triage import api as triage_api
from incidents.triage import views as triage_views
from readiness.notifications import views as notifications_views
from readiness.operations import admin as operations_admin
from readiness.operations import api as operations_api
from readiness.operations import views as operations_views
from readiness.programs import api as programs_api
from readiness.programs import ingest as programs_ingest
from readiness.programs import views as programs_views
from readiness.tenants import views as tenants_views


class ProjectIdConverter(IntConverter):
    """A project's number; longer ones than any database key are no projects."""

    regex = "[0-9]{1,15}"


register_converter(ProjectIdConverter, "project")

urlpatterns: list[URLPattern | URLResolver] = [
    # --- what machines ask most comes first: each pattern before it costs a microsecond ---
    path("config", flags_api.config, name="config"),
    path("api/<project:project_id>/envelope/", errors_sentry.envelope),
    path("api/<project:project_id>/envelope", errors_sentry.envelope),
    path("api/<project:project_id>/store/", errors_sentry.store),
    path("api/<project:project_id>/store", errors_sentry.store),
    path("api/<project:project_id>/security/", errors_security.security),
    path("api/<project:project_id>/security", errors_security.security),
    re_path(r"^api/(?P<project>[^/]+)/(?P<door>envelope|store|security)/?$", errors_sentry.not_a_project),
    path("v1/errors", errors_native.errors),
    path("otlp/v1/logs", errors_otlp.logs),
    path("otlp/v1/traces", errors_otlp.traces),
    # --- flags ---
    path("flags/", flags_views.flag_list, name="flag-list"),
    path("flags/<str:key>/", flags_views.flag_page, name="flag"),
    path("flags/<str:key>/apart/", flags_views.flag_apart, name="flag-apart"),
    path("flags/<str:key>/<str:switch>/", flags_views.flag_switch, name="flag-switch"),
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
    path("admin/", operations_admin.index),
    path("admin/", admin.site.urls),
    # --- incidents ---
    path("taxonomy/", errors_views.taxonomy, name="taxonomy"),
    path("limits/seen/", errors_views.limits_seen, name="limits-seen"),
    path("ops/incidents/infra-summary", triage_api.infra_summary),
    path("ops/health", triage_api.health),
    path("ops/risks", triage_api.risks),
    path("ops/trends", triage_api.trends),
    path("ops/decisions", triage_api.decisions),
    path("preflight/", triage_views.preflight, name="preflight"),
    path("incidents/", triage_views.incident_list, name="incident-list"),
    path("incidents/bulk/", triage_views.incident_bulk, name="incident-bulk"),
    path("incidents/merge/", triage_views.incident_merge, name="incident-merge"),
    path("incidents/merges/<project:merge_id>/undo/", triage_views.incident_unmerge, name="incident-unmerge"),
    path("incidents/<str:public_id>/life/", triage_views.incident_life, name="incident-life"),
    path("incidents/<str:public_id>/life/<str:move>/", triage_views.incident_life_move, name="incident-life-move"),
    path("incidents/<str:public_id>/timeline/", triage_views.incident_timeline, name="incident-timeline"),
    path("incidents/<str:public_id>/grouping/", triage_views.incident_grouping, name="incident-grouping"),
    path("incidents/<str:public_id>/split/", triage_views.incident_split, name="incident-split"),
    path("ops/correlations/<path:correlation_id>", triage_api.correlation, name="ops-correlation"),
    path("correlations/", triage_views.correlation_search, name="correlation-search"),
    path("correlations/<path:correlation_id>/", triage_views.correlation, name="correlation"),
    # --- lessons: an incident's own page, controls and their runs, the CI client ---
    path("ops/incidents/<str:public_id>", lessons_api.ops_incident),
    path("v1/controls/due", lessons_api.controls_due),
    path("v1/controls/<str:key>/runs", lessons_ingest.control_runs),
    path("incidents/<str:public_id>/", lessons_views.incident, name="incident"),
    path("incidents/<str:public_id>/post-mortem/", lessons_views.post_mortem, name="post-mortem"),
    path("incidents/<str:public_id>/write/<str:what>/", lessons_views.incident_write, name="incident-write"),
    path("incidents/<str:public_id>/move/<str:move>/", lessons_views.incident_move, name="incident-move"),
    path("controls/<str:public_id>/", lessons_views.control, name="control"),
    path("controls/<str:public_id>/revise/", lessons_views.control_revise, name="control-revise"),
    path("controls/<str:public_id>/waive/", lessons_views.control_waive, name="control-waive"),
    path("incidents/<str:public_id>/written/", lessons_views.incident_written, name="incident-written"),
    path("incidents/<str:public_id>/waive/", lessons_views.incident_waive, name="incident-waive"),
    path("waivers/<str:public_id>/revoke/", lessons_views.waiver_revoke, name="waiver-revoke"),
    path("lessons/", lessons_views.lesson_list, name="lesson-list"),
    path("client/readiness_client.py", lessons_views.client, name="client"),
    # --- the playbook ---
    path("playbook/", playbook_views.playbook, name="playbook"),
    path("playbook/SESSION_PLAYBOOK.yaml", playbook_views.file, name="playbook-file"),
    path("playbook/proposals/", playbook_views.proposals, name="playbook-proposals"),
    path("playbook/proposals/new/", playbook_views.propose, name="playbook-propose"),
    path("playbook/proposals/<project:proposal_id>/", playbook_views.proposal, name="playbook-proposal"),
    path(
        "playbook/proposals/<project:proposal_id>/<str:verdict>/",
        playbook_views.proposal_review,
        name="playbook-review",
    ),
    path("playbook/versions/", playbook_views.versions, name="playbook-versions"),
    path("playbook/versions/raise/", playbook_views.version_raise, name="playbook-version-raise"),
    path("playbook/versions/compare/", playbook_views.versions_asked, name="playbook-versions-asked"),
    path("playbook/versions/<str:older>..<str:newer>/", playbook_views.compare, name="playbook-compare"),
    path("playbook/<project:number>/", playbook_views.section, name="playbook-section"),
    path(
        "playbook/<project:number>/<project:older>..<project:newer>/",
        playbook_views.section_compare,
        name="playbook-section-compare",
    ),
    # --- operations ---
    path("operations/", operations_views.operations, name="operations"),
    path("operations/jobs/<slug:key>/run/", operations_views.job_run_now, name="operations-job-run"),
    path("operations/outbox/<int:message_id>/retry/", operations_views.outbox_retry, name="operations-outbox-retry"),
    # --- notifications: who is told ---
    path("operations/notifications/", notifications_views.telling, name="notifications"),
    path("operations/notifications/channels/", notifications_views.channel_add, name="notifications-channel-add"),
    path(
        "operations/notifications/channels/<project:channel_id>/<slug:move>/",
        notifications_views.channel_move,
        name="notifications-channel-move",
    ),
    path("operations/notifications/rules/", notifications_views.rule_add, name="notifications-rule-add"),
    path(
        "operations/notifications/rules/<project:rule_id>/<slug:move>/",
        notifications_views.rule_move,
        name="notifications-rule-move",
    ),
    path(
        "operations/notifications/deliveries/<project:delivery_id>/retry/",
        notifications_views.delivery_try,
        name="notifications-delivery-retry",
    ),
    # --- service health ---
    path("healthz", operations_api.healthz),
    path("readyz", operations_api.readyz),
    path("health", operations_api.readyz),
    path("metrics", operations_api.metrics),
    # --- programs ---
    path("", programs_views.home, name="home"),
    path("programs/", programs_views.program_list, name="program-list"),
    path("programs/<slug:slug>/", programs_views.program, name="program"),
    path("programs/<slug:slug>/gates/<str:key>/", programs_views.program_gate, name="program-gate"),
    path("programs/<slug:slug>/rubric/<str:key>/", programs_views.program_score, name="program-score"),
    path("programs/<slug:slug>/evidence/", programs_views.program_evidence, name="program-evidence"),
    path("programs/<slug:slug>/history/", programs_views.program_history, name="program-history"),
    path("programs/<slug:slug>/today/", programs_views.program_today, name="program-today"),
    path("ops/verdicts/<str:program>", programs_api.verdict, name="ops-verdict"),
    path("v1/evidence", programs_ingest.evidence, name="evidence"),
]
