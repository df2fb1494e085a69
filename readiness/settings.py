"""Every setting of the console, in one file; each environment variable is documented in the README's table.

The embedded default (SQLite, a Valkey child, files under READINESS_HOME) needs no variable at all; PostgreSQL and
Redis are a matter of DATABASE_URL and REDIS_URL. Times are UTC throughout.
"""

import os
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF

from readiness.infra.broker import embedded_broker_url

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- where things are -------------------------------------------------------------------------------------------
READINESS_HOME = Path(env.str("READINESS_HOME", default=str(BASE_DIR / "var"))).resolve()
PORT = env.int("PORT", default=8000)
READINESS_BASE_URL = env.str("READINESS_BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
# Where the web server listens; 127.0.0.1 keeps it to this machine, behind a proxy or an SSH tunnel.
READINESS_HOST = env.str("READINESS_HOST", default="127.0.0.1")
READINESS_VERSION = "0.1.0"


def _kept_secret(name: str) -> str:
    """The secret kept in READINESS_HOME/<name>, made on first use, readable by its owner only."""
    path = READINESS_HOME / name
    try:
        return _secret_at(path)
    except OSError as refused:  # nothing of Django is there yet to say it better than a traceback would
        raise SystemExit(f"READINESS_HOME cannot be used ({refused}). Set it to a directory you may write.") from None


def _secret_at(path: Path) -> str:
    if not path.exists():
        READINESS_HOME.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(48))
        try:
            os.link(mine, path)  # atomic, and the first of two starting processes wins
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret("secret.key")
# Hashes that outlive a change of SECRET_KEY (input hashes, content HMACs, evidence chains) have a key of their own.
READINESS_HASH_KEY = env.str("READINESS_HASH_KEY", default="") or _kept_secret("hash.key")

