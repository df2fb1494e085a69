"""Use-cases of the subject; import them from here."""

from readiness.tenants.workflows.authentication import caller_authenticate, dsn_authenticate, forget_recent_answers
from readiness.tenants.workflows.onboarding import (
    connect_read,
    dsn_key_change,
    dsn_key_create,
    key_create,
    key_revoke,
    keys_rotate,
    project_find,
    project_rename,
    projects_read,
    synthetic_project_ids,
    tenant_find,
    tenant_onboard,
    tenant_rename,
)
from readiness.tenants.workflows.people import (
    FounderEnsured,
    founder_ensure,
    password_set,
    person_add,
    person_change,
    person_sign_in,
)

__all__ = [
    "FounderEnsured",
    "caller_authenticate",
    "connect_read",
    "dsn_authenticate",
    "dsn_key_change",
    "dsn_key_create",
    "forget_recent_answers",
    "founder_ensure",
    "key_create",
    "key_revoke",
    "keys_rotate",
    "password_set",
    "person_add",
    "person_change",
    "person_sign_in",
    "project_find",
    "project_rename",
    "projects_read",
    "synthetic_project_ids",
    "tenant_find",
    "tenant_onboard",
    "tenant_rename",
]