# --- who may reach it -------------------------------------------------------------------------------------------
DEBUG = False
_base = urlsplit(READINESS_BASE_URL)
HTTPS = _base.scheme == "https"
_PREFIX = _base.path  # the console may be served under a path; a proxy in front may strip it or leave it
FORCE_SCRIPT_NAME = _PREFIX or None
ALLOWED_HOSTS = env.list("READINESS_ALLOWED_HOSTS", default=[_base.hostname or "127.0.0.1", "127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# A balancer's probe, and a scraper beside the console, speak plain HTTP.
SECURE_REDIRECT_EXEMPT = [rf"^{_PREFIX.lstrip('/')}/?{name}$" for name in ("healthz", "readyz", "health", "metrics")]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_PREFIX}/"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# --- the house --------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "readiness.tenants",  # before django.contrib.auth: its changepassword command takes the place of Django's
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_filters",
    "django_htmx",
    "csp",
    "django_celery_beat",
    "readiness",
    "readiness.infra",
    "incidents.errors",
    "flags",
    "incidents.triage",
    "incidents.lessons",
    "incidents.scenarios",
    "readiness.operations",
    "readiness.notifications",
    "readiness.programs",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "readiness.middleware.CorrelationMiddleware",
    "readiness.middleware.MachineLaneMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "readiness.middleware.RefusalPageMiddleware",
]
ROOT_URLCONF = "readiness.urls"
WSGI_APPLICATION = "readiness.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]
AUTH_USER_MODEL = "tenants.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# The first founder, made by ensure_founder when there is nobody yet; without a password one is made and printed once.
READINESS_FOUNDER_EMAIL = env.str("READINESS_FOUNDER_EMAIL", default="")
READINESS_FOUNDER_PASSWORD = env.str("READINESS_FOUNDER_PASSWORD", default="")
# Whose X-Forwarded-For is believed when sign-ins are counted: a proxy on this machine, once the base URL is https.
READINESS_TRUSTED_PROXIES = [
    ip_network(proxy, strict=False)
    for proxy in env.list("READINESS_TRUSTED_PROXIES", default=["127.0.0.1", "::1"] if HTTPS else [])
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "readiness.infra.form_renderer.ConsoleRenderer"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # what a form may send; machine bodies are bounded where they are read

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = f"{_PREFIX}/static/"
STATIC_ROOT = env.str("READINESS_STATIC_ROOT", default=str(READINESS_HOME / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- database ---------------------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{READINESS_HOME / 'console.sqlite3'}"
_database: dict[str, Any] = environ.Env.db_url_config(DATABASE_URL)
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        # A write transaction takes its lock when it begins: no upgrade in the middle that could only fail.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # synchronous=FULL: an acknowledged event survives loss of power too. recursive_triggers: INSERT OR REPLACE
        # must meet the append-only triggers.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON; PRAGMA cache_size=-16000;"
            "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;"
        ),
    }
else:
    _database["OPTIONS"] = {
        **_database.get("OPTIONS", {}),
        "pool": {"min_size": 1, "max_size": env.int("READINESS_DB_POOL", default=8), "timeout": 10},
    }
DATABASES = {"default": {"CONN_MAX_AGE": 0 if "postgres" in _database["ENGINE"] else None, **_database}}
DATABASES["default"].setdefault("ATOMIC_REQUESTS", False)

# --- web server -------------------------------------------------------------------------------------------------
# Two captures side by side; on SQLite they take turns to commit. Every thread may wait for a group commit,
# or for a slow sender's body: they are made on need, and end when idle.
READINESS_WEB_PROCESSES = env.int("READINESS_WEB_PROCESSES", default=2)
READINESS_WEB_THREADS = env.int("READINESS_WEB_THREADS", default=256)

# --- broker, workers, beat --------------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="") or embedded_broker_url(READINESS_HOME)
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE = "celery"  # Celery's own default; /metrics shows its length
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_RETRY_ON_WORKER_LOST = True  # as a counted retry, so that a task which kills its process is given up
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.int("READINESS_WORKER_PROCESSES", default=1)
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 1_800
CELERY_TASK_SOFT_TIME_LIMIT = 1_740
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The visibility timeout stays above the longest task; the restore options bring a killed worker's task back in
    # seconds instead of the minute of kombu's defaults.
    "visibility_timeout": 3_600,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # The sign that tasks are consumed; /readyz fails when it stays away. One that nobody took in time is not kept.
    "infra.heartbeat": {"task": "infra.heartbeat", "schedule": 10.0, "options": {"expire_seconds": 30}},
}
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- capture ----------------------------------------------------------------------------------------------------
READINESS_RETENTION_DAYS = env.int("READINESS_RETENTION_DAYS", default=90)
# OTLP's spans wait so long for an error of their trace; those of failing traces stay for days; 0 a minute is no limit.
READINESS_SPAN_BUFFER_MINUTES = env.int("READINESS_SPAN_BUFFER_MINUTES", default=15)
READINESS_SPAN_DAYS = env.int("READINESS_SPAN_DAYS", default=14)
READINESS_SPANS_PER_MINUTE = env.int("READINESS_SPANS_PER_MINUTE", default=6_000)
# Beyond age: how many events one incident keeps in full, the newest; 0 keeps all. Its first and each recurrence stay.
READINESS_EVENTS_PER_INCIDENT = env.int("READINESS_EVENTS_PER_INCIDENT", default=10_000)
READINESS_MAX_BODY_BYTES = env.int("READINESS_MAX_BODY_BYTES", default=20 * 1024 * 1024)  # as sent, compressed
READINESS_MAX_EVENT_BYTES = 1024 * 1024  # one event, decompressed, as Relay has it
# Limits, in errors; 0 switches one off, and founders set a project's own in the admin. What is refused or not kept in
# full is counted, shown, and announced once a day (incidents.errors.services.limits).
READINESS_KEY_EVENTS_PER_MINUTE = env.int("READINESS_KEY_EVENTS_PER_MINUTE", default=300_000)
READINESS_INCIDENT_EVENTS_PER_MINUTE = env.int("READINESS_INCIDENT_EVENTS_PER_MINUTE", default=600)
READINESS_INCIDENT_BURST_MINUTES = env.int("READINESS_INCIDENT_BURST_MINUTES", default=30)  # that many at once
READINESS_SPIKE_FACTOR = env.int("READINESS_SPIKE_FACTOR", default=10)  # times an incident's usual minute
READINESS_PUBLIC_TENANT = env.str("READINESS_PUBLIC_TENANT", default="")
# After an upgrade of the grouping algorithm, how long an unknown hash is also looked for under the one of before.
READINESS_GROUPING_OVERLAP_DAYS = 30

# What has to reach upwards through the house's order is named here and resolved at start-up.
READINESS_INCIDENT_SINK = "incidents.triage.workflows.IncidentSinkInTransaction"
READINESS_TENANT_OF_PROJECT = "readiness.tenants.workflows.tenant_slug_of"  # for the log lines of a delivery
READINESS_KEY_FIGURES = "incidents.errors.workflows.key_lines_read"  # what Connect shows of refused errors
# What people wrote on an incident: one that has any is not merged away.
READINESS_INCIDENT_HOLDERS = ("incidents.lessons.workflows.incident_holdings",)
# Which of the listed incidents have no control, so that they will happen again.
READINESS_INCIDENTS_UNPREVENTED = "incidents.lessons.workflows.incidents_will_recur"
# What subjects above lessons add to SESSION_PLAYBOOK.yaml, such as the plan's phases.
READINESS_PLAYBOOK_CHAPTERS: list[str] = ["readiness.programs.workflows.chapters.playbook_chapters"]
READINESS_ERROR_RECORDER = "incidents.errors.workflows.console_error_record"
READINESS_OUTBOX_HANDLERS: dict[str, str] = {
    "incident.recurred": "incidents.lessons.workflows.control_mark_ineffective",
    "control.changed": "readiness.programs.workflows.control_changed_handle",
    "control.broken": "incidents.lessons.workflows.control_broken_handle",
    "job.run": "readiness.celery.job_run_send",
    "notice": "readiness.notifications.tasks.notice_route",
    "notice.deliver": "readiness.notifications.tasks.delivery_hand_over",
}
# Seconds after each failure, where a topic's differ from the outbox's own. Those of notices are the example that the
# Standard Webhooks specification gives (1.0.0, "Deliverability and reliability"): ten tries in three days.
READINESS_OUTBOX_PAUSES: dict[str, tuple[int, ...]] = {
    "notice.deliver": (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
}
# What each subject recorded under a correlation id; at the same moment the order of this list is the order shown.
READINESS_CORRELATION_READERS: list[str] = [
    "incidents.triage.workflows.correlated.spans_read",
    "incidents.triage.workflows.correlated.errors_read",
    "incidents.triage.workflows.correlated.timeline_read",
    "incidents.triage.workflows.correlated.reports_read",
    "incidents.triage.workflows.correlated.flags_read",
    "incidents.triage.workflows.correlated.outbox_read",
    "readiness.operations.workflows.correlated.job_runs_read",
    "incidents.lessons.workflows.correlated.control_runs_read",
    "readiness.programs.workflows.correlated.evidence_read",
    "readiness.programs.workflows.correlated.verdicts_read",
]
# What each subject knows of "What breaks if users arrive?" (incidents.triage.workflows.ops.RiskSource).
READINESS_RISK_SOURCES: list[str] = [
    "incidents.triage.workflows.risks.incidents_risks_read",
    "incidents.triage.workflows.risks.capture_risks_read",
    "incidents.lessons.workflows.risks.lessons_risks_read",
    "readiness.operations.workflows.risks.operations_risks_read",
    "readiness.programs.workflows.risks.programs_risks_read",
]
# Who knows what the system decided (incidents.triage.services.ops_decisions.DecisionSource); empty: nobody does.
READINESS_DECISION_SOURCE = ""
# Jobs of subjects above operations: what does them (readiness.operations.services.jobs describes them).
READINESS_JOBS: dict[str, str] = {"verdicts": "readiness.programs.workflows.verdicts_record_daily"}

# --- metrics ----------------------------------------------------------------------------------------------------
# What a scraper presents to /metrics as its Bearer token, beside any ops:read key of the installation: it needs no
# database to be checked, so that an outage can be seen. Kept in READINESS_HOME/metrics.token for `credentials_file`.
READINESS_METRICS_TOKEN = env.str("READINESS_METRICS_TOKEN", default="") or _kept_secret("metrics.token")
# True answers /metrics to everybody: for a network where only the scraper reaches the console.
READINESS_METRICS_PUBLIC = env.bool("READINESS_METRICS_PUBLIC", default=False)

# --- mail: one of the ways to tell people (readiness.notifications); without EMAIL_URL it is left out ---------------
EMAIL_URL = env.str("EMAIL_URL", default="")
vars().update(environ.Env.email_url_config(EMAIL_URL) if EMAIL_URL else {})
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("READINESS_EMAIL_FROM", default=f"readiness@{_base.hostname or 'localhost'}")

# --- calls to others (webhooks) ---------------------------------------------------------------------------------
# Ranges beside the public addresses that webhooks may be sent to; everything private is refused otherwise.
READINESS_OUTBOUND_ALLOW = [
    ip_network(network, strict=False) for network in env.list("READINESS_OUTBOUND_ALLOW", default=[])
]

# --- logs -------------------------------------------------------------------------------------------------------
LOGGING_CONFIG = "readiness.infra.logs.configure"
LOGGING = {"level": env.str("READINESS_LOG_LEVEL", default="INFO")}

# Over plain HTTP, HSTS, the redirect and secure cookies are rightly off: readiness.W002 says so once.
SILENCED_SYSTEM_CHECKS = [] if HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
